import { createHash, timingSafeEqual } from 'node:crypto';
import { KIND, MsgpackReader } from './forward-msgpack.ts';

/**
 * The handshake of the forward protocol (v1, "Authentication"): the server sends
 * `['HELO', {nonce, auth, keepalive}]`, the client
 * `['PING', host, salt, sha512(salt + host + nonce + key), user, sha512(auth + user + password)]`,
 * the server `['PONG', ok, reason, host, sha512(salt + host + nonce + key)]`; digests in
 * hexadecimal.
 *
 * Nothing in it is decoded as UTF-8: Fluent Bit sends its salt, random bytes, as text.
 */
export interface Challenge {
  readonly nonce: Uint8Array;
  /** Empty where no user has to show a password. */
  readonly auth: Uint8Array;
}

const NONCE_BYTES = 16;
const NAME = 'meshtrail';
const MOST_IDENTITY = 256;

/** Both salts from the connection's random bytes. */
export const challengeOf = (random: Uint8Array, userAuth: boolean): Challenge => {
  const salt = (word: string): Uint8Array =>
    createHash('sha512').update(`forward ${word}`).update(random).digest().subarray(0, NONCE_BYTES);
  return { nonce: salt('nonce'), auth: userAuth ? salt('auth') : Buffer.alloc(0) };
};

/** Text below 2^16 bytes. */
const text = (words: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(words);
  const { length } = bytes;
  const head =
    length < 32
      ? [0xa0 | length]
      : length < 256
        ? [0xd9, length]
        : [0xda, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), bytes]);
};

const bytes = (value: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([0xc4, value.length]), value]);

/** Fluentd sends an empty salt as text. */
export const helo = ({ nonce, auth }: Challenge): Buffer =>
  Buffer.concat([
    Buffer.from([0x92]),
    text('HELO'),
    Buffer.from([0x83]),
    text('nonce'),
    bytes(nonce),
    text('auth'),
    auth.length > 0 ? bytes(auth) : text(''),
    text('keepalive'),
    Buffer.from([0xc3]),
  ]);

export interface Ping {
  readonly host: Uint8Array;
  readonly salt: Uint8Array;
  readonly keyDigest: Uint8Array;
  readonly user: Uint8Array;
  readonly passwordDigest: Uint8Array;
}

const WORD = Buffer.from('PING');

/** The PING at `at`, which a scan has found whole; undefined where it is none. */
export const readPing = (buf: Buffer, at: number): Ping | undefined => {
  const reader = new MsgpackReader(buf, at);
  if (reader.next() !== KIND.array || reader.count !== 6) return undefined;
  const parts: Buffer[] = [];
  for (let i = 0; i < 6; i++) {
    const kind = reader.next();
    if (kind !== KIND.text && kind !== KIND.bytes) return undefined;
    parts.push(buf.subarray(reader.start, reader.stop));
  }
  const [word, host, salt, keyDigest, user, passwordDigest] = parts as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  return word.equals(WORD) ? { host, salt, keyDigest, user, passwordDigest } : undefined;
};

const digestOf = (...parts: (string | Uint8Array)[]): Buffer => {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return Buffer.from(hash.digest('hex'), 'latin1');
};

const isSame = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && timingSafeEqual(a, b);

/** Whether the sender knows the key: as shared key and, where users are asked, as password. */
export const knowsKey = (
  { host, salt, keyDigest, user, passwordDigest }: Ping,
  { nonce, auth }: Challenge,
  key: string,
): 'yes' | 'wrong key' | 'wrong password' => {
  if (!isSame(keyDigest, digestOf(salt, host, nonce, key))) return 'wrong key';
  if (auth.length === 0 || isSame(passwordDigest, digestOf(auth, user, key))) return 'yes';
  return 'wrong password';
};

/** Who the sender is, once it is believed. */
export const identityOf = ({ host, user }: Ping, { auth }: Challenge): string =>
  Buffer.from(auth.length > 0 ? user : host)
    .subarray(0, MOST_IDENTITY)
    .toString('utf8');

/** Parts of a PONG; clients refuse a server that has their own name. */
export type Pong = readonly ['PONG', boolean, string, string, string];

export const pongFor = ({ host, salt }: Ping, { nonce }: Challenge, key: string): Pong => {
  const name = Buffer.from(host).toString('latin1') === NAME ? `${NAME}-server` : NAME;
  return ['PONG', true, '', name, digestOf(salt, name, nonce, key).toString('latin1')];
};

/** @param reason at most 31 bytes: Fluent Bit copies it into 32 */
export const refusal = (reason: string): Pong => ['PONG', false, reason, '', ''];

export const encodePong = ([word, ok, ...rest]: Pong): Buffer =>
  Buffer.concat([
    Buffer.from([0x95]),
    text(word),
    Buffer.from([ok ? 0xc3 : 0xc2]),
    ...rest.map(text),
  ]);
