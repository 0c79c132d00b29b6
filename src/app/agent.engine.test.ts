import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { AgentProcess } from '../../sim/agent-process.ts';
import {
  endServer,
  eventually,
  find,
  linesOf,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/** A real agent against a real server, over files that are written, rotated and taken away. */
let server: RunningServer | undefined;
let agent: AgentProcess | undefined;

afterEach(async () => {
  await agent?.remove();
  await endServer(server);
  agent = undefined;
  server = undefined;
});

const inputOf = (folder: string, more = ''): string => `
inputs:
  - {kind: file, name: app, include: ['${folder}/*.log*'], service: shop, discover_ms: 100${more}}
batch: {wait_ms: 20}`;

/** An agent over an empty folder that it follows. */
const agentOver = async (
  servers: readonly string[],
  more = '',
  rest = '',
): Promise<{ agent: AgentProcess; folder: string }> => {
  const made = new AgentProcess({ servers, yaml: '' });
  agent = made;
  const folder = join(made.directory, 'logs');
  mkdirSync(folder);
  await made.configure(`${inputOf(folder, more)}\n${rest}`);
  return { agent: made, folder };
};

/** The number in each line that the store has, sorted; a line is `event N and words`. */
const numbersIn = async (from: RunningServer): Promise<number[]> => {
  const found = await find(from, '{service_name="shop"}', { limit: '5000' });
  return found
    .flatMap(({ values }) => values.map(([, line]) => Number(line.split(' ')[1])))
    .sort((a, b) => a - b);
};

const lineOf = (number: number): string => `event ${number} of the shop, paid by card\n`;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Deterministic numbers below 1 (mulberry32). */
const seeded = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

test('every line of files that are rotated arrives once, with what is known of it', async () => {
  server = await runServer();
  const { agent, folder } = await agentOver([server.url], '', 'labels: {environment: test}');
  await agent.start();
  const file = join(folder, 'app.log');
  let number = 0;
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 200; i++) appendFileSync(file, lineOf(number++));
    renameSync(file, join(folder, `app.log.${round}`));
  }
  const arrived = await eventually(
    () => numbersIn(server as RunningServer),
    ({ length }) => length >= number,
  );
  expect(arrived).toEqual(upTo(number));
  const [first] = await find(server, '{service_name="shop"} | record | environment="test"');
  expect(first?.stream['environment']).toBe('test');
  const sources = (await (await fetch(`${server.url}/api/v1/sources`)).json()) as {
    sources: { protocol: string; agent: string; identity: string; records: number }[];
  };
  const [source] = sources.sources.filter(({ protocol }) => protocol === 'agent');
  expect(source).toMatchObject({ records: number, gaps: [] });
  expect(source?.agent).toMatch(/^meshtrail-agent\/\d/);
  expect(agent.output).toContain(source?.identity);
  expect(await agent.get('/healthz')).toBe('ok\n');
});

test.each([1, 2, 3])(
  'through kills of agent and server, seed %i, each line arrives once',
  async (seed) => {
    const chance = seeded(seed);
    server = await runServer();
    const { agent, folder } = await agentOver([server.url]);
    await agent.start();
    const file = join(folder, 'app.log');
    let number = 0;
    let rotations = 0;
    for (let step = 0; step < 14; step++) {
      for (let i = 0; i < 1 + chance() * 200; i++) appendFileSync(file, lineOf(number++));
      if (chance() < 0.3) renameSync(file, join(folder, `app.log.${rotations++}`));
      if (chance() < 0.5) await sleep(chance() * 80);
      const what = chance();
      if (what < 0.35 || what > 0.9) await agent.kill();
      if (what > 0.65) {
        await server.process.kill();
        if (chance() < 0.5) await sleep(chance() * 100);
        await server.process.start();
      }
      if (!agent.running) await agent.start();
    }
    const arrived = await eventually(
      () => numbersIn(server as RunningServer),
      ({ length }) => length >= number,
      40_000,
    );
    expect(arrived).toEqual(upTo(number));
  },
  180_000,
);

test('while no server is there, files may be rotated away: the buffer has them', async () => {
  server = await runServer();
  const { agent, folder } = await agentOver([server.url]);
  await agent.start();
  await server.process.kill();
  const file = join(folder, 'app.log');
  for (let i = 0; i < 500; i++) appendFileSync(file, lineOf(i));
  await eventually(
    () => agent.metric('buffered_events_total'),
    (count) => count >= 500,
  );
  unlinkSync(file);
  expect(await agent.get('/healthz')).toContain('delivery');
  // The buffer is encrypted: no line of it stands on the disk.
  const buffer = join(agent.data, 'buffer');
  expect(readdirSync(buffer).length).toBeGreaterThan(0);
  await agent.kill();
  await agent.start();
  await server.process.start();
  const arrived = await eventually(
    () => numbersIn(server as RunningServer),
    ({ length }) => length >= 500,
  );
  expect(arrived).toEqual(upTo(500));
});

test('a full buffer makes readers wait, and loses nothing', async () => {
  server = await runServer();
  await server.process.kill();
  const { agent, folder } = await agentOver(
    [server.url],
    ', multiline: none',
    'buffer: {max_bytes: 32MiB}',
  );
  await agent.start();
  // What hardly packs: 45 MB that take 34 MB of the buffer.
  const count = 700;
  const lines = upTo(count).map((i) => `event ${i} ${randomBytes(48_000).toString('base64')}\n`);
  writeFileSync(join(folder, 'app.log'), lines.join(''));
  await eventually(
    () => agent.metric('buffer_full'),
    (full) => full === 1,
  );
  expect(await agent.metric('buffer_full')).toBe(1);
  expect(await agent.get('/healthz')).toContain('the disk buffer is full');
  await server.process.start();
  const arrived = await eventually(
    () => numbersIn(server as RunningServer),
    ({ length }) => length >= count,
    40_000,
  );
  expect(arrived).toEqual(upTo(count));
});

test('with a wrong key everything waits, loudly, until it is right', async () => {
  server = await runServer({
    flags: [],
    env: { MESHTRAIL_ADMIN_KEY: 'a-key-of-the-administrator' },
    headers: { authorization: 'Bearer a-key-of-the-administrator' },
  });
  const { agent, folder } = await agentOver([server.url]);
  const keyFile = join(agent.directory, 'key');
  writeFileSync(keyFile, 'wrong-key-0123456789\n');
  await agent.configure(`${inputOf(folder)}\nkey_file: ${keyFile}`);
  await agent.start();
  appendFileSync(join(folder, 'app.log'), lineOf(0));
  await agent.said('the server refuses our key');
  expect(await agent.get('/healthz')).toContain('401');
  writeFileSync(keyFile, 'a-key-of-the-administrator\n');
  agent.signal('SIGHUP');
  await agent.said('is in force');
  const arrived = await eventually(
    () => numbersIn(server as RunningServer),
    ({ length }) => length >= 1,
  );
  expect(arrived).toEqual([0]);
});

test('a configuration that cannot be used leaves the old one in force', async () => {
  server = await runServer();
  const { agent, folder } = await agentOver([server.url]);
  await agent.start();
  writeFileSync(agent.file, 'servers: [nonsense]\n');
  agent.signal('SIGHUP');
  await agent.said('CANNOT BE USED, THE OLD ONE STAYS');
  expect(agent.output).toContain(`${agent.file}:1:11: servers.0`);
  appendFileSync(join(folder, 'app.log'), lineOf(0));
  expect(
    await eventually(
      () => numbersIn(server as RunningServer),
      ({ length }) => length >= 1,
    ),
  ).toEqual([0]);
});

test('a new configuration is heeded while it runs; an input that changes goes on where it was', async () => {
  server = await runServer();
  const { agent, folder } = await agentOver([server.url]);
  const here = server;
  const file = join(folder, 'app.log');
  await agent.start();
  appendFileSync(file, lineOf(0));
  await eventually(
    () => numbersIn(here),
    ({ length }) => length >= 1,
  );
  // Other options: the input is replaced. The same options: only its labels are.
  for (const [round, more] of [', gzip: false', ', gzip: false, labels: {team: new}'].entries()) {
    await agent.configure(inputOf(folder, more));
    agent.output = '';
    agent.signal('SIGHUP');
    await agent.said('is in force');
    appendFileSync(file, lineOf(round + 1));
    const arrived = await eventually(
      () => numbersIn(here),
      ({ length }) => length >= round + 2,
    );
    expect(arrived).toEqual(upTo(round + 2));
  }
  expect(agent.running).toBe(true);
  const labelled = await find(here, '{service_name="shop"} | record | team="new"');
  expect(labelled.flatMap(({ values }) => values.map(([, line]) => line))).toEqual([
    lineOf(2).trimEnd(),
  ]);
});

test('the next server takes over where the first is gone', async () => {
  server = await runServer();
  const { agent, folder } = await agentOver(['http://127.0.0.1:9', server.url]);
  await agent.start();
  appendFileSync(join(folder, 'app.log'), lineOf(0));
  expect(
    await eventually(
      () => numbersIn(server as RunningServer),
      ({ length }) => length >= 1,
    ),
  ).toEqual([0]);
  expect(await agent.metric('failures_total')).toBeGreaterThan(0);
});

test('what a truncation took away unread is a gap that the server reports', async () => {
  server = await runServer();
  const { agent, folder } = await agentOver(
    [server.url],
    ', multiline: none',
    'buffer: {max_bytes: 32MiB}',
  );
  await agent.start();
  const file = join(folder, 'app.log');
  appendFileSync(file, lineOf(0));
  const here = server;
  await eventually(
    () => numbersIn(here),
    ({ length }) => length >= 1,
  );
  await server.process.kill();
  const lines = upTo(1_200).map((i) => `event ${i} ${randomBytes(48_000).toString('base64')}\n`);
  appendFileSync(file, lines.join(''));
  await eventually(
    () => agent.metric('buffer_full'),
    (full) => full === 1,
  );
  truncateSync(file, 0);
  appendFileSync(file, 'event 5000 is the next\n');
  await server.process.start();
  const sources = await eventually(
    async () => {
      const answer = await fetch(`${here.url}/api/v1/sources`);
      const { sources } = (await answer.json()) as { sources: { gaps: unknown[] }[] };
      return sources.filter(({ gaps }) => gaps.length > 0);
    },
    ({ length }) => length > 0,
    40_000,
  );
  expect(sources).toMatchObject([{ protocol: 'agent', gaps: [{ missing: 1 }] }]);
  expect(await agent.get('/metrics')).toMatch(/lost_events_total\{.*file_truncated"\} 1/);
  const last = '{service_name="shop"} |= "is the next"';
  expect(
    await eventually(
      () => linesOf(here, last),
      ({ length }) => length > 0,
    ),
  ).toEqual(['event 5000 is the next']);
});

test('rules leave out, sample and limit; what they took is counted', async () => {
  server = await runServer();
  const rules = `, rules: [{exclude: {line: health}}, {exclude: {severity_below: info}}],
     sample: {keep: 0}, labels: {team: payments}`;
  const { agent, folder } = await agentOver([server.url], rules);
  await agent.start();
  const lines = [
    'event 1 health level=error\n',
    '{"level":"debug","msg":"event 2"}\n',
    '{"level":"info","msg":"event 3"}\n',
    '{"level":"error","msg":"event 4 broke"}\n',
  ];
  appendFileSync(join(folder, 'app.log'), lines.join(''));
  const found = await eventually(
    () => find(server as RunningServer, '{service_name="shop"}'),
    ({ length }) => length >= 1,
  );
  expect(found.flatMap(({ values }) => values.map(([, line]) => line))).toEqual([
    '{"level":"error","msg":"event 4 broke"}',
  ]);
  const metrics = await agent.get('/metrics');
  expect(metrics).toContain('meshtrail_agent_dropped_events_total{reason="excluded"} 2');
  expect(metrics).toContain('meshtrail_agent_dropped_events_total{reason="sampled"} 1');
});
