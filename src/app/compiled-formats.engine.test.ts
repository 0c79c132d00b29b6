import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { peer } from '../../sim/peers.ts';
import { freePort } from '../../sim/round.ts';
import { encodeLines } from './cli/otlp-lines.ts';
import {
  endServer,
  eventually,
  find,
  linesOf,
  post,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/**
 * Real proxies with log formats of our own, fields in an order that nobody has by default: their
 * lines, sent to a server that has the same definitions, become the same fields.
 */
const ENVOY =
  '%DURATION%ms|%RESPONSE_CODE%|%PROTOCOL%|"%REQ(USER-AGENT)%"|%REQ(:PATH):64%|' +
  '%REQ(X-ENVOY-ORIGINAL-METHOD?:METHOD)%|%START_TIME(%d.%m.%Y %H:%M:%S.%3f)%|%BYTES_SENT%|' +
  '%RESPONSE_FLAGS%|%REQ(X-TENANT)%';
const NGINX =
  '{"code":$status,"agent":"$http_user_agent","when":"$time_iso8601","took":$request_time,' +
  '"tenant":"$http_x_tenant","line":"$request"}';
const HAPROXY = '%ST %Ta %HM [%tr] %{+Q}[capture.req.hdr(0)] %HP%HQ %HV %B %tsc %ci:%cp';

const nginx = existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : undefined;
const haproxy = existsSync('/usr/sbin/haproxy') ? '/usr/sbin/haproxy' : undefined;
const envoy = peer('bin/envoy');

const directory = mkdtempSync(join(tmpdir(), 'meshtrail-formats-'));
const file = (name: string): string => join(directory, name);
const children: ChildProcess[] = [];
let server: RunningServer;

beforeAll(async () => {
  const formats = {
    envoy: { kind: 'envoy', format: ENVOY },
    nginx: { kind: 'nginx', format: `escape=json ${NGINX}` },
    haproxy: { kind: 'haproxy', format: HAPROXY },
  };
  server = await runServer({ yaml: `formats: ${JSON.stringify(formats)}` });
}, 120_000);

afterAll(async () => {
  for (const child of children) child.kill('SIGTERM');
  await endServer(server);
  rmSync(directory, { recursive: true, force: true });
});

const run = (program: string, ...words: string[]): { out: () => string } => {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let out = '';
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
  child.stderr.resume();
  return { out: () => out };
};

const AGENT = 'test/1.0 "quoted" | ü';

/** Asks until the proxy answers, and then twice with what its log shall show. */
const ask = async (port: number): Promise<void> => {
  const get = (path: string, headers: Record<string, string> = {}): Promise<number> =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers }).then(
      ({ status }) => status,
      () => 0,
    );
  expect(
    await eventually(
      () => get('/up'),
      (status) => status === 200,
    ),
  ).toBe(200);
  const agent = Buffer.from(AGENT).toString('latin1');
  expect(await get('/a?b=1', { 'user-agent': agent, 'x-tenant': 'red' })).toBe(200);
  expect(await get('/plain')).toBe(200);
};

/** Sends a proxy's log as its service; gives its records by path. */
const recordsOf = async (
  service: string,
  log: () => string,
): Promise<Map<string, Record<string, string>>> => {
  const text = await eventually(log, (held) => held.includes('/plain') && held.endsWith('\n'));
  const lines = text.split('\n').filter((line) => line !== '');
  const body = encodeLines(
    { 'service.name': service },
    lines.map((line) => Buffer.from(line)),
  );
  expect((await post(server, '/v1/logs', 'application/x-protobuf', body)).status).toBe(200);
  const query = `{service_name="${service}"}`;
  // What is kept of them gives them back, byte for byte.
  expect(await linesOf(server, query)).toEqual(lines.sort());
  const found = await find(server, `${query} | record`);
  return new Map(found.map(({ stream }) => [stream['path'] ?? '', stream]));
};

const textOf = (name: string) => (): string =>
  existsSync(file(name)) ? readFileSync(file(name), 'utf8') : '';

test.skipIf(envoy === undefined)(
  'Envoy (needs Envoy: npm run peers)',
  async () => {
    const port = await freePort();
    const type = 'type.googleapis.com/envoy.extensions';
    const manager = {
      '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'x',
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': `${type}.filters.http.router.v3.Router` },
        },
      ],
      route_config: {
        virtual_hosts: [
          {
            name: 'x',
            domains: ['*'],
            routes: [{ match: { prefix: '/' }, direct_response: { status: 200 } }],
          },
        ],
      },
      access_log: [
        {
          name: 'file',
          typed_config: {
            '@type': `${type}.access_loggers.file.v3.FileAccessLog`,
            path: file('envoy.log'),
            log_format: { text_format_source: { inline_string: `${ENVOY}\n` } },
          },
        },
      ],
    };
    const listener = {
      name: 'x',
      address: { socket_address: { address: '127.0.0.1', port_value: port } },
      filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
    };
    writeFileSync(
      file('envoy.json'),
      JSON.stringify({ static_resources: { listeners: [listener] } }),
    );
    const flush = ['--file-flush-interval-msec', '50', '--disable-hot-restart'];
    run(envoy as string, '-c', file('envoy.json'), '--concurrency', '1', ...flush);
    await ask(port);
    const records = await recordsOf('envoy', textOf('envoy.log'));
    expect(records.get('/a?b=1')).toMatchObject({
      kind: 'access',
      method: 'GET',
      status: '200',
      protocol: 'HTTP/1.1',
      user_agent: AGENT,
      response_flags: '-',
      x_tenant: 'red',
    });
    expect(records.get('/plain')).not.toHaveProperty('x_tenant');
  },
  60_000,
);

test.skipIf(nginx === undefined)(
  'NGINX (needs nginx)',
  async () => {
    const port = await freePort();
    writeFileSync(
      file('nginx.conf'),
      `daemon off; master_process off; pid ${file('nginx.pid')}; error_log ${file('error.log')};
events {}
http {
  log_format own escape=json '${NGINX}';
  access_log ${file('nginx.log')} own;
  client_body_temp_path ${file('t1')}; proxy_temp_path ${file('t2')}; fastcgi_temp_path ${file('t3')};
  uwsgi_temp_path ${file('t4')}; scgi_temp_path ${file('t5')};
  server { listen 127.0.0.1:${port}; location / { return 200; } }
}`,
    );
    run(nginx as string, '-c', file('nginx.conf'), '-p', directory, '-e', file('error.log'));
    await ask(port);
    const records = await recordsOf('nginx', textOf('nginx.log'));
    expect(records.get('/a?b=1')).toMatchObject({
      kind: 'access',
      method: 'GET',
      status: '200',
      protocol: 'HTTP/1.1',
      user_agent: AGENT,
      http_x_tenant: 'red',
    });
  },
  60_000,
);

test.skipIf(haproxy === undefined)(
  'HAProxy (needs haproxy)',
  async () => {
    const port = await freePort();
    writeFileSync(
      file('haproxy.cfg'),
      `global
  log stdout format raw local0
defaults
  mode http
  log global
  timeout client 5s
  timeout connect 5s
  timeout server 5s
frontend x
  bind 127.0.0.1:${port}
  http-request capture req.hdr(user-agent) len 64
  log-format "${HAPROXY.replaceAll('"', '\\"')}"
  http-request return status 200
`,
    );
    const { out } = run(haproxy as string, '-db', '-f', file('haproxy.cfg'));
    await ask(port);
    const records = await recordsOf('haproxy', out);
    expect(records.get('/a?b=1')).toMatchObject({
      kind: 'access',
      method: 'GET',
      status: '200',
      protocol: 'HTTP/1.1',
    });
  },
  60_000,
);
