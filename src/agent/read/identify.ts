import { basename, dirname } from 'node:path';
import type { Disk } from '../../platform/disk.ts';
import { lookAt, openFollowed, type FileLook } from '../../platform/followed-file.ts';
import type { Checkpoint } from './checkpoints.ts';
import { FINGERPRINT_BYTES, fingerprintOf, isSame } from './fingerprint.ts';
import { inflateHead } from './gunzip.ts';
import { readPosition } from './position.ts';

/** The beginning of a file: plain, or what is packed in it. */
export interface Head {
  readonly bytes: Buffer;
  readonly size: number;
  readonly look: FileLook;
}

/** Reads a file's beginning; undefined where there is none (empty, no file, not packed whole). */
export const readHead = async (path: string, isGzip: boolean): Promise<Head | undefined> => {
  const file = await openFollowed(path);
  try {
    const look = file.look();
    if (!look.isFile || look.sizeBytes === 0) return undefined;
    const bytes = Buffer.alloc(FINGERPRINT_BYTES);
    const size = isGzip ? await inflateHead(file, bytes) : await file.read(bytes, bytes.length, 0);
    return size === 0 ? undefined : { bytes, size, look };
  } finally {
    file.close();
  }
};

/** Fingerprints shorter than this are nobody's identity but with the same inode. */
const TELLING_BYTES = 128;

/**
 * The source that a file is: by device and inode if it still begins as that source did, else by its
 * beginning alone (a copy, another file system, a packed rotation): a whole fingerprint anywhere, a
 * shorter one in the same folder.
 */
export const findCheckpoint = (
  { bytes, size, look }: Head,
  path: string,
  all: Iterable<Checkpoint>,
  isGzip: boolean,
): Checkpoint | undefined => {
  const digests = new Map<number, string>();
  const begins = ({ length, digest }: Checkpoint['print']): boolean => {
    let own = digests.get(length);
    if (own === undefined) {
      own = fingerprintOf(bytes, length).digest;
      digests.set(length, own);
    }
    return own === digest;
  };
  let byBeginning: Checkpoint | undefined;
  for (const one of all) {
    const isIt = one.identity === look.identity;
    const { length } = one.print;
    if (length > size || (!isIt && length < TELLING_BYTES)) continue;
    if (!isIt && length < FINGERPRINT_BYTES && dirname(one.path) !== dirname(path)) continue;
    const offset = readPosition(one.position)?.offset ?? 0;
    if ((!isGzip && look.sizeBytes < offset) || !begins(one.print)) continue;
    if (isIt) return one;
    byBeginning = one;
  }
  return byBeginning;
};

/** Files beside `path` whose names begin as its does: where rotation puts things. */
export const siblings = async (disk: Disk, path: string): Promise<string[]> => {
  const folder = dirname(path);
  const stem = basename(path).replace(/\.[^.]*$/, '');
  const entries = await disk.list(folder).catch(() => []);
  return entries
    .filter(({ name, kind }) => kind === 'file' && name.startsWith(stem))
    .map(({ name }) => `${folder}/${name}`)
    .filter((sibling) => sibling !== path);
};

/** Where the file with this device and inode is now, beside where it was. */
export const findRenamed = async (
  disk: Disk,
  path: string,
  identity: string,
): Promise<string | undefined> => {
  for (const sibling of await siblings(disk, path)) {
    if (lookAt(sibling)?.identity === identity) return sibling;
  }
  return undefined;
};

/** The largest plain copy of a source's contents beside where it was. */
export const findCopy = async (
  disk: Disk,
  path: string,
  { print, identity }: Checkpoint,
): Promise<{ readonly path: string; readonly look: FileLook } | undefined> => {
  for (const sibling of await siblings(disk, path)) {
    if (sibling.endsWith('.gz')) continue;
    const head = await readHead(sibling, false).catch(() => undefined);
    if (head === undefined || head.look.identity === identity) continue;
    if (isSame(head.bytes, head.size, print)) return { path: sibling, look: head.look };
  }
  return undefined;
};

/** Bytes at the end of a copy that are compared. */
const TAIL_BYTES = 4_096;

/**
 * Whether the file at `path` holds what the other, with this checkpoint, holds up to its own end:
 * it is a copy of it. Also where the other was truncated since, and nobody noticed yet.
 */
export const isCopy = async (path: string, of: string, known: Checkpoint): Promise<boolean> => {
  const [copy, original] = await Promise.all([openFollowed(path), openFollowed(of)]);
  try {
    const head = Buffer.alloc(FINGERPRINT_BYTES);
    if (!isSame(head, await original.read(head, head.length, 0), known.print)) return true;
    const size = copy.look().sizeBytes;
    if (original.look().sizeBytes < size) return false;
    const from = Math.max(0, size - TAIL_BYTES);
    const [a, b] = [Buffer.alloc(TAIL_BYTES), Buffer.alloc(TAIL_BYTES)];
    const sizes = [
      await copy.read(a, size - from, from),
      await original.read(b, size - from, from),
    ];
    return sizes[0] === sizes[1] && a.equals(b);
  } finally {
    copy.close();
    original.close();
  }
};
