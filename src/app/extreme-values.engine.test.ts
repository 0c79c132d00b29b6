import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { carriers, lokiProtobuf, sendNdjson, snappy } from '../../sim/carriers.ts';
import { endServer, eventually, find, linesOf } from '../../sim/running-server.ts';
import { metric, post, runServer } from '../../sim/running-server.ts';
import type { RunningServer } from '../../sim/running-server.ts';

/** Values beyond what anyone expects: kept as far as the limits allow, and marked where not. */
let server: RunningServer;

beforeAll(async () => {
  server = await runServer();
});

afterAll(() => endServer(server));

beforeEach(async () => {
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

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

const ENDPOINTS = [
  { path: '/v1/ndjson', type: 'application/x-ndjson' },
  { path: '/loki/api/v1/push', type: 'application/json' },
  { path: '/v1/logs', type: 'application/json' },
  { path: '/elastic/_bulk', type: 'application/x-ndjson' },
];

describe('a line of 20 MiB is cut at the limit, marked and counted', () => {
  const long = Buffer.alloc(20 * MIB, 'é€😀x');
  const check = async (service: string): Promise<void> => {
    const [found] = await eventually(
      () => find(server, `{service_name="${service}"}`),
      (streams) => streams.length > 0,
    );
    const line = Buffer.from(found?.values[0]?.[1] ?? '');
    expect(line.length).toBeLessThanOrEqual(MIB);
    expect(line.length).toBeGreaterThan(MIB - 4);
    expect(line.equals(long.subarray(0, line.length))).toBe(true);
    expect(found?.stream).toMatchObject({ meshtrail_cut_from_bytes: String(long.length) });
    expect(await linesOf(server, `{service_name="${service}"} |= "neighbour"`)).toHaveLength(1);
  };

  test.each(carriers(({ name }) => name !== 'syslog UDP').map((one) => [one.name, one] as const))(
    '%s',
    async (name, carrier) => {
      const service = `long-${name.toLowerCase().replaceAll(' ', '-')}`;
      const cut = await added('meshtrail_lines_cut_total', {}, async () => {
        const answer = await carrier.send(server, service, [long, Buffer.from('neighbour')]);
        expect(answer.status, answer.text).toBeLessThan(300);
        await eventually(
          () => linesOf(server, `{service_name="${service}"} |= "neighbour"`),
          (lines) => lines.length > 0,
        );
      });
      expect(cut).toBe(1);
      await check(service);
    },
  );

  test('NDJSON', async () => {
    const object = `{"service":"long-ndjson","x":"${'y'.repeat(20 * MIB)}"}`;
    const answer = await sendNdjson(server, [object, '{"service":"long-ndjson","n":"neighbour"}']);
    expect(JSON.parse(answer.text)).toMatchObject({ accepted: 2, rejected: 0 });
    const streams = await find(server, '{service_name="long-ndjson"}');
    const cut = streams.find(({ stream }) => 'meshtrail_cut_from_bytes' in stream);
    expect(cut?.stream['meshtrail_cut_from_bytes']).toBe(String(object.length));
    expect(cut?.values[0]?.[1]).toBe(object.slice(0, MIB));
  });
});

describe('values', () => {
  test('longer than a line may be are cut, in whatever field, and marked', async () => {
    const huge = 'v'.repeat(3 * MIB);
    const cut = await added('meshtrail_values_cut_total', {}, async () => {
      const object = { service: 'huge-value', message: 'm', huge, trace_id: huge };
      await sendNdjson(server, [JSON.stringify(object)]);
    });
    expect(cut).toBe(2);
    const query = '{service_name="huge-value"} | meshtrail_cut_values="2"';
    expect(await linesOf(server, query)).toEqual(['m']);
  });

  test('that together are larger than a record may be are left out, counted and marked', async () => {
    const values = Array.from({ length: 100 }, (_, n) => `"k${n}":"${'v'.repeat(MIB - n)}"`);
    const object = `{"service":"huge-record","message":"m",${values.join(',')}}`;
    const out = await added('meshtrail_fields_overflowed_total', {}, async () => {
      const answer = await post(server, '/v1/ndjson', 'application/x-ndjson', gzipSync(object), {
        'content-encoding': 'gzip',
      });
      expect(answer.status, answer.text).toBe(200);
    });
    expect(out).toBeGreaterThan(80);
    expect(await linesOf(server, '{service_name="huge-record"}')).toEqual(['m']);
  });

  test('a name of 20 MiB', async () => {
    const object = `{"service":"huge-name","message":"m","${'n'.repeat(20 * MIB)}":1}`;
    expect((await sendNdjson(server, [object])).status).toBe(200);
    expect(await linesOf(server, '{service_name="huge-name"}')).toEqual(['m']);
  });

  test('100,000 different keys in one object, and in as many records', async () => {
    const pairs = Array.from({ length: 100_000 }, (_, n) => `"k${n}":${n}`);
    const whole = `{"service":"keys-one",${pairs.join(',')}}`;
    expect((await sendNdjson(server, [whole])).status).toBe(200);
    const [line] = await linesOf(server, '{service_name="keys-one"}');
    expect(line).toBe(whole.slice(0, MIB));
    const records = Array.from(
      { length: 100_000 },
      (_, n) => `{"service":"keys-many","r${n}":${n}}`,
    );
    const rounds = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i++) {
        const fresh = records.map((record) => record.replace('"r', `"r${i}_`));
        expect((await sendNdjson(server, fresh)).status).toBe(200);
      }
    };
    await rounds(0, 4);
    const before = residentBytes();
    await rounds(4, 8);
    expect(residentBytes() - before).toBeLessThan(160 * MIB);
    const count = 'sum(count_over_time({service_name="keys-many"}[1h]))';
    const answer = await fetch(
      `${server.url}/loki/api/v1/query?query=${encodeURIComponent(count)}`,
    );
    expect(await answer.text()).toContain('"800000"');
  });

  test('nested a hundred thousand deep, through every protocol', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const objects = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    for (const carrier of carriers(({ name }) => name !== 'syslog UDP')) {
      const service = `deep-${carrier.name.toLowerCase().replaceAll(' ', '-')}`;
      const lines = [deep, objects].map((line) => Buffer.from(line));
      await carrier.send(server, service, lines);
      const found = await eventually(
        () => linesOf(server, `{service_name="${service}"}`),
        ({ length }) => length >= 2,
      );
      expect(found, carrier.name).toEqual([deep, objects].sort());
    }
    for (const body of [deep, objects, `{"x":${deep}}`, `{"x":${objects}}`]) {
      for (const { path, type } of ENDPOINTS) {
        const answer = await post(server, path, type, body);
        expect(answer.status, `${path} ${answer.text}`).toBeLessThan(500);
      }
    }
  });

  test('10,000 streams in one push, and 10,000 more labels than are remembered', async () => {
    for (let round = 0; round < 2; round++) {
      const streams = Array.from({ length: 10_000 }, (_, n) => ({
        stream: { service_name: 'many-streams', n: `${round}-${n}` },
        values: [[nowNs(), `line ${n}`]],
      }));
      const body = JSON.stringify({ streams });
      const answer = await post(server, '/loki/api/v1/push', 'application/json', body);
      expect(answer.status, answer.text).toBe(204);
    }
    const one = await find(server, '{service_name="many-streams", n="1-9999"}');
    expect(one[0]?.values[0]?.[1]).toBe('line 9999');
    const count = 'sum(count_over_time({service_name="many-streams"}[1h]))';
    const answer = await fetch(
      `${server.url}/loki/api/v1/query?query=${encodeURIComponent(count)}`,
    );
    expect(await answer.text()).toContain('"20000"');
  });
});

describe('times', () => {
  const ALL = { start: '0', end: '9223372036854775807' };

  test('NDJSON and bulk: texts of any year', async () => {
    const times = [
      '0001-01-01T00:00:00Z',
      '9999-12-31T23:59:59.999999999Z',
      '-1',
      '1969-12-31T23:59:59Z',
      'yesterday',
      '2026-02-30T00:00:00Z',
      '99999999999999999999999999',
    ];
    const replaced = await added('meshtrail_times_replaced_total', {}, async () => {
      const lines = times.map((time, n) =>
        JSON.stringify({ service: 'times-ndjson', n, timestamp: time, msg: 'x' }),
      );
      const answer = await sendNdjson(server, lines);
      expect(JSON.parse(answer.text)).toMatchObject({ accepted: times.length });
      const body = times.map((time) => {
        const document = { '@timestamp': time, message: time, service: { name: 'times-bulk' } };
        return `{"index":{"_index":"x"}}\n${JSON.stringify(document)}\n`;
      });
      await post(server, '/elastic/_bulk', 'application/x-ndjson', body.join(''));
    });
    expect(replaced).toBeGreaterThanOrEqual(times.length);
    expect(await linesOf(server, '{service_name="times-ndjson"}')).toHaveLength(times.length);
    expect(await linesOf(server, '{service_name="times-bulk"}')).toEqual([...times].sort());
  });

  test('Loki: the bounds of 64 bits, and beyond', async () => {
    const far = ['0', '1', '9223372036854775807', '4102444800000000000'];
    const beyond = [
      '-1',
      '-9223372036854775808',
      '9223372036854775808',
      '1e3',
      '',
      '99999999999999999999',
    ];
    for (const time of [...far, ...beyond]) {
      const streams = [{ stream: { service_name: 'times-loki' }, values: [[time, `at ${time}`]] }];
      const body = JSON.stringify({ streams });
      const answer = await post(server, '/loki/api/v1/push', 'application/json', body);
      expect([204, 400], `${time} ${answer.text}`).toContain(answer.status);
    }
    const lines = await linesOf(server, '{service_name="times-loki"}', ALL);
    for (const time of far) expect(lines).toContain(`at ${time}`);
  });

  test('Loki protobuf and OTLP: seconds of the year 1 and 9999', async () => {
    for (const seconds of [0n, 253_402_300_799n, 4_102_444_800n]) {
      const entries = [{ timeNs: seconds * 1_000_000_000n, line: Buffer.from(`at ${seconds}`) }];
      const body = snappy(lokiProtobuf('{service_name="times-proto"}', entries));
      const answer = await post(server, '/loki/api/v1/push', 'application/x-protobuf', body);
      expect(answer.status, answer.text).toBe(204);
    }
    expect(await linesOf(server, '{service_name="times-proto"}', ALL)).toHaveLength(3);
    const attributes = [{ key: 'service.name', value: { stringValue: 'times-otlp' } }];
    const logRecords = ['0', '1', '18446744073709551615', '4102444800000000000'].map((time) => ({
      timeUnixNano: time,
      body: { stringValue: time },
    }));
    const body = { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords }] }] };
    const answer = await post(server, '/v1/logs', 'application/json', JSON.stringify(body));
    expect(answer.text).toBe('{}');
    expect(await linesOf(server, '{service_name="times-otlp"}', ALL)).toHaveLength(4);
  });

  test('scattered over 200 days in one request are all kept and found', async () => {
    const day = 86_400_000;
    const lines = Array.from({ length: 2_000 }, (_, n) => {
      const time = new Date(Date.now() - (n % 200) * day).toISOString();
      return JSON.stringify({ service: 'scattered', n, time, msg: `m${n}` });
    });
    expect((await sendNdjson(server, lines)).status).toBe(200);
    expect(await linesOf(server, '{service_name="scattered"}', ALL)).toEqual([...lines].sort());
    const from = String(BigInt(Date.now() - 100 * day - day / 2) * 1_000_000n);
    const half = await linesOf(server, '{service_name="scattered"}', { start: from });
    expect(half).toHaveLength(1_010);
  });
});
