import { readFileSync } from 'node:fs';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { sendNdjson, snappy } from '../../sim/carriers.ts';
import { endServer, eventually, linesOf } from '../../sim/running-server.ts';
import { metric, post, Raw, runServer } from '../../sim/running-server.ts';
import type { RunningServer } from '../../sim/running-server.ts';
import { encodeLines } from './cli/otlp-lines.ts';

/**
 * Bodies that are wrong: the protocol's own error for what is bad, the rest stored, a counter, and
 * a server that is alive and no larger than before.
 */
let server: RunningServer;

beforeAll(async () => {
  server = await runServer();
});

afterAll(() => endServer(server));

const MIB = 1_048_576;
const nowNs = (): string => String(BigInt(Date.now()) * 1_000_000n);

const residentBytes = (): number => {
  const status = readFileSync(`/proc/${String(server.process.pid)}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024;
};

/** Runs `work` and resolves with what it added to a counter. */
const added = async (
  name: string,
  labels: Record<string, string>,
  work: () => Promise<unknown>,
): Promise<number> => {
  const before = await metric(server, name, labels);
  await work();
  return (await metric(server, name, labels)) - before;
};

const REJECTED = 'meshtrail_rejected_records_total';

interface Endpoint {
  readonly name: string;
  readonly protocol: string;
  readonly path: string;
  readonly type: string;
}

const ENDPOINTS: readonly Endpoint[] = [
  {
    name: 'NDJSON',
    protocol: 'ndjson',
    path: '/v1/ndjson',
    type: 'application/x-ndjson',
  },
  {
    name: 'Loki JSON',
    protocol: 'loki',
    path: '/loki/api/v1/push',
    type: 'application/json',
  },
  {
    name: 'Loki protobuf',
    protocol: 'loki',
    path: '/loki/api/v1/push',
    type: 'application/x-protobuf',
  },
  { name: 'OTLP JSON', protocol: 'otlp', path: '/v1/logs', type: 'application/json' },
  { name: 'OTLP protobuf', protocol: 'otlp', path: '/v1/logs', type: 'application/x-protobuf' },
  {
    name: 'bulk',
    protocol: 'elasticsearch',
    path: '/elastic/_bulk',
    type: 'application/x-ndjson',
  },
];

const each = ENDPOINTS.map((endpoint) => [endpoint.name, endpoint] as const);

beforeEach(async () => {
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

describe.each(each)('%s refuses', (name, { protocol, path, type }) => {
  test.each([
    ['garbage', Buffer.from('\x00\x01{{{garbage\xff\xfe')],
    ['a cut object', Buffer.from('{"streams":[{"stream":{"a":"b"},"values":[["1","x')],
    ['random bytes', Buffer.from(Array.from({ length: 5_000 }, (_, n) => (n * 7_919) % 251))],
  ])('%s, clearly', async (_what, body) => {
    const bytes = await added('meshtrail_rejected_bytes_total', { protocol }, async () => {
      const rejected = await added(REJECTED, { protocol }, async () => {
        const answer = await post(server, path, type, body);
        expect(answer.status, answer.text).toBe(400);
        expect(answer.bytes.length).toBeGreaterThan(0);
      });
      expect(rejected).toBeGreaterThan(0);
    });
    expect(bytes).toBe(body.length);
  });

  test('an empty body, or takes it as nothing', async () => {
    const answer = await post(server, path, type, '');
    const nothing = name.startsWith('OTLP protobuf') ? 200 : 400;
    const status = name === 'Loki protobuf' ? 400 : nothing;
    expect(answer.status, answer.text).toBe(status);
  });

  test('what is not compressed as it says', async () => {
    for (const encoding of ['gzip', 'deflate', 'zstd']) {
      if (protocol === 'loki' && encoding === 'zstd') continue;
      const answer = await post(server, path, type, 'not compressed', {
        'content-encoding': encoding,
      });
      expect(answer.status, `${encoding} ${answer.text}`).toBe(400);
    }
  });

  test('an encoding that nobody knows', async () => {
    const answer = await post(server, path, type, 'x', { 'content-encoding': 'rot13' });
    expect([400, 406, 415]).toContain(answer.status);
    expect(answer.text).toMatch(/rot13/);
  });

  test('a content type that is not its own', async () => {
    const answer = await post(server, path, 'image/png', 'x');
    expect([400, 406, 415]).toContain(answer.status);
    expect(answer.bytes.length).toBeGreaterThan(0);
  });
});

describe('bombs', () => {
  const zeros = Buffer.alloc(256 * MIB);
  const bombs: Record<string, Buffer> = {
    gzip: gzipSync(zeros),
    deflate: deflateSync(zeros),
    zstd: zstdCompressSync(zeros),
  };

  test.each(each)('%s: 256 MiB of zeros in gzip, deflate and zstd are 413', async (_name, at) => {
    for (const [encoding, body] of Object.entries(bombs)) {
      if (at.protocol === 'loki' && encoding === 'zstd') continue;
      const rejected = await added(
        REJECTED,
        { protocol: at.protocol, reason: 'too_large' },
        async () => {
          const headers = { 'content-encoding': encoding };
          const answer = await post(server, at.path, at.type, body, headers);
          expect(answer.status, `${encoding}: ${answer.text}`).toBe(413);
        },
      );
      expect(rejected, encoding).toBe(1);
    }
  });

  test('a snappy block that declares 4 GiB, one that declares more than it can hold', async () => {
    const huge = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61]);
    const lie = Buffer.from([0x80, 0x80, 0x80, 0x20, 0x00, 0x61]);
    const type = 'application/x-protobuf';
    expect((await post(server, '/loki/api/v1/push', type, huge)).status).toBe(413);
    expect((await post(server, '/loki/api/v1/push', type, lie)).status).toBe(400);
  });

  test('a hundred of them leave the server as large as it was', async () => {
    const headers = { 'content-encoding': 'gzip' };
    const send = (): Promise<unknown> =>
      post(server, '/v1/ndjson', 'application/x-ndjson', bombs['gzip'] as Buffer, headers);
    for (let i = 0; i < 10; i++) await send();
    const before = residentBytes();
    for (let i = 0; i < 100; i++) await send();
    expect(residentBytes() - before).toBeLessThan(96 * MIB);
  });
});

describe('one bad item costs no other', () => {
  test('NDJSON', async () => {
    const rejected = await added(REJECTED, { protocol: 'ndjson' }, async () => {
      const good = (n: number): string => `{"service":"mixed-ndjson","n":${n}}`;
      const answer = await sendNdjson(server, [good(1), '{"cut":', '', '[1]', 'text', good(2)]);
      expect(answer.status).toBe(200);
      const reply = JSON.parse(answer.text) as { errors: { line: number; code: string }[] };
      expect(reply).toMatchObject({ accepted: 2, rejected: 3 });
      expect(reply.errors.map(({ line }) => line)).toEqual([2, 4, 5]);
    });
    expect(rejected).toBe(3);
    expect(await linesOf(server, '{service_name="mixed-ndjson"}')).toHaveLength(2);
  });

  test('Loki JSON', async () => {
    const good = { stream: { service_name: 'mixed-loki' }, values: [[nowNs(), 'good']] };
    const streams = [
      good,
      { stream: { 'bad name': 'x' }, values: [[nowNs(), 'bad']] },
      { stream: {}, values: [[nowNs(), 'bad']] },
      {
        stream: { service_name: 'mixed-loki' },
        values: [
          ['not a time', 'bad'],
          [nowNs(), 5],
          [nowNs(), 'also good'],
        ],
      },
    ];
    const rejected = await added(REJECTED, { protocol: 'loki' }, async () => {
      const body = JSON.stringify({ streams });
      const answer = await post(server, '/loki/api/v1/push', 'application/json', body);
      expect(answer.status).toBe(400);
      expect(answer.text.length).toBeGreaterThan(10);
    });
    expect(rejected).toBeGreaterThan(0);
    const lines = await linesOf(server, '{service_name="mixed-loki"}');
    expect(lines).toEqual(['also good', 'good']);
  });

  test('OTLP JSON', async () => {
    const logRecords = [
      { body: { stringValue: 'good' } },
      { body: { stringValue: 'bad', intValue: 'no number' }, timeUnixNano: 'nonsense' },
      { timeUnixNano: {}, body: { stringValue: 'bad too' } },
      { body: { stringValue: 'also good' } },
    ];
    const attributes = [{ key: 'service.name', value: { stringValue: 'mixed-otlp' } }];
    const body = { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] };
    const answer = await post(server, '/v1/logs', 'application/json', JSON.stringify(body));
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text)).toMatchObject({
      partialSuccess: { rejectedLogRecords: '2' },
    });
    expect(await linesOf(server, '{service_name="mixed-otlp"}')).toEqual(['also good', 'good']);
  });

  test('bulk', async () => {
    const body = [
      '{"index":{}}',
      '{"message":"good","service":{"name":"mixed-bulk"}}',
      '{"index":{}}',
      '{"message":',
      '{"update":{"_id":"1"}}',
      '{"doc":{}}',
      '{"index":{}}',
      '{"message":"also good","service":{"name":"mixed-bulk"}}',
    ].join('\n');
    const answer = await post(server, '/elastic/app/_bulk', 'application/x-ndjson', `${body}\n`);
    const reply = JSON.parse(answer.text) as {
      errors: boolean;
      items: Record<string, { status: number }>[];
    };
    expect(reply.errors).toBe(true);
    expect(reply.items.map((item) => Object.values(item)[0]?.status)).toEqual([201, 400, 400, 201]);
    expect(await linesOf(server, '{service_name="mixed-bulk"}')).toEqual(['also good', 'good']);
  });

  test('syslog', async () => {
    const raw = new Raw(server.syslogPort);
    const frame = (text: string): string =>
      `<14>1 ${new Date().toISOString()} h mixed-syslog - - - ${text}\n`;
    await raw.write(
      `${frame('good')}not syslog at all \xff\n\n\0\0\n<999999>x\n<14>\n<14>9 x\n${frame('also good')}`,
    );
    raw.socket.end();
    await raw.end();
    const lines = await eventually(
      () => linesOf(server, '{service_name="mixed-syslog"}'),
      (found) => found.length >= 2,
    );
    expect(lines).toEqual(['also good', 'good']);
    expect(await linesOf(server, '{kind=~".+"} |= "not syslog at all"')).toHaveLength(1);
  });
});

test('a thousand bad requests of every kind leave the server as large as it was', async () => {
  const bodies = [
    Buffer.from('{"streams":['),
    Buffer.alloc(100_000, 0xff),
    snappy(Buffer.alloc(50_000, 0x0a)),
    Buffer.from(`{"resourceLogs":${'['.repeat(5_000)}`),
    Buffer.from(encodeLines({ a: 'b' }, [Buffer.from('x')]).subarray(0, 10)),
    Buffer.from('{"index":{"_index":"x"}}\n{"a":\n'.repeat(1_000)),
  ];
  const round = async (): Promise<void> => {
    for (const body of bodies)
      for (const { path, type } of ENDPOINTS) await post(server, path, type, body);
  };
  for (let i = 0; i < 5; i++) await round();
  const before = residentBytes();
  for (let i = 0; i < 28; i++) await round();
  expect(residentBytes() - before).toBeLessThan(64 * MIB);
});
