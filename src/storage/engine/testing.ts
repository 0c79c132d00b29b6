import { hkdfSync } from 'node:crypto';
import type { Batch } from '../../model/batch.ts';
import type { Bucket, Keyring, NumberedBatch } from '../../model/storage.ts';
import { systemClock } from '../../platform/clock.ts';
import { systemDisk } from '../../platform/disk.ts';
import { silentLog, type Log } from '../../platform/log.ts';
import { systemRandom } from '../../platform/random.ts';
import { assembleEmbedded, type EmbeddedEngineOptions } from './embedded.ts';
import type { Engine, EngineHome } from './engine.ts';

/** A real engine over a directory of its own, for tests. */
export interface TestEngine {
  readonly engine: Engine;
  readonly home: EngineHome;
  /** Batches that the writer has released, in order. */
  readonly released: NumberedBatch[];
  /** Numbers a batch, hands it to the writer and waits until it is searchable. */
  store(batch: Batch): Promise<NumberedBatch>;
}

/** Keys from a fixed secret, so that a test may open the same directory twice. */
export const testKeyring: Keyring = {
  dataKey: (disk) =>
    Promise.resolve(new Uint8Array(hkdfSync('sha256', 'test', '', `disk ${disk}`, 32))),
};

/** Starts an embedded engine below `directory` (absolute; made when missing). */
export async function startTestEngine(
  directory: string,
  options: Partial<EmbeddedEngineOptions> & { log?: Log } = {},
): Promise<TestEngine> {
  const released: NumberedBatch[] = [];
  await systemDisk.makeDirectory(directory);
  const { engine, home } = assembleEmbedded({
    dataDirectory: directory,
    keyring: testKeyring,
    release: { release: (batch) => void released.push(batch) },
    clock: systemClock,
    disk: systemDisk,
    log: silentLog,
    random: systemRandom,
    ...options,
  });
  await engine.start();
  const seqs = new Map<string, number>();
  return {
    engine,
    home,
    released,
    async store(batch) {
      const { tenant, observedNs, signal } = batch;
      const bucket = engine.catalog.bucketFor(tenant, 'default', observedNs, signal);
      await engine.catalog.learn(bucket, batch.layouts);
      const lane = signal === 'logs' ? `${tenant}/default/test` : `${tenant}/default/test/spans`;
      const seq = seqs.get(lane) ?? 0;
      seqs.set(lane, seq + batch.rows);
      const numbered = numberBatch(batch, bucket, seq, lane);
      engine.writer.enqueue(numbered);
      await engine.writer.flush(batch.tenant, batch.minNs, batch.maxNs);
      return numbered;
    },
  };
}

/** A batch as the journal would hand it out, kept in memory. */
export function numberBatch(
  batch: Batch,
  bucket: Bucket,
  seq: number,
  lane = `${batch.tenant}/default/test`,
): NumberedBatch {
  const { data, ...rest } = batch;
  return {
    ...rest,
    lane,
    seq,
    segment: 0,
    bucket,
    sizeBytes: data.length,
    load: () => Promise.resolve(data),
  };
}
