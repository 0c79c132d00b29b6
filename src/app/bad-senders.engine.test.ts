import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { status, type ServiceError } from '@grpc/grpc-js';
import { encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { compressed, json, windowOf } from '../../fixtures/decode/lumberjack-frames.ts';
import {
  beginnings,
  bombs,
  compressedCall,
  greeted,
  HTTP_PORTS,
  MIB,
  noise,
  pingFor,
  pong,
  residentBytes,
  UDP_PORTS,
} from '../../sim/bad-senders.ts';
import { callGrpc, GOOD_SENDERS, OTLP_LOGS } from '../../sim/good-senders.ts';
import {
  endServer,
  eventually,
  linesOf,
  metric,
  Raw,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';
import { LIMITS } from '../model/limits.ts';
import type { PortName } from './configuration.ts';

/**
 * Hostile and heavy peers on every native port of one server that asks for a key. It stays alive,
 * within its memory, says no secret, and takes a good record over every protocol in the end.
 */
const KEY = 'the-administrators-key-of-a-test';
const WRONG = 'a-secret-of-another-system-entirely';
const IDLE_PER_PORT = 300;
const WRONG_TIMES = 200;

const NAMES = [...new Set(GOOD_SENDERS.map(({ port }) => port))];
const BEGINNINGS = beginnings(KEY);
const TCP_NAMES = Object.keys(BEGINNINGS) as PortName[];

let server: RunningServer;
let beforeBytes = 0;
const begun: { readonly name: string; readonly raw: Raw }[] = [];

const port = (name: PortName): number => server.ports[name] ?? 0;

beforeAll(async () => {
  server = await runServer({
    ports: NAMES.filter((name) => name !== 'syslog'),
    flags: [],
    env: { MESHTRAIL_ADMIN_KEY: KEY },
    headers: { authorization: `Bearer ${KEY}` },
    yaml: 'limits: {idle_connection_ms: 8000, headers_ms: 4000, request_ms: 8000}',
  });
  beforeBytes = residentBytes(server);
});

afterAll(() => endServer(server));

beforeEach(async () => {
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

const inBatches = async (count: number, work: (n: number) => Promise<unknown>): Promise<void> => {
  const AT_ONCE = 20;
  for (let n = 0; n < count; n += AT_ONCE)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => work(n + i)));
};

test('every port that takes connections is tried here', () => {
  const taking = GOOD_SENDERS.filter(({ transport }) => transport !== 'udp');
  expect(TCP_NAMES.sort()).toEqual([...new Set(taking.map((sender) => sender.port))].sort());
});

test('a valid beginning and then nothing, on every port', async () => {
  for (const [name, bytes] of Object.entries(BEGINNINGS)) {
    const raw = new Raw(port(name as PortName));
    begun.push({ name, raw });
    await raw.write(bytes);
  }
  expect(begun).toHaveLength(TCP_NAMES.length);
});

test.each(TCP_NAMES)('1 MB of noise on %s', async (name) => {
  const raw = new Raw(port(name));
  const written = raw.write(noise(1_000_000, 7));
  await Promise.race([written, eventually(() => raw.closed, Boolean)]);
  raw.socket.end();
  await eventually(() => raw.closed, Boolean, 5_000);
  expect(raw.closed).toBe(true);
});

test.each(UDP_PORTS)('1 MB of noise in datagrams on %s', async (name) => {
  const socket = createSocket('udp4');
  const bytes = noise(1_000_000, 11);
  for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7) % 9_973) {
    const part = bytes.subarray(at, at + size);
    await new Promise((done) => socket.send(part, port(name), '127.0.0.1', done));
  }
  socket.close();
  const { status: answered } = await fetch(`${server.url}/healthz`);
  expect(answered).toBe(200);
});

describe(`a wrong key, ${WRONG_TIMES} times`, () => {
  // journald carries none.
  const asking = HTTP_PORTS.filter(([name]) => name !== 'journald');
  test.each(asking)('%s', async (name, path) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${WRONG}` };
    const statuses = new Set<number>();
    await inBatches(WRONG_TIMES, async () => {
      const url = `http://127.0.0.1:${port(name)}${path}`;
      const answer = await fetch(url, { method: 'POST', headers, body: '{}' });
      await answer.arrayBuffer();
      statuses.add(answer.status);
    });
    expect([...statuses]).toEqual([['hec', 'datadog'].includes(name) ? 403 : 401]);
  });

  test.each([
    ['otlp-grpc', OTLP_LOGS],
    ['jaeger-grpc', '/jaeger.api_v2.CollectorService/PostSpans'],
  ] as const)('%s', async (name, path) => {
    const codes = new Set<number>();
    await inBatches(WRONG_TIMES, async () => {
      const headers = { authorization: `Bearer ${WRONG}` };
      await callGrpc(port(name), path, Buffer.alloc(0), headers).catch((error: unknown) =>
        codes.add((error as ServiceError).code),
      );
    });
    expect([...codes]).toEqual([status.UNAUTHENTICATED]);
  });

  test('forward', async () => {
    const before = await metric(server, 'meshtrail_rejected_records_total', {
      protocol: 'forward',
      reason: 'unauthorized',
    });
    await inBatches(WRONG_TIMES, async () => {
      const raw = new Raw(port('forward'));
      const greeting = await greeted(raw);
      await raw.write(pingFor(greeting, WRONG));
      expect(await pong(raw, greeting)).toBe(false);
      await raw.end();
    });
    const labels = { protocol: 'forward', reason: 'unauthorized' };
    const after = await metric(server, 'meshtrail_rejected_records_total', labels);
    expect(after - before).toBe(WRONG_TIMES);
  });
});

describe('replayed', () => {
  test("forward's PING on a second connection proves nothing", async () => {
    const first = new Raw(port('forward'));
    const greeting = await greeted(first);
    const ping = pingFor(greeting, KEY);
    await first.write(ping);
    expect(await pong(first, greeting)).toBe(true);
    const second = new Raw(port('forward'));
    const other = await greeted(second);
    expect(other.equals(greeting)).toBe(false);
    await second.write(Buffer.concat([ping, encode(['t', 0, { log: 'x', service: 'replayed' }])]));
    expect(await pong(second, other)).toBe(false);
    await second.end();
    await first.write(encode(['t', 0, { log: 'first', service: 'replay-good' }]));
    const lines = await eventually(
      () => linesOf(server, '{service_name="replay-good"}'),
      ({ length }) => length > 0,
    );
    expect(lines).toEqual(['first']);
    first.socket.destroy();
    expect(await linesOf(server, '{service_name="replayed"}')).toEqual([]);
  });

  test.each<[string, PortName, string | Uint8Array]>([
    ["a server's PONG", 'forward', encode(['PONG', true, '', 'x', 'y'])],
    ["a server's acknowledgement", 'lumberjack', Buffer.from('2A\0\0\0\x01', 'latin1')],
    ["a server's answer", 'relp', '1 rsp 6 200 OK\n'],
  ])('%s on %s ends the connection', async (_what, name, bytes) => {
    const raw = new Raw(port(name));
    await raw.write(bytes);
    await raw.end(5_000);
    expect(raw.closed).toBe(true);
  });
});

describe('bombs of 256 MiB', () => {
  let packed: ReturnType<typeof bombs>;
  beforeAll(() => {
    packed = bombs();
  });

  test.each(HTTP_PORTS)('%s', async (name, path) => {
    for (const [encoding, body] of Object.entries(packed)) {
      const type = name === 'journald' ? 'application/vnd.fdo.journal' : 'application/json';
      const answer = await fetch(`http://127.0.0.1:${port(name)}${path}`, {
        method: 'POST',
        headers: { ...server.headers, 'content-type': type, 'content-encoding': encoding },
        body: body as unknown as string,
      });
      await answer.arrayBuffer();
      expect([400, 413, 415], `${name} ${encoding} ${answer.status}`).toContain(answer.status);
    }
  });

  test('gRPC', async () => {
    const path = OTLP_LOGS;
    const wanted: Record<string, number> = {
      gzip: status.RESOURCE_EXHAUSTED,
      deflate: status.RESOURCE_EXHAUSTED,
      zstd: status.UNIMPLEMENTED,
    };
    for (const [encoding, bytes] of Object.entries(packed)) {
      const headers = { authorization: `Bearer ${KEY}` };
      const code = await compressedCall(port('otlp-grpc'), path, headers, encoding, bytes);
      expect(code, encoding).toBe(String(wanted[encoding]));
    }
  });

  test('forward', async () => {
    for (const encoding of ['gzip', 'zstd'] as const) {
      const raw = new Raw(port('forward'));
      const greeting = await greeted(raw);
      await raw.write(pingFor(greeting, KEY));
      expect(await pong(raw, greeting)).toBe(true);
      const options = { compressed: encoding, chunk: `bomb-${encoding}` };
      await raw.write(encode(['bomb', packed[encoding], options]));
      const settled = (): boolean => raw.closed || raw.received.includes(`bomb-${encoding}`);
      expect(await eventually(settled, Boolean)).toBe(true);
      raw.socket.destroy();
    }
  });

  test('Lumberjack, also within each other', async () => {
    const frame = (bytes: Buffer): Buffer => {
      const head = Buffer.from('2C\0\0\0\0', 'latin1');
      head.writeUInt32BE(bytes.length, 2);
      return Buffer.concat([head, bytes]);
    };
    let nested: Buffer = Buffer.concat([windowOf(1), json(1, { message: 'x' })]);
    for (let depth = 0; depth < 20; depth++) nested = compressed('2', nested);
    for (const bytes of [frame(packed.deflate), nested]) {
      const raw = new Raw(port('lumberjack'));
      await raw.write(Buffer.concat([windowOf(1), bytes]));
      expect(await raw.end(10_000)).not.toContain('2A\0\0\0\x01');
    }
  });

  test('GELF, in one datagram and in chunks; syslog in a zlib stream', async () => {
    const labels = { protocol: 'gelf' };
    const before = await metric(server, 'meshtrail_rejected_records_total', labels);
    const socket = createSocket('udp4');
    const send = (bytes: Buffer): Promise<unknown> =>
      new Promise((done) => socket.send(bytes, port('gelf'), '127.0.0.1', done));
    for (const [i, bytes] of Object.values(packed).entries()) {
      await send(bytes.subarray(0, 60_000));
      const count = Math.min(128, Math.ceil(bytes.length / 8_000));
      for (let n = 0; n < count; n++) {
        const head = Buffer.from([0x1e, 0x0f, 9, 9, 9, 9, 9, 9, 9, i, n, count]);
        await send(Buffer.concat([head, bytes.subarray(n * 8_000, (n + 1) * 8_000)]));
      }
    }
    socket.close();
    const rejected = await eventually(
      () => metric(server, 'meshtrail_rejected_records_total', labels),
      (now) => now >= before + 6,
    );
    expect(rejected - before).toBe(6);
    const raw = new Raw(port('syslog'));
    await raw.write(packed.deflate);
    raw.socket.end();
    await raw.end();
  });
});

describe('a flood of datagrams is counted', () => {
  const SENT = 5_000;
  const fixture = (name: string): Buffer =>
    readFileSync(new URL(`../../fixtures/decode/${name}/001.in`, import.meta.url));
  test.each<[string, PortName, (n: number) => string | Buffer]>([
    ['GELF', 'gelf', (n) => `{"version":"1.1","host":"h","short_message":"flood ${n}"}`],
    ['what is no GELF', 'gelf', () => 'no message'],
    ['cut spans', 'jaeger-compact', () => fixture('jaeger-compact').subarray(0, 200)],
    ['cut spans', 'jaeger-binary', () => fixture('jaeger-binary').subarray(0, 200)],
  ])('%s on %s', async (_what, name, make) => {
    const counted = async (): Promise<number> => {
      let sum = 0;
      for (const word of ['acknowledged', 'dropped', 'rejected'])
        sum += await metric(server, `meshtrail_${word}_records_total`, { protocol: name });
      return sum;
    };
    const before = await counted();
    const socket = createSocket('udp4');
    let left = 0;
    for (let n = 0; n < SENT; n++) {
      socket.send(make(n), port(name), '127.0.0.1', () => left++);
      if (n % 500 === 499)
        await eventually(
          () => left,
          (count) => count === n + 1,
        );
    }
    socket.close();
    const count = await eventually(
      async () => (await counted()) - before,
      (now) => now >= SENT,
    );
    // What earlier tests sent may still be counted meanwhile.
    expect(count).toBeGreaterThanOrEqual(SENT);
    expect(count).toBeLessThan(SENT + 10);
  });
});

test(`${IDLE_PER_PORT} idle connections on every port at once`, async () => {
  const idle: Raw[] = [];
  for (const name of TCP_NAMES) {
    const some = Array.from({ length: IDLE_PER_PORT }, () => new Raw(port(name)));
    await Promise.all(some.map((raw) => eventually(() => !raw.socket.connecting, Boolean)));
    idle.push(...some);
  }
  expect(idle.filter(({ closed }) => closed).length).toBeLessThan(idle.length / 2);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  const sender = GOOD_SENDERS.find((one) => one.port === 'forward');
  await sender?.send(server, 'beside-idle');
  await eventually(() => idle.every(({ closed }) => closed), Boolean, 30_000);
  expect(idle.filter(({ closed }) => !closed)).toHaveLength(0);
});

test('who began and said no more was closed', async () => {
  const open = (): string[] => begun.filter(({ raw }) => !raw.closed).map(({ name }) => name);
  await eventually(open, ({ length }) => length === 0, 15_000);
  expect(open()).toEqual([]);
});

test.each(GOOD_SENDERS.map((sender) => [sender.port, sender.transport, sender] as const))(
  'afterwards a good record arrives on %s over %s',
  async (name, transport, sender) => {
    await expect(sender.send(server, `good-${name}-${transport}`)).resolves.toBeUndefined();
  },
);

test('afterwards memory is within bounds, and no secret was said', async () => {
  const held = await eventually(
    () => metric(server, 'meshtrail_in_flight_bytes'),
    (bytes) => bytes === 0,
  );
  expect(held).toBe(0);
  const after = residentBytes(server);
  const inMiB = (bytes: number): number => Math.round(bytes / MIB);
  process.stdout.write(`resident, MiB: ${inMiB(beforeBytes)} before, ${inMiB(after)} after\n`);
  // What two threads may unpack at a time, and what is collected only when memory is asked for.
  const margin = 2 * LIMITS.inflatedBytes + 128 * MIB;
  expect(after - beforeBytes).toBeLessThan(LIMITS.inFlightBytes + margin);
  for (const secret of [KEY, WRONG]) expect(server.process.output).not.toContain(secret);
});
