import { MeshtrailError } from '../../model/errors.ts';
import type { Disk } from '../../platform/disk.ts';
import { decodeFrameHeader, HEADER_MAX_BYTES, TAG_BYTES } from './format.ts';
import { decrypt, type FrameKeys } from './frame-cipher.ts';
import { splitPayload } from './frame-notes.ts';
import type { ReadBack } from './pending.ts';

/**
 * Reads batches back from their files, checking header and tag.
 * Rejects with MeshtrailError `journal_damaged` when the frame rotted since it was written.
 */
export function readFrame(
  disk: Disk,
  keys: FrameKeys,
  counters: { readBacks: number; damages: number },
): ReadBack {
  return async (batch) => {
    const { file, offset, sizeBytes, notesBytes, lane, seq } = batch;
    counters.readBacks += 1;
    const handle = await disk.open(file.path, 'read');
    try {
      const buffer = Buffer.allocUnsafeSlow(HEADER_MAX_BYTES + sizeBytes + notesBytes + TAG_BYTES);
      const bytes = buffer.subarray(0, await handle.read(buffer, offset));
      const header = decodeFrameHeader(bytes, file.number, offset);
      if (header?.kind === 'batch' && header.lane === lane && header.seq === seq) {
        const key = await keys.get(header.disk, header.salt);
        const { headerBytes, payloadBytes } = header;
        const payload = bytes.subarray(headerBytes, headerBytes + payloadBytes);
        const clear = decrypt(key, header.counter, bytes.subarray(0, headerBytes), payload);
        const parts = clear && splitPayload(header, clear);
        if (parts !== undefined) return parts.data;
      }
    } finally {
      await handle.close();
    }
    counters.damages += 1;
    file.damaged = true;
    throw new MeshtrailError(
      'journal_damaged',
      `rows ${seq} to ${seq + batch.rows - 1} of ${lane} cannot be read back from the journal`,
      'The disk has altered them. The file is set aside when the rest of it is stored.',
    );
  };
}
