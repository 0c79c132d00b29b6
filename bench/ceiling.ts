import { closeSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createNdjson } from '../src/ingest/decode/ndjson.ts';
import { createNormalize } from '../src/ingest/normalize/recognise.ts';
import { Pipeline } from '../src/app/pipeline.ts';
import { LIMITS, overrideLimits } from '../src/model/limits.ts';
import { systemClock } from '../src/platform/clock.ts';
import { numberBatch } from '../src/storage/engine/testing.ts';
import { nativeBody } from '../src/storage/engine/native-body.ts';
import { startDirectEngine } from './direct-engine.ts';
import { bytesByOwner } from './disk.ts';
import type { Payloads } from './payloads.ts';
import { cpuMsOf, diskBytesOf, untilRest } from './processes.ts';

/**
 * The most that any front could reach with this engine and schema: blocks made beforehand by our
 * own pipeline, larger than the server's, inserted one after another. Only the engine's CPU counts.
 */
export interface Reached {
  readonly nodeMs: number;
  readonly engineMs: number;
  /** Until all is inserted; merges not included. */
  readonly wallMs: number;
  readonly diskBytes: number;
  readonly rows: number;
  /** Bytes by column and index once all is merged into one part, which is not counted above. */
  readonly owners?: ReadonlyMap<string, number>;
}

/** The largest insert of the server itself. */
const ROWS_PER_BLOCK = LIMITS.insertRows;
const LANE = 'default/default/bench';

const BUCKET = {
  id: 'default/default/bench',
  tenant: 'default',
  retentionClass: 'default',
  signal: 'logs' as const,
  fromNs: 0n,
  table: 'logs_direct',
  disk: 1,
};

/** Writes one insert's body after another into a file; the result says where each ends. */
const makeBlocks = async (payloads: Payloads, file: string): Promise<number[]> => {
  const { batchBytes, rowsPerBatch } = LIMITS;
  overrideLimits({ batchBytes: 2 ** 30, rowsPerBatch: ROWS_PER_BLOCK });
  const pipeline = new Pipeline(createNormalize({}), () => undefined);
  const decoder = createNdjson();
  const out = openSync(file, 'w');
  const ends: number[] = [];
  let size = 0;
  let seq = 0;
  const flush = async (): Promise<void> => {
    for (const batch of pipeline.batches.splice(0)) {
      const numbered = numberBatch(batch, BUCKET, seq, LANE);
      seq += batch.rows;
      for await (const part of nativeBody([{ batch: numbered, from: 0, to: batch.rows }])) {
        size += writeSync(out, part);
      }
      ends.push(size);
    }
  };
  const observedNs = systemClock.observedNs();
  for (let index = 0; index < payloads.count; index++) {
    const body = payloads.read(index);
    const { path, headers } = payloads;
    pipeline.from('default', 'ndjson', '127.0.0.1', observedNs);
    decoder.decode({ method: 'POST', path, query: '', headers, body }, pipeline);
    await flush();
  }
  pipeline.close();
  await flush();
  closeSync(out);
  overrideLimits({ batchBytes, rowsPerBatch });
  return ends;
};

/** @param payloads NDJSON requests. */
export const runCeiling = async (
  directory: string,
  payloads: Payloads,
  restMs: number,
): Promise<Reached> => {
  const file = `${directory}/blocks.native`;
  const ends = await makeBlocks(payloads, file);
  const handle = openSync(file, 'r');
  const engine = await startDirectEngine(directory);
  try {
    const before = cpuMsOf(engine.pid);
    const from = performance.now();
    let at = 0;
    for (const end of ends) {
      const bytes = new Uint8Array(end - at);
      readSync(handle, bytes, 0, bytes.length, at);
      at = end;
      await engine.insert('Native', [bytes]);
    }
    const wallMs = performance.now() - from;
    const after = (await untilRest(engine.pid, [], restMs)).engine;
    if (at !== statSync(file).size) throw new Error('not all blocks were sent');
    const rows = await engine.rows();
    const diskBytes = diskBytesOf(engine.directory);
    await engine.merge();
    const owners = bytesByOwner(join(engine.directory, 'disks', '1'));
    return { nodeMs: 0, engineMs: after - before, wallMs, diskBytes, rows, owners };
  } finally {
    closeSync(handle);
    await engine.stop();
  }
};
