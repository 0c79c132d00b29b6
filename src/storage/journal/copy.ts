import { dirname } from 'node:path';
import type { Disk, DiskFile } from '../../platform/disk.ts';

const COPY_BYTES = 1 << 20;
/** Ends the name of a copy that is not whole yet. */
export const COPY_SUFFIX = '.copy';

/** Puts the first `sizeBytes` of `from` at `path`, durably and at once. */
export async function copyFile(
  disk: Disk,
  from: DiskFile,
  path: string,
  sizeBytes: number,
): Promise<void> {
  const temporary = `${path}${COPY_SUFFIX}`;
  try {
    await writeCopy(disk, from, temporary, sizeBytes);
    await disk.rename(temporary, path);
    await disk.syncDirectory(dirname(path));
  } catch (error) {
    // It would take space on a disk that may be full.
    await disk.unlink(temporary).catch(() => undefined);
    throw error;
  }
}

async function writeCopy(
  disk: Disk,
  from: DiskFile,
  path: string,
  sizeBytes: number,
): Promise<void> {
  const to = await disk.open(path, 'create');
  try {
    const buffer = Buffer.allocUnsafeSlow(Math.min(COPY_BYTES, sizeBytes));
    for (let at = 0; at < sizeBytes; at += COPY_BYTES) {
      const length = Math.min(buffer.length, sizeBytes - at);
      const filled = await from.read(buffer.subarray(0, length), at);
      if (filled < length) throw new Error('the file became shorter while it was copied');
      await to.append([buffer.subarray(0, length)]);
    }
    await to.syncData();
  } finally {
    await to.close();
  }
}
