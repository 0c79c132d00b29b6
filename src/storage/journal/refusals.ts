import type { Batch } from '../../model/batch.ts';
import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Bucket } from '../../model/storage.ts';

/** What the journal says when it does not take a batch. */

export function full(): MeshtrailError {
  return new MeshtrailError(
    'journal_full',
    'the journal has no room until the engine has caught up',
    'Send again later. The budget is journal.max_bytes.',
  );
}

/** `certain`: nothing of the batch will come back; else a restart may still find it on disk. */
export function failed(certain: boolean, cause: unknown): MeshtrailError {
  return new MeshtrailError(
    'journal_failed',
    certain
      ? 'the journal could not write; nothing of the batch was kept'
      : 'the journal could not write; whether the batch was kept is not known',
    'Send again later, and look at the disk that holds the journal.',
    { cause },
  );
}

export function closing(): MeshtrailError {
  return new MeshtrailError('journal_failed', 'the journal is closing', 'Send again later.');
}

/** Why a batch of `sizeBytes` cannot be written at all; undefined when it can. */
export function ofBatch(
  batch: Batch,
  lane: string,
  bucket: Bucket,
  sizeBytes: number,
): MeshtrailError | undefined {
  const { rows, observedNs, minNs, maxNs, protocol } = batch;
  if (rows < 1 || rows > LIMITS.rowsPerBatch) return unfit(`it has ${rows} rows`);
  if (sizeBytes > LIMITS.journalFrameBytes) return unfit(`it has ${sizeBytes} bytes`);
  for (const time of [observedNs, minNs, maxNs]) {
    if (BigInt.asIntN(64, time) !== time) return unfit('a time does not fit 64 bits');
  }
  for (const name of [lane, bucket.id, protocol]) {
    if (Buffer.byteLength(name) > LIMITS.laneNameBytes) return unfit('a name is too long');
  }
  return undefined;
}

function unfit(why: string): MeshtrailError {
  return new MeshtrailError('journal_unfit', `the journal cannot take the batch: ${why}`);
}
