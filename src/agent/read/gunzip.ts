import { createGunzip, type Gunzip } from 'node:zlib';
import type { FollowedFile } from '../../platform/followed-file.ts';

/** What is unpacked at once. */
const PACKED_BYTES = 65_536;

/**
 * The contents of a gzip file, in pieces; throws zlib's error where it is damaged, and one with
 * code Z_BUF_ERROR where it ends early (its writer may not be done). Members may follow each other.
 */
export async function* inflated(file: FollowedFile): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const feeding = feed(gunzip, file);
  // What goes wrong while feeding is told by the stream itself.
  feeding.catch((error: unknown) => gunzip.destroy(error as Error));
  try {
    for await (const piece of gunzip) yield piece as Buffer;
    await feeding;
  } finally {
    gunzip.destroy();
  }
}

const feed = async (gunzip: Gunzip, file: FollowedFile): Promise<void> => {
  for (let position = 0; !gunzip.destroyed;) {
    const packed = Buffer.allocUnsafe(PACKED_BYTES);
    const size = await file.read(packed, packed.length, position);
    if (size === 0) break;
    position += size;
    await new Promise<void>((resolve) => {
      if (gunzip.destroyed || gunzip.write(packed.subarray(0, size), () => undefined)) resolve();
      else {
        gunzip.once('drain', resolve);
        gunzip.once('close', resolve);
      }
    });
  }
  gunzip.end();
};

/** Unpacks the first bytes into `into`; how many there are. 0 where nothing can be unpacked. */
export const inflateHead = async (file: FollowedFile, into: Buffer): Promise<number> => {
  let size = 0;
  try {
    for await (const piece of inflated(file)) {
      size += piece.copy(into, size);
      if (size >= into.length) break;
    }
  } catch {
    return 0;
  }
  return size;
};
