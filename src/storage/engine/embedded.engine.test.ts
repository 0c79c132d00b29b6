import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { C, CLICKHOUSE_TYPES, COLUMNS, TAIL_COLUMNS } from '../../model/columns.ts';
import { must } from '../../model/errors.ts';
import { systemClock } from '../../platform/clock.ts';
import { createLog } from '../../platform/log.ts';
import { usageOf } from '../../platform/processes.ts';
import { batchOfLines, numberedLines } from './test-batches.ts';
import { startTestEngine, testKeyring, type TestEngine } from './testing.ts';

let directory: string;
let running: TestEngine;
const logged: string[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-engine-'));
  const log = createLog('info', { write: (line) => void logged.push(line) });
  running = await startTestEngine(directory, { log });
});

afterAll(async () => {
  await running.engine.stop();
  rmSync(directory, { recursive: true, force: true });
});

const files = (path: string): string[] =>
  readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter((name) => statSync(name).isFile());

const port = (): string =>
  must(/<http_port>(\d+)</.exec(readFileSync(`${directory}/engine/config.xml`, 'utf8'))?.[1], '');

/** What the engine answers to somebody who does not know a password. */
async function ask(
  sql: string,
  search = '',
  headers: Record<string, string> = {},
): Promise<Response> {
  const url = `http://127.0.0.1:${port()}/${search}`;
  return fetch(url, { method: 'POST', body: sql, headers });
}

test('rows come back byte for byte', async () => {
  const lines = [
    'plain',
    '',
    '\n\n',
    'a\n\nDROP TABLE meshtrail.logs;\n\n',
    "'; DROP TABLE x; --",
    '{"a":1}\0\0',
    new Uint8Array([0xff, 0xfe, 0, 0x80, 0x27, 0x5c]),
    '\\N\t\r\n"',
    'ü€😀',
    new Uint8Array(70_000).fill(0x41),
  ];
  await running.store(
    batchOfLines(lines, 'bytes', (record, row) => {
      record.attributes.putText("k'\n\n", `v${row}\0`);
    }),
  );
  const sql = "SELECT body, attributes['k''\\n\\n'] FROM meshtrail.logs WHERE tenant = 'bytes'";
  const chunks: Uint8Array[] = [];
  for await (const chunk of await running.engine.reader.stream(`${sql} ORDER BY seq`)) {
    chunks.push(chunk);
  }
  const expected = lines.flatMap((line, row) => [
    Buffer.from(line as string),
    Buffer.from(`v${row}\0`),
  ]);
  expect(rowBinaryStrings(Buffer.concat(chunks))).toEqual(expected);
});

function rowBinaryStrings(bytes: Buffer): Buffer[] {
  const values: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    let size = 0;
    let shift = 0;
    for (let byte = 0x80; byte >= 0x80; shift += 7) {
      byte = bytes[at++] as number;
      size |= (byte & 0x7f) << shift;
    }
    values.push(bytes.subarray(at, at + size));
    at += size;
  }
  return values;
}

test('batches with different columns go in together', async () => {
  const { catalog, writer } = running.engine;
  const before = running.engine.counters.inserts;
  await Promise.all([
    running.store(batchOfLines(['one'], 'mixed')),
    running.store(batchOfLines(['two'], 'mixed', (record) => (record.numbers[C.status] = 503))),
    running.store(batchOfLines(['three'], 'mixed', (record) => record.setText(C.service, 'cart'))),
    running.store(batchOfLines(['four'], 'mixed', (record) => record.metadata.putText('a', 'b'))),
  ]);
  expect(running.engine.counters.inserts - before).toBeLessThan(4);
  expect(writer.active).toBe(0);
  expect(catalog.tenants()).toContain('mixed');
  const sql = 'SELECT body, status, service, metadata, lane, seq FROM meshtrail.logs';
  expect(
    await running.engine.reader.rows(`${sql} WHERE tenant = {tenant:String} ORDER BY seq`, {
      params: { tenant: 'mixed' },
    }),
  ).toEqual([
    ['one', 0, '', {}, 'mixed/default/test', '0'],
    ['two', 503, '', {}, 'mixed/default/test', '1'],
    ['three', 0, 'cart', {}, 'mixed/default/test', '2'],
    ['four', 0, '', { a: 'b' }, 'mixed/default/test', '3'],
  ]);
});

test('the tables have the columns of the model', async () => {
  const bucket = running.engine.catalog.bucketFor('bytes', 'default', systemClock.nowNs());
  const expected = [...COLUMNS, ...TAIL_COLUMNS].map(({ name, kind }) => [
    name,
    CLICKHOUSE_TYPES[kind],
  ]);
  expected.push(['tenant', 'LowCardinality(String)']);
  for (const table of [bucket.table, 'logs']) {
    const rows = await running.engine.reader.rows(`DESCRIBE TABLE meshtrail.${table}`);
    expect(rows.map((row) => row.slice(0, 2))).toEqual(expected);
  }
});

test('neither text nor keys are on the disk, nor in what the engine says', async () => {
  await running.store(batchOfLines(numberedLines('plaintext-marker', 1_000), 'secret-tenant'));
  const { reader, catalog } = running.engine;
  await reader.rows("SELECT count() FROM meshtrail.logs WHERE body = 'literal-marker'");
  await expect(reader.rows("SELECT throwIf(1, 'literal-marker')")).rejects.toThrow();
  const keys = await Promise.all(catalog.buckets().map(({ disk }) => testKeyring.dataKey(disk)));
  const forbidden = ['plaintext-marker', 'literal-marker', ...keys.map((key) => Buffer.from(key))];
  for (const path of files(`${directory}/engine`)) {
    const contents = readFileSync(path);
    for (const text of forbidden) expect(contents.includes(text), path).toBe(false);
    for (const key of keys) {
      expect(contents.includes(Buffer.from(key).toString('hex')), path).toBe(false);
    }
  }
  expect(logged.join('')).not.toContain('marker');
});

describe('who knows no password', () => {
  const AS_WRITER = { authorization: `Basic ${Buffer.from('writer:').toString('base64')}` };

  test('gets no answer', async () => {
    for (const search of ['', '?user=default', '?user=reader&password=x', '?query=SELECT+1']) {
      expect((await ask('SELECT 1', search)).status).toBe(404);
    }
    expect((await ask('SELECT 1', '', AS_WRITER)).status).toBe(403);
    const fallback = { authorization: `Basic ${Buffer.from('default:').toString('base64')}` };
    expect((await ask('SELECT 1', '', fallback)).status).toBe(404);
  });

  test.each([
    'SELECT * FROM meshtrail.logs',
    'SELECT count() FROM system.numbers LIMIT 1',
    'SYSTEM STOP LISTEN HTTP',
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1/', 'LineAsString')",
    'SELECT * FROM system.processes',
    'DROP TABLE meshtrail.logs',
  ])('cannot become the local session to run %s', async (sql) => {
    const response = await ask(sql, '?user=default&password=', AS_WRITER);
    expect(response.status).toBeGreaterThanOrEqual(400);
  });
});

describe('the reader', () => {
  test.each([
    'SELECT * FROM system.processes',
    'SELECT * FROM system.users',
    'SELECT * FROM system.disks',
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM url('http://127.0.0.1/', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1', system, one)",
    "SELECT * FROM executable('x', 'TSV', 'a String')",
    'SELECT 1; SELECT 2',
    'SELECT 1 SETTINGS max_execution_time = 0, a = 1',
  ])('cannot run %s', async (sql) => {
    await expect(running.engine.reader.rows(sql)).rejects.toMatchObject({ code: 'query_failed' });
  });

  test.each(['DROP TABLE meshtrail.logs', 'SYSTEM STOP LISTEN HTTP', 'KILL QUERY WHERE 1'])(
    'cannot run %s',
    async (sql) => {
      await expect(running.engine.reader.rows(sql)).rejects.toMatchObject({ code: 'query_failed' });
    },
  );

  test('is bounded in time and memory', async () => {
    const { reader } = running.engine;
    const settings = { max_execution_time: 1 };
    await expect(
      reader.rows('SELECT count() FROM numbers(1e12) WHERE NOT ignore(number)', { settings }),
    ).rejects.toMatchObject({ code: 'query_timeout' });
    await expect(
      reader.rows('SELECT length(groupArray(toString(number))) FROM numbers(100000000)'),
    ).rejects.toMatchObject({ code: 'query_memory' });
    await expect(
      reader.rows('SELECT 1', { settings: { max_execution_time: 1_000_000 } }),
    ).rejects.toMatchObject({ code: 'query_failed' });
  });

  test('stops a query when asked to', async () => {
    const cancel = new AbortController();
    const sql = 'SELECT number FROM numbers(1e12)';
    const stream = await running.engine.reader.stream(sql, { signal: cancel.signal });
    const drain = async (): Promise<void> => {
      for await (const chunk of stream) if (chunk.length > 0) cancel.abort();
    };
    await expect(drain()).rejects.toMatchObject({ code: 'query_cancelled' });
  });

  test('tells an error that comes in the middle of a result', async () => {
    const sql = 'SELECT throwIf(number = 3000000) FROM numbers(10000000)';
    const settings = { max_block_size: 10_000, max_threads: 1 };
    const drain = async (): Promise<void> => {
      for await (const chunk of await running.engine.reader.stream(sql, { settings })) {
        expect(chunk.length).toBeGreaterThan(0);
      }
    };
    await expect(drain()).rejects.toMatchObject({ code: 'query_failed' });
  });
});

test('the engine at rest takes little memory and next to no processor', async () => {
  const pid = must(running.engine.processId, 'the engine runs');
  const before = must(await usageOf(pid), 'the engine runs');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const after = must(await usageOf(pid), 'the engine runs');
  expect(after.cpuMs - before.cpuMs).toBeLessThan(300);
});
