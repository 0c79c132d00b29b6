import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * How a file is opened.
 * - `read`: must exist.
 * - `append`: made when missing; writes go to the end; may be read too.
 * - `create`: must not exist yet (fails with EEXIST); otherwise as `append`.
 */
export type OpenMode = 'read' | 'append' | 'create';

/** One open file. Calls on one file must not overlap, save for reads. */
export interface DiskFile {
  readonly path: string;
  /**
   * Writes all chunks, in order, at the end. When it throws, any prefix of them may stand in the
   * file, even all: truncate to the size known before, or give the file up.
   */
  append(chunks: readonly Uint8Array[]): Promise<void>;
  /** Makes the contents durable (fdatasync). When it throws, nothing is known to be durable. */
  syncData(): Promise<void>;
  /** Reads up to `into.length` bytes from `position`; fewer only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  sizeBytes(): Promise<number>;
  truncate(sizeBytes: number): Promise<void>;
  close(): Promise<void>;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'other';
}

export interface FileStatus {
  readonly kind: 'file' | 'directory' | 'other';
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Identity of the file on its device: changes when a log is rotated. */
  readonly inode: bigint;
}

export interface DiskSpace {
  /** What an unprivileged writer may still use. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/**
 * The only door to files. Errors are Node's own, with `code` (see `isMissing`, `isDiskFull`).
 * A test or a simulation wraps it to make calls fail, before or after they took effect.
 */
export interface Disk {
  /** `permissions` (default 0o600) apply when the file is made. */
  open(path: string, mode: OpenMode, permissions?: number): Promise<DiskFile>;
  /** The whole file. For files whose size our own limits bound. */
  readFile(path: string): Promise<Buffer>;
  /**
   * Replaces the file so that a crash leaves the old or the new contents, never a mix, and makes
   * it durable: a temporary file beside it, fdatasync, rename, fsync of the directory. When it
   * throws, the new contents may stand all the same.
   */
  replaceFile(path: string, contents: Uint8Array | string, permissions?: number): Promise<void>;
  /** Atomic on one file system; durable after `syncDirectory` of the parent. */
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Removes a directory and everything in it; a missing one is no error. */
  removeTree(path: string): Promise<void>;
  /** Entries in no particular order. */
  list(path: string): Promise<DirectoryEntry[]>;
  /** Makes the directory and its parents (0o700); an existing one is no error. */
  makeDirectory(path: string): Promise<void>;
  /** Makes made, renamed and unlinked names in this directory durable. */
  syncDirectory(path: string): Promise<void>;
  /** Undefined when nothing is there. Follows symbolic links. */
  status(path: string): Promise<FileStatus | undefined>;
  /** Space of the file system that holds `path`. */
  space(path: string): Promise<DiskSpace>;
}

const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

const openFlags: Record<OpenMode, number> = {
  read: constants.O_RDONLY,
  append: constants.O_RDWR | constants.O_APPEND | constants.O_CREAT,
  create: constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL,
};

/**
 * Makes a directory and, the first time round, its parents. Node's own way (`recursive`) never ends
 * where the kernel says "no such directory" below one that is there, as it does in /proc.
 */
async function makeTree(path: string, hasParents: boolean): Promise<void> {
  try {
    await fs.mkdir(path, { mode: PRIVATE_DIRECTORY });
  } catch (error) {
    if (isMissing(error) && !hasParents && dirname(path) !== path) {
      await makeTree(dirname(path), false);
      return makeTree(path, true);
    }
    const isThere = await fs.stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isThere) throw error;
  }
}

/** The machine's own disk. */
export const systemDisk: Disk = {
  async open(path, mode, permissions = PRIVATE_FILE) {
    return fileOver(path, await fs.open(path, openFlags[mode], permissions));
  },
  readFile: (path) => fs.readFile(path),
  replaceFile,
  rename: (from, to) => fs.rename(from, to),
  unlink: (path) => fs.unlink(path),
  removeTree: (path) => fs.rm(path, { recursive: true, force: true }),
  async list(path) {
    const entries = await fs.readdir(path, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
  },
  makeDirectory: (path) => makeTree(path, false),
  syncDirectory,
  async status(path) {
    try {
      const stat = await fs.stat(path, { bigint: true });
      const modifiedMs = Number(stat.mtimeMs);
      return { kind: kindOf(stat), sizeBytes: Number(stat.size), modifiedMs, inode: stat.ino };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  async space(path) {
    const space = await fs.statfs(path);
    return { freeBytes: space.bavail * space.bsize, totalBytes: space.blocks * space.bsize };
  },
};

function fileOver(path: string, handle: fs.FileHandle): DiskFile {
  return {
    path,
    append: (chunks) =>
      writeFully(async (some) => (await handle.writev(some)).bytesWritten, chunks),
    syncData: () => handle.datasync(),
    async read(into, position) {
      let filled = 0;
      while (filled < into.length) {
        const left = into.length - filled;
        const { bytesRead } = await handle.read(into, filled, left, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return filled;
    },
    sizeBytes: async () => (await handle.stat()).size,
    truncate: (sizeBytes) => handle.truncate(sizeBytes),
    close: () => handle.close(),
  };
}

/**
 * Writes chunks until all are written: the system may take only part of them in one call, on a
 * nearly full disk for example. `write` answers how many bytes it took; none at all is an error.
 */
export async function writeFully(
  write: (chunks: Uint8Array[]) => Promise<number>,
  chunks: readonly Uint8Array[],
): Promise<void> {
  let left = chunks.filter((chunk) => chunk.length > 0);
  while (left.length > 0) {
    const written = await write(left);
    if (written <= 0) throw new Error('the disk took no bytes and gave no reason');
    left = dropFront(left, written);
  }
}

function dropFront(chunks: Uint8Array[], sizeBytes: number): Uint8Array[] {
  let at = 0;
  let toDrop = sizeBytes;
  for (let chunk = chunks[at]; chunk !== undefined; chunk = chunks[at]) {
    if (toDrop < chunk.length) return [chunk.subarray(toDrop), ...chunks.slice(at + 1)];
    toDrop -= chunk.length;
    at += 1;
  }
  return [];
}

async function replaceFile(
  path: string,
  contents: Uint8Array | string,
  permissions = PRIVATE_FILE,
): Promise<void> {
  const temporary = `${path}.new`;
  // A crash may have left one behind; it was never named, so nothing is lost with it.
  await fs.rm(temporary, { force: true });
  const handle = await fs.open(temporary, openFlags.create, permissions);
  try {
    await handle.writeFile(contents);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await fs.rename(temporary, path);
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await fs.open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function kindOf(entry: { isFile(): boolean; isDirectory(): boolean }): FileStatus['kind'] {
  if (entry.isFile()) return 'file';
  return entry.isDirectory() ? 'directory' : 'other';
}

/** The file or directory is not there. */
export function isMissing(error: unknown): boolean {
  return errorCode(error) === 'ENOENT';
}

/** The file system, or this user's share of it, is full. */
export function isDiskFull(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** The system's name for an error ('ENOENT', 'ECONNRESET' ...); undefined for other errors. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
