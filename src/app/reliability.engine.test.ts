import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { carriers, sendNdjson } from '../../sim/carriers.ts';
import { endServer, eventually, linesOf, metric, runServer } from '../../sim/running-server.ts';
import type { RunningServer } from '../../sim/running-server.ts';

/** What was acknowledged is kept, whatever breaks; what breaks is said, and heals by itself. */
const directory = mkdtempSync(join(tmpdir(), 'meshtrail-reliability-'));
const servers: RunningServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await endServer(server);
});

afterAll(() => {
  if (mounted) execFileSync('umount', ['-l', smallDisk]);
  rmSync(directory, { recursive: true, force: true });
});

const started = async (options: Parameters<typeof runServer>[0] = {}): Promise<RunningServer> => {
  const server = await runServer(options);
  servers.push(server);
  return server;
};

const count = async (server: RunningServer, service: string): Promise<number> => {
  const query = `sum(count_over_time({service_name="${service}"}[2h]))`;
  const path = `/loki/api/v1/query?query=${encodeURIComponent(query)}`;
  const answer = await fetch(`${server.url}${path}`, { signal: AbortSignal.timeout(60_000) });
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } };
  return Number(data.result[0]?.value[1] ?? 0);
};

const ready = async (server: RunningServer): Promise<string> => {
  const answer = await fetch(`${server.url}/readyz`);
  return `${answer.status} ${await answer.text()}`;
};

/** Sends batches one after the other until told to stop; counts what was acknowledged. */
class Load {
  acknowledged = 0;
  readonly statuses = new Map<number, number>();
  private running = true;
  private readonly done: Promise<void>;

  constructor(server: RunningServer, service: string, padding = '', pauseMs = 0) {
    this.done = this.run(server, service, padding, pauseMs);
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.done;
  }

  private async run(
    server: RunningServer,
    service: string,
    padding: string,
    pauseMs: number,
  ): Promise<void> {
    for (let first = 0; this.running; first += 100) {
      const lines = Array.from(
        { length: 100 },
        (_, n) => `{"service":"${service}","n":${first + n},"padding":"${padding}"}`,
      );
      const status = await sendNdjson(server, lines).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 0) return;
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
      if (status === 200) this.acknowledged += lines.length;
      if (pauseMs > 0) await sleep(pauseMs);
    }
  }
}

describe('the engine', () => {
  test('that stands still: ingest goes on, queries say 503, then all is found', async () => {
    const server = await started({
      yaml: 'limits: {reader_wait_ms: 1500, flush_wait_ms: 1000, read_seconds: 2}',
    });
    await sendNdjson(server, ['{"service":"stopped","n":-1}']);
    expect(await count(server, 'stopped')).toBe(1);
    const engine = server.process.enginePid() as number;
    process.kill(engine, 'SIGSTOP');
    const load = new Load(server, 'stopped', '', 20);
    await eventually(
      () => load.acknowledged,
      (sum) => sum >= 2_000,
    );
    expect([...load.statuses.keys()]).toEqual([200]);
    const state = await eventually(
      () => ready(server),
      (text) => text.startsWith('503'),
    );
    expect(state).toBe('503 not ready: the engine does not answer\n');
    const asked = await fetch(`${server.url}/loki/api/v1/labels`);
    expect([503, 504]).toContain(asked.status);
    expect(await asked.text()).toMatch(/engine|timed out/);
    process.kill(engine, 'SIGCONT');
    await load.stop();
    const sum = load.acknowledged + 1;
    const found = await eventually(
      () => count(server, 'stopped').catch(() => -1),
      (stored) => stored >= sum,
    );
    expect(found).toBe(sum);
  }, 120_000);

  test('that stands still does not keep the server from stopping', async () => {
    const server = await started();
    await sendNdjson(server, ['{"service":"frozen","n":0}']);
    process.kill(server.process.enginePid() as number, 'SIGSTOP');
    await sendNdjson(server, ['{"service":"frozen","n":1}']);
    const begun = performance.now();
    expect(await server.process.stop()).toBe(0);
    expect(performance.now() - begun).toBeLessThan(10_000);
    await server.process.start();
    expect(await linesOf(server, '{service_name="frozen"}')).toHaveLength(2);
  }, 60_000);

  test('that dies again and again: the same', async () => {
    const server = await started({ yaml: 'limits: {reader_wait_ms: 200, flush_wait_ms: 200}' });
    await sendNdjson(server, ['{"service":"dying","n":-1}']);
    const load = new Load(server, 'dying', '', 10);
    const refusals: string[] = [];
    for (let kills = 0; kills < 12; kills++) {
      server.process.killEngine();
      const answer = await fetch(`${server.url}/loki/api/v1/labels`);
      if (answer.status !== 200) refusals.push(`${answer.status} ${await answer.text()}`);
      const now = await ready(server);
      if (!now.startsWith('200')) expect(now).toBe('503 not ready: the engine does not answer\n');
      await sleep(250);
    }
    await load.stop();
    expect([...load.statuses.keys()]).toEqual([200]);
    for (const refusal of refusals) expect(refusal).toMatch(/^503 .*engine/);
    await server.process.ready();
    const found = await eventually(
      () => count(server, 'dying').catch(() => -1),
      (stored) => stored >= load.acknowledged + 1,
    );
    expect(found).toBe(load.acknowledged + 1);
    expect(await metric(server, 'meshtrail_engine_restarts_total')).toBeGreaterThan(0);
  }, 120_000);
});

describe('a small journal', () => {
  test('that is full tells senders to try later, in their words, until it drains', async () => {
    const yaml = 'journal: {max_bytes: 4MiB}';
    const server = await started({ yaml });
    await sendNdjson(server, ['{"service":"budget","n":-1}']);
    expect(await count(server, 'budget')).toBe(1);
    const engine = server.process.enginePid() as number;
    process.kill(engine, 'SIGSTOP');
    const load = new Load(server, 'budget', randomText(2_000), 1);
    await eventually(
      () => load.statuses.get(429) ?? 0,
      (times) => times > 3,
      40_000,
    );
    await load.stop();
    expect([...load.statuses.keys()].sort()).toEqual([200, 429]);
    expect(await ready(server)).toContain('the journal is full');
    for (const carrier of carriers(({ protocol }) => protocol !== 'syslog')) {
      const answer = await carrier.send(server, 'budget-refused', [Buffer.alloc(900_000, 'x')]);
      const later = carrier.protocol === 'otlp' ? 503 : 429;
      expect(answer.status, `${carrier.name} ${answer.text}`).toBe(later);
      if (carrier.protocol !== 'elasticsearch') {
        expect(answer.headers.get('retry-after'), carrier.name).toMatch(/^\d+$/);
      }
    }
    process.kill(engine, 'SIGCONT');
    const again = async (): Promise<number> =>
      (await sendNdjson(server, ['{"service":"budget","n":-2}'])).status;
    expect(await eventually(again, (status) => status === 200, 40_000)).toBe(200);
    const found = await eventually(
      () => count(server, 'budget').catch(() => -1),
      (stored) => stored >= load.acknowledged + 2,
    );
    expect(found).toBe(load.acknowledged + 2);
    expect(await linesOf(server, '{service_name="budget-refused"}')).toEqual([]);
  }, 120_000);

  test('keeps syslog senders waiting, not losing', async () => {
    const server = await started({ yaml: 'journal: {max_bytes: 2MiB}' });
    const engine = server.process.enginePid() as number;
    process.kill(engine, 'SIGSTOP');
    const load = new Load(server, 'syslog-fill', randomText(2_000), 1);
    await eventually(
      () => load.statuses.get(429) ?? 0,
      (times) => times > 1,
      40_000,
    );
    await load.stop();
    const tcp = carriers(({ name }) => name === 'syslog TCP')[0];
    const lines = Array.from({ length: 500 }, (_, n) => Buffer.from(`${n} ${'y'.repeat(1_000)}`));
    const sent = tcp?.send(server, 'syslog-waits', lines);
    await sleep(1_500);
    process.kill(engine, 'SIGCONT');
    await sent;
    const found = await eventually(
      () => count(server, 'syslog-waits').catch(() => -1),
      (stored) => stored >= lines.length,
      40_000,
    );
    expect(found).toBe(lines.length);
  }, 120_000);
});

/** Text that compresses badly, so that sizes mean something. */
const randomText = (length: number): string => {
  let text = '';
  let state = 42;
  while (text.length < length) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += state.toString(36);
  }
  return text.slice(0, length);
};

const mountSmall = (path: string, megabytes: number): boolean => {
  try {
    mkdirSync(path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path], {
      stdio: 'ignore',
    });
    return true;
  } catch {
    return false;
  }
};

const smallDisk = join(directory, 'small');
const mounted = mountSmall(smallDisk, 96);

describe.skipIf(!mounted)('a full disk', () => {
  test('senders are told to retry, /readyz says why, nothing acknowledged is lost', async () => {
    const server = await started({ data: join(smallDisk, 'data') });
    const filler = join(smallDisk, 'filler');
    const load = new Load(server, 'disk', randomText(1_000), 2);
    await eventually(
      () => load.acknowledged,
      (sum) => sum > 1_000,
    );
    let filled = 0;
    try {
      for (; filled < 96; filled += 0.25) appendFileSync(filler, Buffer.alloc(262_144, 1));
    } catch {
      // full now
    }
    expect(filled).toBeGreaterThan(0);
    const refusals = await eventually(
      () => (load.statuses.get(429) ?? 0) + (load.statuses.get(503) ?? 0),
      (times) => times > 5,
      40_000,
    );
    expect(refusals).toBeGreaterThan(5);
    expect(
      await eventually(
        () => ready(server),
        (text) => text.startsWith('503'),
      ),
    ).toMatch(/not ready: .*(journal|engine)/);
    expect(server.process.running).toBe(true);
    for (const carrier of carriers(({ protocol }) => protocol !== 'syslog')) {
      const answer = await carrier.send(server, 'disk-other', [Buffer.from('x')]);
      expect([429, 503], `${carrier.name} ${answer.text}`).toContain(answer.status);
    }
    await load.stop();
    rmSync(filler);
    const again = async (): Promise<number> =>
      (await sendNdjson(server, ['{"service":"disk","n":-1}'])).status;
    expect(await eventually(again, (status) => status === 200, 40_000)).toBe(200);
    const found = await eventually(
      () => count(server, 'disk').catch(() => -1),
      (stored) => stored >= load.acknowledged + 1,
      60_000,
    );
    expect(found).toBe(load.acknowledged + 1);
    await eventually(
      () => ready(server),
      (text) => text.startsWith('200'),
    );
    expect(await ready(server)).toBe('200 ready\n');
    expect([...load.statuses.keys()].every((status) => [200, 429, 503].includes(status))).toBe(
      true,
    );
  }, 180_000);
});

/** Stops the engine, so that the journal keeps what comes; the result ends it for good. */
const stopped = (server: RunningServer): (() => void) => {
  const engine = server.process.enginePid() as number;
  process.kill(engine, 'SIGSTOP');
  return () => {
    try {
      process.kill(engine, 'SIGKILL');
    } catch {
      // gone already
    }
  };
};

describe('a start after kill -9', () => {
  test('with a torn journal tail keeps all that was acknowledged', async () => {
    const server = await started();
    const stopEngine = stopped(server);
    const load = new Load(server, 'torn');
    await eventually(
      () => load.acknowledged,
      (sum) => sum >= 3_000,
    );
    await load.stop();
    await server.process.kill();
    stopEngine();
    const journal = join(server.data, 'journal');
    const files = readdirSync(journal).map((name) => join(journal, name));
    const newest = files.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0] as string;
    appendFileSync(newest, Buffer.alloc(3_000, 0x5a));
    await server.process.start();
    const found = await eventually(
      () => count(server, 'torn').catch(() => -1),
      (stored) => stored >= load.acknowledged,
    );
    expect(found).toBe(load.acknowledged);
    expect(await metric(server, 'meshtrail_journal_torn_tails_total')).toBe(1);
  }, 90_000);

  test('with half a frame at its end starts, and has what came before', async () => {
    const server = await started();
    await sendNdjson(server, ['{"service":"half","n":1}']);
    expect(await count(server, 'half')).toBe(1);
    const stopEngine = stopped(server);
    await sendNdjson(server, ['{"service":"half","n":2}']);
    await sendNdjson(server, ['{"service":"half","n":3}']);
    await server.process.kill();
    stopEngine();
    const journal = join(server.data, 'journal');
    const files = readdirSync(journal).map((name) => join(journal, name));
    const newest = files.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0] as string;
    truncateSync(newest, statSync(newest).size - 10);
    await server.process.start();
    const stored = await linesOf(server, '{service_name="half"}');
    expect(stored.slice(0, 2)).toEqual(['{"service":"half","n":1}', '{"service":"half","n":2}']);
    await sendNdjson(server, ['{"service":"half","n":4}']);
    expect(await linesOf(server, '{service_name="half"}')).toContain('{"service":"half","n":4}');
  }, 90_000);

  test('of starts, again and again', async () => {
    const server = await started();
    await sendNdjson(server, ['{"service":"starts","n":0}']);
    await server.process.kill();
    for (let n = 0; n < 8; n++) {
      server.process.launch();
      await sleep(n * 120);
      await server.process.kill();
    }
    await server.process.start();
    await sendNdjson(server, ['{"service":"starts","n":1}']);
    expect(await linesOf(server, '{service_name="starts"}')).toEqual([
      '{"service":"starts","n":0}',
      '{"service":"starts","n":1}',
    ]);
  }, 90_000);
});
