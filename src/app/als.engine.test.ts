import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, get, type Server } from 'node:http';
import { request as secureRequest } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEnvoy, ENVOY_NODE, type RunningEnvoy } from '../../sim/envoy.ts';
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
import { CLIENT_ID, makeWorkloadCertificates, SERVER_ID } from '../../sim/spiffe.ts';

/**
 * A real Envoy in front of a real service: every request and connection that it proxies arrives by
 * its access log service, by its OTLP logger and by its access log file.
 */
const program = peer('bin/envoy');
const directory = mkdtempSync(join(tmpdir(), 'meshtrail-envoy-'));
const file = (name: string): string => join(directory, name);
let server: RunningServer;
let envoy: RunningEnvoy;
let upstream: Server;

beforeAll(async () => {
  if (program === undefined) return;
  makeWorkloadCertificates(directory);
  upstream = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end(`hello ${request.url ?? ''}`));
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  server = await runServer({ ports: ['als', 'otlp-grpc'] });
  envoy = await startEnvoy({
    program,
    directory,
    upstreamPort: (upstream.address() as AddressInfo).port,
    alsPort: server.ports['als'] ?? 0,
    otlpPort: server.ports['otlp-grpc'] ?? 0,
    tls: { cert: file('mesh-server.pem'), key: file('mesh-server.key'), ca: file('mesh-ca.pem') },
  });
}, 120_000);

afterAll(async () => {
  if (program !== undefined) {
    await envoy.stop();
    upstream.close();
    await endServer(server);
  }
  rmSync(directory, { recursive: true, force: true });
});

const ask = (path: string, headers: Record<string, string> = {}): Promise<number> =>
  new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: envoy.httpPort, path, headers };
    get(options, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    }).on('error', reject);
  });

/** The records of a query as their fields. */
const records = async (query: string): Promise<Record<string, string>[]> =>
  (await find(server, `${query} | record`)).flatMap(({ stream, values }) =>
    values.map(() => stream),
  );

const recordOf = async (path: string): Promise<Record<string, string>> => {
  const query = `{service_name="reviews"} |= "\\"path\\":\\"${path}\\""`;
  const found = await eventually(
    () => records(query),
    (list) => list.length > 0,
  );
  expect(found).toHaveLength(1);
  return found[0] ?? {};
};

describe.skipIf(program === undefined)('Envoy (needs Envoy: npm run peers)', () => {
  test('HTTP requests arrive with every field', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    expect(
      await ask('/ok/fields?a=b', {
        'user-agent': 'test/1.0 "quoted"',
        traceparent: `00-${trace}-b7ad6b7169203331-01`,
        'x-tenant': 'red',
      }),
    ).toBe(200);
    const record = await recordOf('/ok/fields?a=b');
    expect(record).toMatchObject({
      service: 'reviews',
      namespace: 'shop',
      pod: 'reviews-v1-7d9f',
      workload: 'reviews-v1',
      cluster: 'east',
      mesh: 'istio',
      kind: 'access',
      receiver: 'als',
      severity: expect.anything() as string,
      method: 'GET',
      path: '/ok/fields?a=b',
      status: '200',
      protocol: 'HTTP/1.1',
      authority: `127.0.0.1:${envoy.httpPort}`,
      user_agent: 'test/1.0 "quoted"',
      response_flags: '-',
      response_details: 'via_upstream',
      upstream_cluster: 'outbound|80||up.shop.svc',
      upstream_host: `127.0.0.1:${(upstream.address() as AddressInfo).port}`,
      direction: 'outbound',
      route: 'to-up',
      trace_id: trace,
      bytes_out: '20',
    });
    expect(record['request_id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(Number(record['duration_ns'])).toBeGreaterThan(10_000);
    const [line = ''] = await linesOf(server, '{service_name="reviews"} |= "/ok/fields"');
    expect(JSON.parse(line)).toMatchObject({
      common_properties: { custom_tags: { team: 'payments' }, access_log_type: 'DownstreamEnd' },
      protocol_version: 'HTTP11',
      request: { request_headers: { 'x-tenant': 'red' } },
      response: { response_code: 200, response_body_bytes: 20 },
    });
  });

  test('what went wrong arrives in short flags', async () => {
    expect(await ask('/down/1')).toBe(503);
    expect(await ask('/nowhere/1')).toBe(404);
    expect(await ask('/direct/1')).toBe(418);
    expect(await recordOf('/down/1')).toMatchObject({ status: '503', response_flags: 'UF' });
    expect(await recordOf('/nowhere/1')).toMatchObject({ status: '404', response_flags: 'NR' });
    expect(await recordOf('/direct/1')).toMatchObject({
      response_flags: '-',
      response_details: 'direct_response',
    });
  });

  test('mutual TLS is proven, and both identities are known', async () => {
    await new Promise<void>((resolve, reject) => {
      const request = secureRequest(
        {
          host: '127.0.0.1',
          port: envoy.tlsPort,
          path: '/ok/mtls',
          method: 'POST',
          cert: readFileSync(file('mesh-client.pem')),
          key: readFileSync(file('mesh-client.key')),
          ca: readFileSync(file('mesh-ca.pem')),
          checkServerIdentity: () => undefined,
        },
        (response) => response.resume().on('end', resolve),
      );
      request.on('error', reject);
      request.end('twelve bytes');
    });
    expect(await recordOf('/ok/mtls')).toMatchObject({
      method: 'POST',
      bytes_in: '12',
      mtls: 'true',
      tls_version: 'TLSv1.3',
      source_identity: CLIENT_ID,
      destination_identity: SERVER_ID,
    });
  });

  test('TCP connections arrive', async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(envoy.tcpPort, '127.0.0.1');
      socket.on('close', () => resolve());
      socket.resume();
      socket.end('GET /raw HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    });
    const found = await eventually(
      () => records('{service_name="reviews"} |= "TcpConnectionEnd"'),
      (list) => list.length > 0,
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ bytes_in: '49', response_flags: '-', kind: 'access' });
    expect(Number(found[0]?.['bytes_out'])).toBeGreaterThan(50);
  });

  test('the OTLP access logger and the access log file say the same', async () => {
    for (let i = 0; i < 5; i++) await ask(`/ok/same-${i}`);
    const wanted = Array.from({ length: 5 }, (_, i) => `GET /ok/same-${i} 200`);
    const byOtlp = await eventually(
      () => linesOf(server, '{service_name="envoy-otlp"} |= "/ok/same-"'),
      (lines) => lines.length >= 5,
    );
    expect(byOtlp).toEqual(wanted);
    const log = await eventually(
      () => (existsSync(envoy.accessLog) ? readFileSync(envoy.accessLog, 'utf8') : ''),
      (text) => text.includes('/ok/same-4'),
      30_000,
    );
    const lines = log.split('\n').filter((line) => line.includes('/ok/same-'));
    expect(lines).toHaveLength(5);
    const stream = { stream: { service_name: 'envoy-file' }, values: [] as string[][] };
    const nowNs = BigInt(Date.now()) * 1_000_000n;
    for (const [i, line] of lines.entries()) stream.values.push([String(nowNs + BigInt(i)), line]);
    const body = JSON.stringify({ streams: [stream] });
    const { status } = await post(server, '/loki/api/v1/push', 'application/json', body);
    expect(status).toBe(204);
    const byFile = await eventually(
      () => records('{service_name="envoy-file"}'),
      (list) => list.length >= 5,
    );
    const byAls = await eventually(
      () => records('{service_name="reviews"} |= "/ok/same-"'),
      (list) => list.length >= 5,
    );
    const said = (list: Record<string, string>[]): unknown[] =>
      list
        .map(({ method, path, status: code, protocol, response_flags, request_id }) => [
          ...[path, method, code, protocol, response_flags, request_id],
        ])
        .sort();
    expect(said(byAls)).toEqual(said(byFile));
  });

  test('through a kill of the server: what was taken stays, and the next stream says who sends', async () => {
    const taken = Array.from({ length: 50 }, (_, i) => `/ok/before-${i}`);
    for (const path of taken) await ask(path);
    const before = (): Promise<string[]> =>
      linesOf(server, '{service_name="reviews"} |= "/ok/before-"');
    // What can be found was durable before.
    await eventually(before, (lines) => lines.length >= taken.length);
    await server.process.kill();
    // What Envoy sends meanwhile is lost: its protocol has no acknowledgements.
    for (let i = 0; i < 5; i++) await ask(`/ok/meanwhile-${i}`);
    await server.process.start();
    let asked = 0;
    const after = await eventually(
      async () => {
        await ask(`/ok/after-${asked++}`);
        return records('{service_name="reviews"} |= "/ok/after-"');
      },
      (list) => list.length >= 5,
      60_000,
    );
    for (const one of after) expect(one).toMatchObject({ pod: 'reviews-v1-7d9f', cluster: 'east' });
    const paths = (await before()).map(
      (line) => (JSON.parse(line) as { request: { path: string } }).request.path,
    );
    expect(paths.sort()).toEqual([...taken].sort());
    const [stream] = await find(server, '{service_name="reviews"} |= "/ok/after-" | record');
    expect(JSON.stringify(stream)).toContain(ENVOY_NODE.id);
    expect(await metric(server, 'meshtrail_rejected_records_total', { protocol: 'als' })).toBe(0);
  });
});
