import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../../sim/peers.ts';
import { program, type Ended } from '../../sim/program.ts';
import {
  endServer,
  eventually,
  find,
  linesOf,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';
import { traceOf } from '../../sim/traces.ts';

/** What Python services send their logs and spans with: fixtures/peers/python. */
const KEY = 'the-administrators-key-of-a-test';
const WRONG = 'the-key-of-somebody-else';
const COUNT = 400;
/** Each a request of its own, with python-logging-loki. */
const PUSHES = 150;
const python = peer('venv/bin/python');
const there = python !== undefined;

let server: RunningServer;

beforeAll(async () => {
  if (!there) return;
  server = await runServer({
    ports: ['loki', 'otlp-grpc', 'otlp-http', 'datadog', 'lumberjack', 'raw'],
    flags: [],
    env: { MESHTRAIL_ADMIN_KEY: KEY },
    headers: { authorization: `Bearer ${KEY}` },
  });
}, 60_000);

afterAll(async () => {
  if (there) await endServer(server);
});

const addressOf = (port: string): string => `127.0.0.1:${server.ports[port] ?? 0}`;

const run = (name: string, words: readonly string[], pauseMs = 0): Promise<Ended> => {
  const script = fileURLToPath(new URL(`../../fixtures/peers/python/${name}`, import.meta.url));
  return program(python ?? '', [script, ...words], { PEER_PAUSE_MS: String(pauseMs) });
};

const records = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => `record ${n} "quoted" \\ and ü`).sort();

const found = (query: string): Promise<string[]> =>
  // A server that is starting again does not answer yet.
  linesOf(server, query).catch((): string[] => []);

const arrived = (query: string, count: number): Promise<string[]> =>
  eventually(
    () => found(query),
    (lines) => new Set(lines).size >= count,
    40_000,
  );

/** Kills the server when the first records are there, starts it again, and waits for the sender. */
const throughKill = async (query: string, sending: Promise<Ended>): Promise<Ended> => {
  await arrived(query, 20);
  await server.process.kill();
  await server.process.start();
  return sending;
};

describe.skipIf(!there)('python-logging-loki: needs npm run peers', () => {
  const push = { '0': '/api/prom/push', '1': '/loki/api/v1/push' };

  const send = (version: '0' | '1', key: string, app: string, count: number, pauseMs = 0) =>
    run(
      'loki.py',
      [version, `http://${addressOf('loki')}${push[version]}`, key, app, String(count)],
      pauseMs,
    );

  test.each(['0', '1'] as const)('form %s: every line and label', async (version) => {
    const app = `loki-py-${version}`;
    const { code, text } = await send(version, KEY, app, 50);
    expect(code, text).toBe(0);
    expect(await linesOf(server, `{app="${app}"}`)).toEqual(records(50));
    const [one] = await find(server, `{app="${app}", pod="pod-1"} |= "record 7 "`);
    expect(one?.stream).toMatchObject({
      app,
      even: 'False',
      logger: 'shop.orders',
      order_kind: 'a"b',
      service_name: app,
      severity: 'warning',
    });
  });

  test('is told that its key is wrong', async () => {
    const { code, text } = await send('1', WRONG, 'loki-py-wrong', 1);
    expect([code, text.trim()]).toEqual([1, 'Unexpected Loki API response status code: 401']);
  });

  test.each(['0', '1'] as const)(
    'form %s, as the server is killed',
    async (version) => {
      const app = `loki-py-killed-${version}`;
      const query = `{app="${app}"}`;
      const { code, text } = await throughKill(query, send(version, KEY, app, PUSHES, 10));
      expect(code, text).toBe(0);
      expect(text).toMatch(/again: [1-9]/);
      const lines = await arrived(query, PUSHES);
      expect([...new Set(lines)].sort()).toEqual(records(PUSHES));
      // The newer form stamps a record when it is sent: the one under way may be there twice.
      expect(lines.length).toBeLessThanOrEqual(version === '0' ? PUSHES : PUSHES + 1);
    },
    90_000,
  );
});

describe.skipIf(!there)('opentelemetry-exporter-otlp: needs npm run peers', () => {
  const send = (kind: string, key: string, service: string, count: number, pauseMs = 0) =>
    run('otlp.py', [kind, addressOf(`otlp-${kind}`), key, service, String(count)], pauseMs);

  test.each(['grpc', 'http'])('%s: logs and spans with every field', async (kind) => {
    const service = `otlp-py-${kind}`;
    const { code, text } = await send(kind, KEY, service, 50);
    expect(code, text).toBe(0);
    expect(text).not.toContain('FAILED');
    const trace = text.slice(0, 32);
    expect(await arrived(`{service_name="${service}"}`, 50)).toEqual(records(50));
    const query = `{service_name="${service}", namespace="shop"} | order_id="7" | record`;
    const [one] = await find(server, query);
    expect(one?.stream).toMatchObject({
      pod: 'pod-1',
      ratio: '0.5',
      route: '/orders/{id}',
      scope_name: 'shop',
      scope_version: '1.2',
      severity: '13',
      severity_text: 'WARN',
      tags: '["a","b"]',
      trace_id: trace,
    });
    const spans = await eventually(
      () => traceOf(server, trace),
      ({ length }) => length > 0,
    );
    expect(spans).toMatchObject([
      {
        name: 'GET /orders',
        attributes: { 'http.response.status_code': { intValue: '500' } },
        resource: { 'service.name': service, 'k8s.pod.name': 'pod-1' },
        events: [{ name: 'cached' }],
      },
    ]);
  });

  test.each([
    ['grpc', 'UNAUTHENTICATED'],
    ['http', '401'],
  ])('%s is told that its key is wrong', async (kind, word) => {
    const { text } = await send(kind, WRONG, 'otlp-py-wrong', 3);
    expect(text).toContain('FAILED');
    expect(text).toContain(word);
  });

  test.each(['grpc', 'http'])(
    '%s, as the server is killed: by its own retries',
    async (kind) => {
      const service = `otlp-py-killed-${kind}`;
      const query = `{service_name="${service}"}`;
      const { code, text } = await throughKill(query, send(kind, KEY, service, COUNT, 10));
      expect(code, text).toBe(0);
      expect(text).not.toContain('FAILED');
      const lines = await arrived(query, COUNT);
      expect([...new Set(lines)].sort()).toEqual(records(COUNT));
      // The batch that was under way may be there twice: its records have no identity.
      expect(lines.length).toBeLessThanOrEqual(COUNT + 20);
      expect(await traceOf(server, text.slice(0, 32))).toHaveLength(1);
    },
    120_000,
  );
});

describe.skipIf(!there)('datadog-api-client: needs npm run peers', () => {
  const send = (key: string, service: string, count: number, pauseMs = 0) =>
    run('datadog-sender.py', [addressOf('datadog'), key, service, String(count), 'gzip'], pauseMs);

  test('is told that its key is wrong', async () => {
    const { code, text } = await send(WRONG, 'datadog-py-wrong', 1);
    expect(code).toBe(1);
    expect(text).toMatch(/^ForbiddenException: .*Forbidden/);
  });

  test('as the server is killed', async () => {
    const query = '{service_name="datadog-py-killed"}';
    const { code, text } = await throughKill(query, send(KEY, 'datadog-py-killed', COUNT, 150));
    expect(code, text).toBe(0);
    const lines = await arrived(query, COUNT);
    const wanted = Array.from({ length: COUNT }, (_, n) => `line ${String(n).padStart(3, '0')} é`);
    expect([...new Set(lines)].sort()).toEqual(wanted);
    expect(lines.length).toBeLessThanOrEqual(COUNT + 20);
    const [one] = await find(server, `${query} | order="7" | record`);
    expect(one?.stream).toMatchObject({ environment: 'prod', severity: '13', ddsource: 'python' });
  }, 120_000);
});

describe.skipIf(!there)('python-logstash-async: needs npm run peers', () => {
  const wanted = (count: number): string[] =>
    Array.from({ length: count }, (_, n) => `line ${n}`).sort();

  test('Lumberjack, as the server is killed: by its own retries', async () => {
    const [host = '', port = ''] = addressOf('lumberjack').split(':');
    const query = '{service_name="lj-py-killed"}';
    const words = [host, port, 'lj-py-killed', String(COUNT)];
    const { code, text } = await throughKill(query, run('lumberjack.py', words, 10));
    expect(code, text).toBe(0);
    const lines = await arrived(query, COUNT);
    expect([...new Set(lines)].sort()).toEqual(wanted(COUNT));
    // It sends what it had taken from its queue again as a whole.
    expect(lines.length).toBeLessThanOrEqual(COUNT + 50);
  }, 120_000);

  test('TCP: every line with its fields', async () => {
    const [host = '', port = ''] = addressOf('raw').split(':');
    const { code, text } = await run('lumberjack.py', [host, port, 'tcp-py', '50', 'TcpTransport']);
    expect(code, text).toBe(0);
    const query = '{service_name="tcp-py"}';
    // A line of JSON that came as a line is kept as it is.
    const lines = await arrived(query, 50);
    expect(lines.map((line) => (JSON.parse(line) as { message: string }).message).sort()).toEqual(
      wanted(50),
    );
    const [one] = await find(server, `${query} | json | n="7" | record`);
    expect(one?.stream).toMatchObject({ receiver: 'raw', severity_text: 'WARNING' });
  });
});
