import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { client, v2 } from '@datadog/datadog-api-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import winston from 'winston';
import type Transport from 'winston-transport';
import { peer } from '../../sim/peers.ts';
import {
  endServer,
  eventually,
  find,
  linesOf,
  metric,
  post,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';
import { sendThroughKill } from '../../sim/through-kill.ts';

/** Datadog's clients against a real server. */
const run = promisify(execFile);
const KEY = 'datadog-key-0123456789abcdef';
const DatadogWinston = createRequire(import.meta.url)('datadog-winston') as new (
  options: Readonly<Record<string, string>>,
) => Transport & { api: string };
const python = peer('venv/bin/python');

let server: RunningServer;

beforeAll(async () => {
  server = await runServer({
    ports: ['datadog'],
    flags: [],
    env: { MESHTRAIL_ADMIN_KEY: KEY },
    headers: { authorization: `Bearer ${KEY}` },
  });
});
afterAll(() => endServer(server));

const native = (): string => `127.0.0.1:${server.ports['datadog'] ?? 0}`;

const logsApi = (address: string, key = KEY): v2.LogsApi => {
  const configuration = client.createConfiguration({
    authMethods: { apiKeyAuth: key },
    serverIndex: 1,
    enableRetry: false,
  });
  configuration.setServerVariables({ name: address, protocol: 'http' });
  return new v2.LogsApi(configuration);
};

const itemOf = (fields: Partial<v2.HTTPLogItem>): v2.HTTPLogItem =>
  Object.assign(new v2.HTTPLogItem(), fields);

const numbered = (count: number, make: (n: string) => string): string[] =>
  Array.from({ length: count }, (_, n) => make(String(n).padStart(3, '0')));

describe('@datadog/datadog-api-client', () => {
  test.each([
    ['identity', undefined, 'main'],
    ['gzip', 'gzip', 'native'],
    ['deflate', 'deflate', 'native'],
  ] as const)('every line and field arrives (%s)', async (name, contentEncoding, port) => {
    const address = port === 'native' ? native() : new URL(server.url).host;
    const lines = numbered(100, (n) => `line ${n} "quoted" \\ \u00e9`);
    await logsApi(address).submitLog({
      body: lines.map((message, n) =>
        itemOf({
          message,
          ddsource: 'node',
          ddtags: 'env:prod,kube_namespace:shop,pod_name:api-0,kube_container_name:api,version:1.2',
          hostname: 'node-1',
          service: `datadog-${name}`,
          additionalProperties: { status: 'error', order: String(n) },
        }),
      ),
      ddtags: 'team:core',
      ...(contentEncoding !== undefined && { contentEncoding }),
    });
    const query = `{service_name="datadog-${name}", namespace="shop", pod="api-0", container="api"}`;
    expect(await linesOf(server, query)).toEqual(lines);
    const [one] = await find(server, `${query} | order="7" | team="core" | record`);
    expect(one?.values).toHaveLength(1);
    expect(one?.stream).toMatchObject({
      environment: 'prod',
      version: '1.2',
      node: 'node-1',
      severity: '17',
      ddsource: 'node',
    });
  });

  test('is told that its key is wrong', async () => {
    const wrong = logsApi(native(), 'wrong').submitLog({ body: [itemOf({ message: 'x' })] });
    await expect(wrong).rejects.toMatchObject({ code: 403 });
  });

  test('loses nothing when the server is killed in the middle', async () => {
    const batches = 40;
    const again = await sendThroughKill(server, batches, (batch) =>
      logsApi(native()).submitLog({
        body: numbered(25, (n) => `line ${batch}-${n}`).map((message) =>
          itemOf({ message, service: 'datadog-killed' }),
        ),
        contentEncoding: 'gzip',
      }),
    );
    const lines = await linesOf(server, '{service_name="datadog-killed"}');
    expect(new Set(lines).size).toBe(batches * 25);
    // Datadog's items have no identity: at most the request under way is there twice.
    expect(again.length).toBeLessThanOrEqual(1);
    const doubled = lines.filter((line, i) => line === lines[i - 1]);
    expect(doubled.every((line) => line.startsWith(`line ${again[0] ?? -1}-`))).toBe(true);
  });
});

test('datadog-winston', async () => {
  const transport = new DatadogWinston({
    apiKey: KEY,
    hostname: 'web-1',
    service: 'datadog-winston',
    ddsource: 'nodejs',
    ddtags: 'env:dev',
  });
  // Its address is Datadog's own.
  transport.api = `http://${native()}/v1/input/${KEY}`;
  // It is one: datadog-winston brings another copy of the same class.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
  const logger = winston.createLogger({ transports: [transport] });
  const lines = numbered(50, (n) => `order ${n}`);
  lines.forEach((line, order) => logger.warn(line, { order }));
  const found = await eventually(
    () => linesOf(server, '{service_name="datadog-winston"}'),
    ({ length }) => length >= 50,
  );
  expect(found).toEqual(lines);
  const [one] = await find(server, '{service_name="datadog-winston"} | order="7" | record');
  expect(one?.stream).toMatchObject({ severity: '13', node: 'web-1', environment: 'dev' });
});

test.skipIf(python === undefined)('datadog-api-client for Python: needs peers/venv', async () => {
  const script = new URL('../../fixtures/peers/python/datadog-sender.py', import.meta.url).pathname;
  for (const encoding of ['identity', 'gzip', 'deflate']) {
    await run(python ?? '', [script, native(), KEY, `datadog-py-${encoding}`, '100', encoding]);
    const lines = await linesOf(server, `{service_name="datadog-py-${encoding}"}`);
    expect(lines, encoding).toEqual(numbered(100, (n) => `line ${n} \u00e9`));
  }
});

describe('the agent', () => {
  test.each([
    ['{}', '/api/v2/logs', 202],
    ['', '/api/v2/logs', 202],
    ['{}', '/v1/input', 200],
  ])('asks with %j at %s whether we are there', async (body, path, status) => {
    const answer = await post(server, path, 'application/json', body);
    expect([answer.status, answer.text]).toEqual([status, '{}']);
  });

  test('validates its key', async () => {
    const ask = async (headers: Record<string, string>, query = ''): Promise<unknown[]> => {
      const answer = await fetch(`http://${native()}/api/v1/validate${query}`, { headers });
      return [answer.status, await answer.json()];
    };
    expect(await ask({ 'dd-api-key': KEY })).toEqual([200, { valid: true }]);
    expect(await ask({}, `?api_key=${KEY}`)).toEqual([200, { valid: true }]);
    expect(await ask({ 'dd-api-key': 'wrong' })).toEqual([403, { errors: ['Forbidden'] }]);
  });

  test('one bad item costs no other, and a body of nothing else is refused', async () => {
    const before = await metric(server, 'meshtrail_rejected_records_total', {
      protocol: 'datadog',
    });
    const send = (body: string): ReturnType<typeof post> =>
      post(server, '/api/v2/logs', 'application/json', body);
    const item = (n: number): string => `{"message":"line ${n}","service":"datadog-bad"}`;
    expect((await send(`[${item(1)},17,${item(2)},{"message":,${item(3)}]`)).status).toBe(202);
    expect(await linesOf(server, '{service_name="datadog-bad"}')).toEqual([
      'line 1',
      'line 2',
      'line 3',
    ]);
    const refused = await send('what is this');
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.text)).toMatchObject({ errors: [{ status: '400' }] });
    const after = await metric(server, 'meshtrail_rejected_records_total', { protocol: 'datadog' });
    expect(after - before).toBe(3);
  });
});
