import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { sendNdjson } from '../../sim/carriers.ts';
import { endServer, eventually, find, linesOf } from '../../sim/running-server.ts';
import { metric, portOf, post, Raw, runServer } from '../../sim/running-server.ts';
import type { RunningServer } from '../../sim/running-server.ts';

/** Who may talk, over what, and as which tenant. */
const KEY = 'the-administrators-key-of-a-test';
const bearer = { authorization: `Bearer ${KEY}` };
const basic = (text: string): string => Buffer.from(text).toString('base64');

describe('with a key', () => {
  let server: RunningServer;

  beforeAll(async () => {
    server = await runServer({ flags: [], env: { MESHTRAIL_ADMIN_KEY: KEY }, headers: bearer });
  });

  afterAll(() => endServer(server));

  const without = async (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${server.url}${path}`, init);

  test('health and readiness are open, everything else is not', async () => {
    for (const path of ['/healthz', '/readyz']) expect((await without(path)).status).toBe(200);
    const closed = [
      '/',
      '/metrics',
      '/loki/api/v1/labels',
      '/loki/api/v1/query?query={a="b"}',
      '/ready',
      '/elastic/',
      '/elastic/_cluster/health',
      '/nowhere',
      '/healthz/x',
      '//metrics',
      '/./metrics',
    ];
    for (const path of closed) expect((await without(path)).status, path).toBe(401);
  });

  test.each([
    ['POST', '/v1/ndjson', 'application/x-ndjson', '"code":"unauthorized"'],
    ['POST', '/loki/api/v1/push', 'application/json', 'unauthorized'],
    ['POST', '/v1/logs', 'application/json', '"code":16'],
    ['POST', '/otlp/v1/logs', 'application/json', '"code":16'],
    ['POST', '/elastic/_bulk', 'application/x-ndjson', '"security_exception"'],
  ])('%s %s is 401 in its own words', async (method, path, type, words) => {
    const before = await metric(server, 'meshtrail_refused_requests_total', {
      reason: 'unauthorized',
    });
    const headers = { 'content-type': type };
    const answer = await without(path, { method, headers, body: 'x'.repeat(100_000) });
    expect(answer.status).toBe(401);
    expect(await answer.text()).toContain(words);
    if (path.startsWith('/elastic')) {
      expect(answer.headers.get('x-elastic-product')).toBe('Elasticsearch');
      expect(answer.headers.get('www-authenticate')).toMatch(/Basic/);
    }
    const after = await metric(server, 'meshtrail_refused_requests_total', {
      reason: 'unauthorized',
    });
    expect(after - before).toBe(1);
  });

  test('OTLP in protobuf is refused in protobuf', async () => {
    const headers = { 'content-type': 'application/x-protobuf' };
    const answer = await without('/v1/logs', { method: 'POST', headers, body: 'x' });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('content-type')).toBe('application/x-protobuf');
    expect([...new Uint8Array(await answer.arrayBuffer())].slice(0, 2)).toEqual([8, 16]);
  });

  test.each<[string, Record<string, string>]>([
    ['Bearer', { authorization: `Bearer ${KEY}` }],
    ['Bearer in small letters', { authorization: `bearer ${KEY}` }],
    ['Basic', { authorization: `Basic ${basic(`anyone:${KEY}`)}` }],
    ['ApiKey', { authorization: `ApiKey ${basic(`id:${KEY}`)}` }],
    ['Splunk', { authorization: `Splunk ${KEY}` }],
    ['DD-API-KEY', { 'dd-api-key': KEY }],
    ['Firehose', { 'x-amz-firehose-access-key': KEY }],
  ])('the key as %s is good', async (_name, headers) => {
    expect((await without('/metrics', { headers })).status).toBe(200);
  });

  test('the key in the query, as Datadog sends it', async () => {
    expect((await without(`/metrics?dd-api-key=${KEY}`)).status).toBe(200);
    expect((await without(`/metrics?xdd-api-key=${KEY}`)).status).toBe(401);
  });

  test.each<[string, Record<string, string>]>([
    ['a prefix of it', { authorization: `Bearer ${KEY.slice(0, -1)}` }],
    ['more than it', { authorization: `Bearer ${KEY} ` + 'x' }],
    ['another scheme', { authorization: `Digest ${KEY}` }],
    ['no scheme', { authorization: KEY }],
    ['nothing', { authorization: 'Bearer ' }],
    ['broken base64', { authorization: 'Basic %%%' }],
    ['the name instead of the password', { authorization: `Basic ${basic(`${KEY}:x`)}` }],
    ['a megabyte', { authorization: `Bearer ${'x'.repeat(10_000)}` }],
  ])('%s is not', async (_name, headers) => {
    expect((await without('/metrics', { headers })).status).toBe(401);
  });

  test('a live tail needs it too', async () => {
    const url = `${server.url.replace('http', 'ws')}/loki/api/v1/tail?query=%7Ba%3D%22b%22%7D`;
    const status = await new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      socket.on('open', () => resolve('open'));
      socket.on('error', () => undefined);
    });
    expect(status).toBe(401);
    const socket = new WebSocket(url, { headers: bearer });
    await new Promise((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject);
    });
    socket.close();
  });

  test('a body without a key is not read into memory', async () => {
    const raw = new Raw(portOf(server));
    await raw.write(
      'POST /v1/ndjson HTTP/1.1\r\nhost: x\r\ncontent-length: 50000000\r\n\r\n' + 'x'.repeat(1_000),
    );
    await eventually(
      () => raw.received,
      (text) => text.includes('HTTP/1.1'),
    );
    expect(raw.received).toMatch(/^HTTP\/1.1 401 /);
    expect(raw.received.toLowerCase()).toContain('connection: close');
    raw.socket.destroy();
  });

  test('syslog from loopback needs none', async () => {
    const raw = new Raw(server.syslogPort);
    await raw.write(`<14>1 ${new Date().toISOString()} h auth-syslog - - - hello\n`);
    raw.socket.end();
    const lines = await eventually(
      () => linesOf(server, '{service_name="auth-syslog"}'),
      ({ length }) => length > 0,
    );
    expect(lines).toEqual(['hello']);
  });
});

describe('tenants', () => {
  let server: RunningServer;
  const as = (tenant: string): RunningServer => ({
    ...server,
    headers: { 'x-scope-orgid': tenant },
  });

  beforeAll(async () => {
    server = await runServer();
    for (const tenant of ['green', 'blue', '']) {
      const name = tenant === '' ? 'none' : tenant;
      await sendNdjson(as(tenant), [
        `{"service":"shared","k8s.namespace.name":"${name}","msg":"${name}"}`,
      ]);
      const streams = [
        { stream: { app: 'shared', [`only_${name}`]: name }, values: [[nowNs(), name]] },
      ];
      const body = JSON.stringify({ streams });
      await post(as(tenant), '/loki/api/v1/push', 'application/json', body);
    }
  });

  afterAll(() => endServer(server));

  const nowNs = (): string => String(BigInt(Date.now()) * 1_000_000n);
  const listOf = async (tenant: string, path: string): Promise<unknown> => {
    const answer = await fetch(`${server.url}${path}`, { headers: as(tenant).headers });
    return ((await answer.json()) as { data: unknown }).data;
  };

  test.each(['green', 'blue'])('%s finds its own and nothing else', async (tenant) => {
    const other = tenant === 'green' ? 'blue' : 'green';
    expect(await linesOf(as(tenant), '{app="shared"}')).toEqual([tenant]);
    expect(await linesOf(as(tenant), '{service_name="shared"} |= "msg"')).toHaveLength(1);
    expect(await find(as(tenant), `{namespace="${other}"}`)).toEqual([]);
    const names = await listOf(tenant, '/loki/api/v1/labels');
    expect(names).toContain(`only_${tenant}`);
    expect(names).not.toContain(`only_${other}`);
    expect(await listOf(tenant, '/loki/api/v1/label/namespace/values')).toEqual([tenant]);
    const series = JSON.stringify(
      await listOf(tenant, '/loki/api/v1/series?match[]={app="shared"}'),
    );
    expect(series).toContain(`only_${tenant}`);
    expect(series).not.toContain(other);
    const count = encodeURIComponent('sum(count_over_time({app=~".+"}[1h]))');
    const counted = JSON.stringify(await listOf(tenant, `/loki/api/v1/query?query=${count}`));
    expect(counted).toContain('"1"');
  });

  test('no tenant is the tenant default', async () => {
    expect(await linesOf(as('default'), '{app="shared"}')).toEqual(['none']);
    expect(await linesOf(server, '{app="shared"}')).toEqual(['none']);
  });

  test('one that never wrote has nothing, and asking makes nothing', async () => {
    expect(await linesOf(as('nobody'), '{app=~".+"}')).toEqual([]);
    expect(await listOf('nobody', '/loki/api/v1/labels')).toEqual([]);
  });

  test('live tails see their own', async () => {
    const seen: Record<string, string[]> = { green: [], blue: [] };
    const sockets = await Promise.all(
      Object.keys(seen).map(async (tenant) => {
        const url = `${server.url.replace('http', 'ws')}/loki/api/v1/tail?query={live="yes"}`;
        const socket = new WebSocket(url, { headers: as(tenant).headers });
        socket.on('message', (data: Buffer) => seen[tenant]?.push(data.toString('utf8')));
        await new Promise((resolve) => socket.once('open', resolve));
        return socket;
      }),
    );
    for (const tenant of ['green', 'blue']) {
      const streams = [{ stream: { live: 'yes' }, values: [[nowNs(), `from ${tenant}`]] }];
      const body = JSON.stringify({ streams });
      await post(as(tenant), '/loki/api/v1/push', 'application/json', body);
    }
    await eventually(() => Object.values(seen).every((messages) => messages.length > 0), Boolean);
    expect(seen['green']?.join()).toContain('from green');
    expect(seen['green']?.join()).not.toContain('from blue');
    expect(seen['blue']?.join()).toContain('from blue');
    expect(seen['blue']?.join()).not.toContain('from green');
    for (const socket of sockets) socket.close();
  });
});
