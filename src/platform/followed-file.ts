import { fstatSync, statSync, type BigIntStats } from 'node:fs';
import * as fs from 'node:fs/promises';

/**
 * Files of others that are read while they are written. Looking is synchronous on purpose: it takes
 * three microseconds where the asynchronous way takes thirty, and hundreds of idle files are looked
 * at every second.
 */
export interface FollowedFile {
  /** How the open file is now, also when its name is gone. */
  look(): FileLook;
  /** Reads up to `sizeBytes` at `position` into `into`; fewer, or 0, at the end of the file. */
  read(into: Uint8Array, sizeBytes: number, position: number): Promise<number>;
  close(): void;
}

export interface FileLook {
  /** Device and inode: the same through renames, and given anew after a deletion. */
  readonly identity: string;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  /** Names that it has; 0 once it is deleted. */
  readonly links: number;
}

const lookOf = (stat: BigIntStats): FileLook => ({
  identity: `${stat.dev.toString(36)}-${stat.ino.toString(36)}`,
  isFile: stat.isFile(),
  isDirectory: stat.isDirectory(),
  sizeBytes: Number(stat.size),
  modifiedMs: Number(stat.mtimeNs / 1_000_000n),
  links: Number(stat.nlink),
});

/** How the file of that name is now, through symbolic links; undefined when there is none. */
export function lookAt(path: string): FileLook | undefined {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? undefined : lookOf(stat);
}

/** Opens a file to follow it. Rejects with Node's errors (see `errorCode`). */
export async function openFollowed(path: string): Promise<FollowedFile> {
  // Without blocking: a pipe that took the file's name must not hang a thread.
  const handle = await fs.open(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  return {
    look: () => lookOf(fstatSync(handle.fd, { bigint: true })),
    read: async (into, sizeBytes, position) =>
      (await handle.read(into, 0, sizeBytes, position)).bytesRead,
    close: () => void handle.close().catch(() => undefined),
  };
}
