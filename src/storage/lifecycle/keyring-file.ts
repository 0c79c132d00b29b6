import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { type KeyWrapper, ROOT_KEY_BYTES } from './keyring-wrapper.ts';

/**
 * The keyring's file, as text: JSON with every data key wrapped on its own, and over all of it a
 * seal: the SHA-256 of the body, wrapped too. Each wrap is bound to its key's number, so keys
 * cannot change places; the seal shows a key that was taken out or put back.
 */
export interface KeyringContents {
  /** 32 secret bytes by number. */
  readonly keys: ReadonlyMap<number, Uint8Array>;
  /** Numbers whose key was destroyed: they never get another one. */
  readonly destroyed: ReadonlySet<number>;
  /** How often the file was written; grows by one with each writing. */
  readonly generation: number;
  /** The wrapped form of each key, reused at the next writing. */
  readonly wrapped: ReadonlyMap<number, string>;
}

export const EMPTY_KEYRING: KeyringContents = {
  keys: new Map(),
  destroyed: new Set(),
  generation: 0,
  wrapped: new Map(),
};

const FORMAT = 'meshtrail keyring';
const VERSION = 1;

const base64 = z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/);
const keyNumber = z.number().int().min(0);
const fileShape = z.strictObject({
  format: z.literal(FORMAT),
  version: z.number().int(),
  wrapper: z.string(),
  generation: z.number().int().min(0),
  keys: z.array(z.tuple([keyNumber, base64])).max(LIMITS.keyringKeys),
  destroyed: z.array(keyNumber),
  seal: base64,
});
type FileShape = z.infer<typeof fileShape>;

/** Wraps keys that were not wrapped before, and seals the whole. */
export async function encodeKeyring(
  contents: Omit<KeyringContents, 'wrapped'>,
  wrappedBefore: ReadonlyMap<number, string>,
  wrapper: KeyWrapper,
): Promise<{ text: string; wrapped: ReadonlyMap<number, string> }> {
  const wrapped = new Map<number, string>();
  for (const [number, key] of contents.keys) {
    const before = wrappedBefore.get(number);
    wrapped.set(number, before ?? toBase64(await wrapper.wrap(key, keyContext(number))));
  }
  const body = {
    format: FORMAT,
    version: VERSION,
    wrapper: wrapper.id,
    generation: contents.generation,
    keys: [...wrapped].sort(([a], [b]) => a - b),
    destroyed: [...contents.destroyed].sort((a, b) => a - b),
  } as const;
  const seal = toBase64(await wrapper.wrap(digest(body), sealContext(body.generation)));
  return { text: `${JSON.stringify({ ...body, seal }, undefined, 1)}\n`, wrapped };
}

/**
 * Reads and checks a keyring file.
 * Throws MeshtrailError `keyring_version`, `keyring_wrong_root_key`, `keyring_damaged`.
 */
export async function decodeKeyring(text: string, wrapper: KeyWrapper): Promise<KeyringContents> {
  const { seal, ...body } = parseFile(text);
  if (body.wrapper !== wrapper.id) throw wrongRootKey(body.wrapper, wrapper.id);
  let sealed: Uint8Array;
  const keys = new Map<number, Uint8Array>();
  try {
    sealed = await wrapper.unwrap(Buffer.from(seal, 'base64'), sealContext(body.generation));
    for (const [number, wrapped] of body.keys) {
      keys.set(number, await wrapper.unwrap(Buffer.from(wrapped, 'base64'), keyContext(number)));
    }
  } catch (error) {
    throw damaged('a key or the seal does not open', error);
  }
  const expected = digest(body);
  if (sealed.length !== expected.length || !timingSafeEqual(sealed, expected)) {
    throw damaged('its contents are not those that were sealed');
  }
  if (keys.size !== body.keys.length) throw damaged('a key number appears twice');
  for (const key of keys.values()) {
    if (key.length !== ROOT_KEY_BYTES) throw damaged('a key has the wrong length');
  }
  const { generation } = body;
  return { keys, destroyed: new Set(body.destroyed), generation, wrapped: new Map(body.keys) };
}

function parseFile(text: string): FileShape {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw damaged('it is not JSON', error);
  }
  const version = z.object({ format: z.literal(FORMAT), version: z.number() }).safeParse(json);
  if (!version.success) throw damaged('it is not a keyring');
  if (version.data.version !== VERSION) {
    throw new MeshtrailError(
      'keyring_version',
      `the keyring has format version ${version.data.version}; this program knows ${VERSION}`,
      'Run the program version that wrote it, or a newer one.',
    );
  }
  const parsed = fileShape.safeParse(json);
  if (!parsed.success) throw damaged('its shape is wrong', parsed.error);
  return parsed.data;
}

function digest(body: Omit<FileShape, 'seal'>): Buffer {
  const { format, version, wrapper, generation, keys, destroyed } = body;
  const canonical = JSON.stringify([format, version, wrapper, generation, keys, destroyed]);
  return createHash('sha256').update(canonical).digest();
}

const keyContext = (number: number): string => `meshtrail data key ${number}`;
const sealContext = (generation: number): string => `meshtrail keyring seal ${generation}`;
const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

function damaged(what: string, cause?: unknown): MeshtrailError {
  return new MeshtrailError(
    'keyring_damaged',
    `the keyring cannot be used: ${what}`,
    'Put the keyring file back from its backup. No new keys are made over it.',
    { cause },
  );
}

function wrongRootKey(expected: string, got: string): MeshtrailError {
  return new MeshtrailError(
    'keyring_wrong_root_key',
    `the keyring was made under root key ${expected}, not ${got}`,
    'Give the root key that the keyring was made with.',
  );
}
