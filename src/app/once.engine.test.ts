import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import winston from 'winston';
import LokiTransport from 'winston-loki';
import { compress } from 'snappyjs';
import {
  endServer,
  eventually,
  linesOf,
  metric,
  post,
  runServer,
  type Answer,
  type RunningServer,
  type RunOptions,
} from '../../sim/running-server.ts';

/** What clients send again because they saw no answer is stored once, in a real server. */
const servers: RunningServer[] = [];
const proxies: Server[] = [];

afterEach(async () => {
  for (const proxy of proxies.splice(0)) proxy.closeAllConnections();
  for (const server of servers.splice(0)) await endServer(server);
});

const started = async (options: RunOptions = {}): Promise<RunningServer> => {
  const server = await runServer(options);
  servers.push(server);
  return server;
};

type Entry = readonly [time: string, line: string, metadata?: Readonly<Record<string, string>>];

const nowNs = (plus = 0): string => String(BigInt(Date.now()) * 1_000_000n + BigInt(plus));

const push = (
  server: RunningServer,
  app: string,
  values: readonly Entry[],
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => {
  const body = JSON.stringify({ streams: [{ stream: { app }, values }] });
  return post(server, '/loki/api/v1/push', 'application/json', body, headers);
};

const entries = (count: number, at = nowNs()): Entry[] =>
  Array.from({ length: count }, (_, n) => [String(BigInt(at) + BigInt(n)), `line ${n}`]);

const duplicates = (server: RunningServer, protocol = 'loki'): Promise<number> =>
  metric(server, 'meshtrail_duplicates_total', { protocol });

test('a push that comes three times is stored once, and five times at once too', async () => {
  const server = await started();
  const some = entries(200);
  for (let time = 0; time < 3; time++)
    expect((await push(server, 'thrice', some)).status).toBe(204);
  expect(await linesOf(server, '{app="thrice"}')).toHaveLength(200);
  expect(await duplicates(server)).toBe(400);

  const others = entries(300);
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => push(server, 'at once', others)),
  );
  expect(answers.map(({ status }) => status)).toEqual([204, 204, 204, 204, 204]);
  expect(await linesOf(server, '{app="at once"}')).toHaveLength(300);
  expect(await duplicates(server)).toBe(400 + 1_200);
  expect(await metric(server, 'meshtrail_acknowledged_records_total')).toBe(500);
});

test('what differs in anything is kept, and a push that is partly new is stored in part', async () => {
  const server = await started();
  const at = nowNs();
  await push(server, 'a', [[at, 'line']]);
  await push(server, 'a', [[at, 'line', {}]]);
  await push(server, 'a', [[at, 'line', { trace: '1' }]]);
  await push(server, 'a', [[at, 'line', { trace: '2' }]]);
  await push(server, 'a', [[at, 'other line']]);
  await push(server, 'a', [[String(BigInt(at) + 1n), 'line']]);
  await push(server, 'b', [[at, 'line']]);
  await push(server, 'a', [[at, 'line']], { 'X-Scope-OrgID': 'another' });
  expect(await linesOf(server, '{app="a"}')).toEqual([
    'line',
    'line',
    'line',
    'line',
    'other line',
  ]);
  expect(await linesOf(server, '{app="b"}')).toHaveLength(1);
  expect(await duplicates(server)).toBe(1);

  const first = entries(10);
  const more = entries(20, first[0]?.[0]);
  await push(server, 'grows', first);
  await push(server, 'grows', more);
  expect(await linesOf(server, '{app="grows"}')).toEqual(more.map(([, line]) => line).sort());
});

test('protobuf and JSON are one, since the entry is what counts', async () => {
  const server = await started();
  const sec = Math.floor(Date.now() / 1_000);
  await push(server, 'same', [[`${sec}000000007`, 'a line']]);
  const field = (tag: number, bytes: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from([tag, bytes.length]), bytes]);
  const varint = (value: number): number[] =>
    value < 128 ? [value] : [(value % 128) | 0x80, ...varint(Math.floor(value / 128))];
  const time = Buffer.from([0x08, ...varint(sec), 0x10, 7]);
  const entry = Buffer.concat([field(0x0a, time), field(0x12, Buffer.from('a line'))]);
  const stream = Buffer.concat([field(0x0a, Buffer.from('{app="same"}')), field(0x12, entry)]);
  const body = Buffer.from(compress(field(0x0a, stream)));
  const answer = await post(server, '/loki/api/v1/push', 'application/x-protobuf', body);
  expect(answer.status).toBe(204);
  expect(await linesOf(server, '{app="same"}')).toEqual(['a line']);
  expect(await duplicates(server)).toBe(1);
});

test('OTLP on Loki’s path is answered and stored once as Loki does, on its port as well', async () => {
  const server = await started({ ports: ['loki'] });
  const record = (n: number): object => ({
    timeUnixNano: nowNs(n),
    severityText: 'WARN',
    body: { stringValue: `otlp ${n}` },
    attributes: [{ key: 'order', value: { intValue: String(n) } }],
  });
  const attributes = [{ key: 'service.name', value: { stringValue: 'exporter' } }];
  const logRecords = [record(1), record(2)];
  const body = JSON.stringify({
    resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }],
  });
  const type = 'application/json';
  expect((await post(server, '/otlp/v1/logs', type, body)).status).toBe(204);
  const port = server.ports['loki'];
  const again = await fetch(`http://127.0.0.1:${port}/otlp/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
  });
  expect(again.status).toBe(204);
  expect(await linesOf(server, '{service_name="exporter"}')).toEqual(['otlp 1', 'otlp 2']);
  expect(await duplicates(server, 'otlp')).toBe(2);
  // OTLP's own path knows no identity: what comes twice is there twice.
  expect((await post(server, '/v1/logs', type, body)).status).toBe(200);
  expect(await linesOf(server, '{service_name="exporter"}')).toHaveLength(4);
});

test('after kill -9, and after a stop, what is sent again is known', async () => {
  const server = await started();
  const first = entries(500);
  const second = entries(50, nowNs(1_000_000));
  expect((await push(server, 'killed', first)).status).toBe(204);
  await server.process.kill();
  await server.process.start();
  expect((await push(server, 'killed', first)).status).toBe(204);
  expect((await push(server, 'killed', second)).status).toBe(204);
  expect(await duplicates(server)).toBe(500);
  // The engine holds them by now.
  expect(await linesOf(server, '{app="killed"}')).toHaveLength(550);
  await server.process.stop();
  await server.process.start();
  expect((await push(server, 'killed', [...first, ...second])).status).toBe(204);
  expect(await linesOf(server, '{app="killed"}')).toHaveLength(550);
}, 60_000);

test('pushes that are under way when the server is killed are stored once', async () => {
  const server = await started();
  const pushes = Array.from({ length: 60 }, (_, n) => entries(20, nowNs(n * 1_000)));
  for (let kills = 0; kills < 3; kills++) {
    const under = pushes.slice(kills * 20, kills * 20 + 20).map((some) =>
      push(server, 'torn', some).then(
        ({ status }) => status,
        () => 0,
      ),
    );
    await Promise.race(under);
    await server.process.kill();
    await Promise.all(under);
    await server.process.start();
  }
  for (const some of pushes) expect((await push(server, 'torn', some)).status).toBe(204);
  expect(await linesOf(server, '{app="torn"}')).toHaveLength(1_200);
}, 90_000);

test('beyond the window an entry is stored again, and never lost', async () => {
  const server = await started({ yaml: 'limits: {once_entries: 100}' });
  const first = entries(100);
  const second = entries(100, nowNs(1_000_000));
  await push(server, 'small', first);
  await push(server, 'small', first.slice(60));
  expect(await duplicates(server)).toBe(40);
  await push(server, 'small', second);
  await push(server, 'small', first);
  expect(await linesOf(server, '{app="small"}')).toHaveLength(300);
});

test('what a full journal refused is stored once when it is sent again', async () => {
  const server = await started({ yaml: 'journal: {max_bytes: 2MiB}' });
  await push(server, 'fill', [[nowNs(), 'the first']]);
  expect(await linesOf(server, '{app="fill"}')).toHaveLength(1);
  const engine = server.process.enginePid() as number;
  process.kill(engine, 'SIGSTOP');
  const refused: Entry[][] = [];
  let acknowledged = 1;
  for (let n = 0; refused.length < 3 && n < 200; n++) {
    const noise = Buffer.from(Array.from({ length: 60_000 }, (_, i) => (i * n * 7_919) % 251));
    const some: Entry[] = [[nowNs(n), `${n} ${noise.toString('base64')}`]];
    const { status } = await push(server, 'fill', some);
    if (status === 429) refused.push(some);
    else acknowledged++;
    // Senders try again at once, too.
    if (status === 429) expect((await push(server, 'fill', some)).status).toBe(429);
  }
  expect(refused).toHaveLength(3);
  process.kill(engine, 'SIGCONT');
  for (const some of refused) {
    const again = async (): Promise<number> => (await push(server, 'fill', some)).status;
    expect(await eventually(again, (status) => status === 204)).toBe(204);
    expect(await again()).toBe(204);
  }
  expect(await linesOf(server, '{app="fill"}')).toHaveLength(acknowledged + 3);
  expect(await duplicates(server)).toBe(3);
}, 60_000);

/** Passes requests on, and loses the answers to the first of them. */
const losing = async (server: RunningServer, answers: number): Promise<string> => {
  let left = answers;
  const proxy = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, host: new URL(server.url).host };
    const onward = httpRequest(`${server.url}${incoming.url ?? ''}`, {
      method: incoming.method ?? 'POST',
      headers,
    });
    onward.on('response', (answer) => {
      if (left-- > 0) {
        answer.resume();
        answer.on('end', () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  proxies.push(proxy);
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
};

test('winston-loki, whose answer got lost, sends again, and its lines are stored once', async () => {
  const server = await started();
  const host = await losing(server, 1);
  const transport = new LokiTransport({
    host,
    json: true,
    labels: { app: 'retrying' },
    batching: true,
    interval: 0.2,
    replaceTimestamp: false,
    gracefulShutdown: false,
  });
  // winston-loki brings types of its own for the same transport.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
  const logger = winston.createLogger({ transports: [transport] });
  for (let n = 0; n < 20; n++) logger.info(`retried ${n}`);
  const acknowledged = (): Promise<number> =>
    metric(server, 'meshtrail_acknowledged_records_total');
  expect(await eventually(acknowledged, (count) => count === 20)).toBe(20);
  // It would try again after a minute; its end makes it try at once.
  logger.close();
  expect(
    await eventually(
      () => duplicates(server),
      (count) => count === 20,
    ),
  ).toBe(20);
  expect(await linesOf(server, '{app="retrying"}')).toHaveLength(20);
}, 40_000);
