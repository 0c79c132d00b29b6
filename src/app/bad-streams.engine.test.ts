import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { sendNdjson } from '../../sim/carriers.ts';
import { endServer, eventually, linesOf } from '../../sim/running-server.ts';
import { metric, portOf, Raw, runServer } from '../../sim/running-server.ts';
import type { RunningServer } from '../../sim/running-server.ts';

/** Connections that are wrong: syslog's, and live tails. */
let server: RunningServer;

beforeAll(async () => {
  server = await runServer({ yaml: 'limits: {idle_connection_ms: 3000, tails: 20}' });
});

afterAll(() => endServer(server));

beforeEach(async () => {
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

const MIB = 1_048_576;

const residentBytes = (): number => {
  const status = readFileSync(`/proc/${String(server.process.pid)}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024;
};

const frame = (service: string, text: string): string =>
  `<14>1 ${new Date().toISOString()} h ${service} - - - ${text}`;

const good = async (service: string): Promise<void> => {
  const raw = new Raw(server.syslogPort);
  await raw.write(`${frame(service, 'good')}\n`);
  raw.socket.end();
  const lines = await eventually(
    () => linesOf(server, `{service_name="${service}"}`),
    ({ length }) => length > 0,
  );
  expect(lines).toEqual(['good']);
};

describe('syslog over TCP', () => {
  test('a sender that says nothing, or half a line, is closed, and its half is kept', async () => {
    const silent = new Raw(server.syslogPort);
    const half = new Raw(server.syslogPort);
    await half.write(frame('half-line', 'no end'));
    await Promise.all([silent.end(10_000), half.end(10_000)]);
    const lines = await eventually(
      () => linesOf(server, '{service_name="half-line"}'),
      ({ length }) => length > 0,
    );
    expect(lines).toEqual(['no end']);
  });

  test('octet counts that are none, too large, or never filled', async () => {
    for (const bytes of [
      '99999999999999999999 <14>1 - - - - - - x\n',
      '999999999 <14>1 - - - - - - x',
      '0 \n',
      '-5 <14>x\n',
      '5<14>x\n',
      '00000000012 <14>1 - - -\n',
      `10 ${frame('count-short', 'longer than ten')}\n`,
    ]) {
      const raw = new Raw(server.syslogPort);
      await raw.write(bytes);
      raw.socket.end();
      await raw.end();
    }
    await good('after-counts');
  });

  test('every byte of a line in a packet of its own', async () => {
    const raw = new Raw(server.syslogPort);
    raw.socket.setNoDelay(true);
    for (const byte of Buffer.from(`${frame('bytewise', 'one by one')}\n`)) {
      await raw.write(Buffer.from([byte]));
    }
    raw.socket.end();
    const lines = await eventually(
      () => linesOf(server, '{service_name="bytewise"}'),
      ({ length }) => length > 0,
    );
    expect(lines).toEqual(['one by one']);
  });

  test('200 lines that never end, at once, stay within bounds', async () => {
    const before = residentBytes();
    const senders = Array.from({ length: 200 }, () => new Raw(server.syslogPort));
    const piece = Buffer.alloc(MIB, 'x');
    for (let i = 0; i < 3; i++) await Promise.all(senders.map((raw) => raw.write(piece)));
    await eventually(
      () => metric(server, 'meshtrail_in_flight_bytes'),
      (bytes) => bytes === 0,
    );
    expect(residentBytes() - before).toBeLessThan(400 * MIB);
    for (const raw of senders) raw.socket.destroy();
    await good('after-endless');
  });

  test('10 MB of random bytes', async () => {
    const raw = new Raw(server.syslogPort);
    let state = 1;
    const noise = Buffer.alloc(10_000_000);
    for (let i = 0; i < noise.length; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      noise[i] = state >>> 24;
    }
    await raw.write(noise);
    raw.socket.end();
    await raw.end();
    await good('after-noise');
  });

  test('500 connections that are reset in the middle of a line', async () => {
    for (let i = 0; i < 500; i++) {
      const raw = new Raw(server.syslogPort);
      await raw.write(frame('reset', 'x'));
      raw.socket.resetAndDestroy();
    }
    await good('after-resets');
    await eventually(
      () => metric(server, 'meshtrail_in_flight_bytes'),
      (bytes) => bytes === 0,
    );
    expect(await metric(server, 'meshtrail_in_flight_bytes')).toBe(0);
  });
});

test('syslog over UDP: empty, huge and senseless datagrams', async () => {
  const socket = createSocket('udp4');
  const send = (bytes: Buffer): Promise<unknown> =>
    new Promise((done) => socket.send(bytes, server.syslogPort, '127.0.0.1', done));
  await send(Buffer.alloc(0));
  await send(Buffer.alloc(65_000, 0xff));
  await send(Buffer.from('\0\0\0\n\n'));
  await send(Buffer.from('<191'));
  for (let i = 0; i < 2_000; i++) await send(Buffer.from(frame('udp-many', String(i))));
  socket.close();
  const lines = await eventually(
    () => linesOf(server, '{service_name="udp-many"}'),
    ({ length }) => length >= 2_000,
  );
  expect(new Set(lines).size).toBe(2_000);
});

describe('live tails', () => {
  const url = (): string =>
    `${server.url.replace('http', 'ws')}/loki/api/v1/tail?query=${encodeURIComponent('{service_name="tails"}')}`;
  const open = (): Promise<WebSocket | number> =>
    new Promise((resolve) => {
      const socket = new WebSocket(url());
      socket.on('open', () => resolve(socket));
      socket.on('unexpected-response', (_request, answer) => resolve(answer.statusCode ?? 0));
      socket.on('error', () => undefined);
    });

  test('beyond the limit are told to come back', async () => {
    const tails = await Promise.all(Array.from({ length: 20 }, open));
    expect(tails.every((tail) => tail instanceof WebSocket)).toBe(true);
    expect(await open()).toBe(429);
    for (const tail of tails) if (tail instanceof WebSocket) tail.terminate();
    const again = await eventually(open, (tail) => tail instanceof WebSocket, 5_000);
    expect(again).toBeInstanceOf(WebSocket);
    (again as WebSocket).close();
  });

  test('that send what no one asked for are closed', async () => {
    for (const what of ['x'.repeat(100_000), Buffer.alloc(70_000, 0xff)]) {
      const tail = (await open()) as WebSocket;
      const closed = new Promise((resolve) => tail.once('close', resolve));
      tail.send(what);
      expect(await closed).toBeGreaterThanOrEqual(1002);
    }
    const raw = new Raw(portOf(server));
    await raw.write(
      `GET ${new URL(url()).pathname}${new URL(url()).search} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n` +
        'upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await eventually(
      () => raw.received,
      (text) => text.includes('101'),
    );
    await raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    await raw.end(5_000);
    expect(raw.closed).toBe(true);
  });

  test.each([
    ['a query that is none', '?query=%7B', 400],
    ['no query', '', 400],
    ['a metric query', '?query=rate(%7Ba%3D%22b%22%7D%5B1m%5D)', 400],
    ['a delay too long', '?query=%7Ba%3D%22b%22%7D&delay_for=99', 400],
  ])('%s is refused', async (_name, search, status) => {
    const answer = await new Promise((resolve) => {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}/loki/api/v1/tail${search}`);
      socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode));
      socket.on('open', () => resolve('open'));
      socket.on('error', () => undefined);
    });
    expect(answer).toBe(status);
  });

  test('a handshake that is none', async () => {
    const raw = new Raw(portOf(server));
    await raw.write(
      'GET /loki/api/v1/tail?query=%7Ba%3D%22b%22%7D HTTP/1.1\r\nhost: x\r\n' +
        'connection: upgrade\r\nupgrade: websocket\r\n\r\n',
    );
    const text = await raw.end(5_000);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('that do not read lose lines, counted, and keep no one waiting', async () => {
    const tail = (await open()) as WebSocket;
    tail.pause();
    const before = residentBytes();
    const padding = 'y'.repeat(2_000);
    for (let i = 0; i < 40; i++) {
      const lines = Array.from({ length: 1_000 }, () => `{"service":"tails","p":"${padding}"}`);
      const begun = performance.now();
      expect((await sendNdjson(server, lines)).status).toBe(200);
      expect(performance.now() - begun).toBeLessThan(10_000);
    }
    expect(residentBytes() - before).toBeLessThan(400 * MIB);
    tail.terminate();
    const dropped = await eventually(
      () => metric(server, 'meshtrail_tail_dropped_records_total'),
      (count) => count > 0,
    );
    expect(dropped).toBeGreaterThan(0);
  });
});
