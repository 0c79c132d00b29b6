import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { must } from '../../model/errors.ts';
import { systemClock } from '../../platform/clock.ts';
import { sendSignal } from '../../platform/processes.ts';
import { batchOfLines } from './test-batches.ts';
import { numberBatch, startTestEngine } from './testing.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-supervisor-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const gone = async (pid: number, withinMs: number): Promise<boolean> => {
  const deadlineMs = systemClock.monotonicMs() + withinMs;
  while (sendSignal(pid, 0)) {
    if (systemClock.monotonicMs() > deadlineMs) return false;
    await systemClock.sleep(20);
  }
  return true;
};

const PARENTS_DEATH: [string, boolean][] = [
  ['the engine ends when its parent is killed, and the next one takes over', false],
  ['so does an engine that is stopped', true],
];
// Only Linux reaches a process that is stopped.
const onThisSystem = PARENTS_DEATH.slice(0, process.platform === 'linux' ? 2 : 1);

test.each(onThisSystem)('%s', async (_name, isStopped) => {
  const script = `${directory}/parent.ts`;
  const testing = new URL('./testing.ts', import.meta.url).href;
  writeFileSync(
    script,
    `import { startTestEngine } from '${testing}';
     const { engine } = await startTestEngine('${directory}/data');
     process.stdout.write(engine.processId + '\\n');
     setInterval(() => undefined, 1_000);`,
  );
  const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: must(parent.stdout, 'it is piped') });
  const [line] = (await lines[Symbol.asyncIterator]().next()).value?.split('\n') ?? [];
  const pid = Number(line);
  expect(sendSignal(pid, 0)).toBe(true);
  if (isStopped) sendSignal(pid, 'SIGSTOP');
  parent.kill('SIGKILL');
  expect(await gone(pid, 3_000)).toBe(true);
  const { engine } = await startTestEngine(`${directory}/data`);
  expect(engine.ready).toBe(true);
  const own = must(engine.processId, 'it runs');
  await engine.stop();
  expect(await gone(own, 1_000)).toBe(true);
});

test('a second server on the same data is refused in words', async () => {
  const first = await startTestEngine(directory);
  await expect(startTestEngine(directory)).rejects.toMatchObject({ code: 'engine_unavailable' });
  expect(first.engine.ready).toBe(true);
  await first.engine.stop();
});

test('more buckets than disks: new disks come without anybody noticing', async () => {
  const { engine, released } = await startTestEngine(directory);
  const failures: unknown[] = [];
  const reading = new AbortController();
  let reads = 0;
  const reader = (async () => {
    while (!reading.signal.aborted) {
      try {
        await engine.reader.rows('SELECT count() FROM meshtrail.logs');
        reads += 1;
      } catch (error) {
        failures.push(error);
      }
      await systemClock.sleep(5);
    }
  })();
  const count = 150;
  for (let tenant = 0; tenant < count; tenant++) {
    const batch = batchOfLines(['one'], `tenant-${tenant}`);
    const bucket = engine.catalog.bucketFor(batch.tenant, 'default', batch.observedNs);
    engine.writer.enqueue(numberBatch(batch, bucket, 0));
  }
  while (released.length < count) await systemClock.sleep(50);
  reading.abort();
  await reader;
  expect(failures).toEqual([]);
  expect(reads).toBeGreaterThan(10);
  expect(engine.counters.restarts).toBeGreaterThanOrEqual(1);
  const [row] = await engine.reader.rows('SELECT count(), uniqExact(tenant) FROM meshtrail.logs');
  expect(row).toEqual([String(count), String(count)]);
  await engine.stop();
});

test('an engine that dies is started again, and reads wait for it', async () => {
  const running = await startTestEngine(directory);
  const { engine } = running;
  await running.store(batchOfLines(['one']));
  for (let kill = 0; kill < 3; kill++) {
    sendSignal(must(engine.processId, 'it runs'), 'SIGKILL');
    expect(await engine.reader.rows('SELECT body FROM meshtrail.logs')).toEqual([['one']]);
  }
  expect(engine.counters.restarts).toBe(3);
  await engine.stop();
});

test('stopping takes no longer when the engine hangs', async () => {
  const { engine } = await startTestEngine(directory);
  sendSignal(must(engine.processId, 'it runs'), 'SIGSTOP');
  const batch = batchOfLines(['one']);
  const bucket = engine.catalog.bucketFor(batch.tenant, 'default', batch.observedNs);
  engine.writer.enqueue(numberBatch(batch, bucket, 0));
  await systemClock.sleep(500);
  const startMs = systemClock.monotonicMs();
  await engine.stop();
  expect(systemClock.monotonicMs() - startMs).toBeLessThan(8_000);
});
