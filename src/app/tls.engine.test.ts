import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../sim/certificates.ts';
import { freePort } from '../../sim/round.ts';
import { eventually } from '../../sim/running-server.ts';
import { ServerProcess } from '../../sim/server-process.ts';

/** TLS on every kind of port, client certificates, and addresses beyond loopback. */
const KEY = 'the-administrators-key-of-a-test';
const authorization = `Bearer ${KEY}`;
const directory = mkdtempSync(join(tmpdir(), 'meshtrail-tls-'));

const pem = (name: string): Buffer => readFileSync(join(directory, name));

/** This machine's own address that is not loopback, where it has one. */
const outside =
  Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address ?? '';

const start = async (
  flags: readonly string[],
  yaml: string,
): Promise<{ server: ServerProcess; port: number }> => {
  const port = await freePort();
  const file = join(directory, `${port}.yaml`);
  writeFileSync(file, yaml);
  const server = new ServerProcess({
    data: join(directory, `data-${port}`),
    port,
    flags: ['--config', file, ...flags],
    env: { MESHTRAIL_ADMIN_KEY: KEY },
  });
  server.launch();
  await eventually(() => !server.running || server.output.includes('first line'), Boolean, 50_000);
  expect(server.output).toContain('first line');
  return { server, port };
};

interface Asked {
  readonly status: number;
  readonly text: string;
}

const ask = (
  port: number,
  path: string,
  options: Readonly<Record<string, unknown>> = {},
  body = '',
): Promise<Asked> =>
  new Promise((resolve, reject) => {
    const method = body === '' ? 'GET' : 'POST';
    const headers = { authorization, 'content-type': 'application/json' };
    const asked = request(
      { port, path, method, ca: pem('ca.pem'), host: '127.0.0.1', headers, ...options },
      (answer) => {
        let text = '';
        answer.on('data', (part: Buffer) => (text += part.toString('utf8')));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });

const linesOf = async (port: number, query: string): Promise<string> => {
  const path = `/loki/api/v1/query_range?query=${encodeURIComponent(query)}`;
  return (await ask(port, path)).text;
};

const syslogLine = (service: string): string =>
  `<14>1 ${new Date().toISOString()} h ${service} - - - hello\n`;

beforeAll(() => makeCertificates(directory));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('TLS', () => {
  let server: ServerProcess;
  let port = 0;
  const ports = { loki: 0, syslog: 0, 'syslog-tls': 0 };

  beforeAll(async () => {
    for (const name of ['loki', 'syslog', 'syslog-tls'] as const) ports[name] = await freePort();
    const yaml = `ports: {elasticsearch: off, otlp-http: off, loki: ${ports.loki}, syslog: ${ports.syslog}, syslog-tls: ${ports['syslog-tls']}}
tls: {cert: ${directory}/server.pem, key: ${directory}/server.key, client_ca: ${directory}/ca.pem}`;
    ({ server, port } = await start([], yaml));
  });

  afterAll(() => server.kill());

  test('the main port and the native ones speak it, with the key', async () => {
    expect(server.output).toContain(`meshtrail  https://127.0.0.1:${port}`);
    const body = JSON.stringify({
      streams: [{ stream: { app: 'tls' }, values: [[`${Date.now()}000000`, 'over tls']] }],
    });
    for (const at of [port, ports.loki]) {
      const pushed = await ask(at, '/loki/api/v1/push', {}, body);
      expect(pushed.status, pushed.text).toBe(204);
      expect(await linesOf(at, '{app="tls"}')).toContain('over tls');
      const refused = await ask(at, '/loki/api/v1/push', { headers: {} }, body);
      expect(refused.status).toBe(401);
    }
  });

  test('plain HTTP and old TLS get nowhere', async () => {
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL@SECLEVEL=0' };
    await expect(ask(port, '/healthz', old)).rejects.toThrow();
    await expect(ask(port, '/healthz', { ca: pem('rogue.pem') })).rejects.toThrow();
    expect((await ask(port, '/healthz')).status).toBe(200);
  });

  const overTls = (service: string, options: Readonly<Record<string, unknown>>): Promise<boolean> =>
    new Promise((resolve) => {
      const to = { port: ports['syslog-tls'], host: '127.0.0.1', ca: pem('ca.pem'), ...options };
      const socket = connectTls(to, () => {
        socket.write(syslogLine(service));
        socket.end();
      });
      socket.on('error', () => resolve(false));
      socket.on('close', () => resolve(true));
      socket.resume();
    });

  test('syslog over TLS, with and without a client certificate', async () => {
    await overTls('tls-with', { cert: pem('client.pem'), key: pem('client.key') });
    await overTls('tls-without', {});
    for (const service of ['tls-with', 'tls-without']) {
      const found = await eventually(
        () => linesOf(port, `{service_name="${service}"}`),
        (text) => text.includes('hello'),
      );
      expect(found).toContain('hello');
    }
  });

  test('a handshake that never comes does not keep others out', async () => {
    const hanging = Array.from({ length: 50 }, () => connectTcp(ports['syslog-tls'], '127.0.0.1'));
    for (const socket of hanging) socket.on('error', () => undefined);
    await overTls('tls-beside', {});
    const found = await eventually(
      () => linesOf(port, '{service_name="tls-beside"}'),
      (text) => text.includes('hello'),
    );
    expect(found).toContain('hello');
    for (const socket of hanging) socket.destroy();
  });
});

describe.skipIf(outside === '')('an address beyond loopback', () => {
  const syslogTo = (host: string, port: number, service: string): Promise<void> =>
    new Promise((resolve) => {
      const socket = connectTcp(port, host, () => socket.end(syslogLine(service)));
      socket.on('error', () => resolve());
      socket.on('close', () => resolve());
      socket.resume();
    });

  test('with --insecure-listen: HTTP by key, syslog from loopback only', async () => {
    const [syslog, main] = [await freePort(), await freePort()];
    const yaml = `ports: {elasticsearch: off, otlp-http: off, loki: off, syslog: ${syslog}}`;
    const flags = ['--listen', `0.0.0.0:${main}`, '--insecure-listen'];
    const { server } = await start(flags, yaml);
    try {
      const at = `http://${outside}:${main}`;
      expect((await fetch(`${at}/metrics`)).status).toBe(401);
      const metrics = async (): Promise<string> =>
        (await fetch(`${at}/metrics`, { headers: { authorization } })).text();
      expect(await metrics()).toContain('meshtrail_');
      await syslogTo(outside, syslog, 'wide-outside');
      const udp = createSocket('udp4');
      await new Promise((done) => udp.send(syslogLine('wide-udp'), syslog, outside, done));
      udp.close();
      await syslogTo('127.0.0.1', syslog, 'wide-loopback');
      const refused = await eventually(metrics, (text) =>
        text.includes('reason="peer_not_allowed"} 2'),
      );
      expect(refused).toContain('{protocol="syslog",reason="peer_not_allowed"} 2');
      const find = async (service: string): Promise<string> => {
        const query = encodeURIComponent(`{service_name="${service}"}`);
        const path = `${at}/loki/api/v1/query_range?query=${query}`;
        return (await fetch(path, { headers: { authorization } })).text();
      };
      expect(
        await eventually(
          () => find('wide-loopback'),
          (text) => text.includes('hello'),
        ),
      ).toContain('hello');
      expect(await find('wide-outside')).not.toContain('hello');
      expect(await find('wide-udp')).not.toContain('hello');
    } finally {
      await server.kill();
    }
  });

  test('with TLS: syslog from outside by client certificate only', async () => {
    const [syslogTls, main] = [await freePort(), await freePort()];
    const yaml = `ports: {elasticsearch: off, otlp-http: off, loki: off, syslog: off, syslog-tls: ${syslogTls}}
tls: {cert: ${directory}/server.pem, key: ${directory}/server.key, client_ca: ${directory}/ca.pem}`;
    const { server } = await start(['--listen', `0.0.0.0:${main}`], yaml);
    const send = (service: string, who: string): Promise<void> =>
      new Promise((resolve) => {
        const own = who === '' ? {} : { cert: pem(`${who}.pem`), key: pem(`${who}.key`) };
        const to = { port: syslogTls, host: outside, rejectUnauthorized: false, ...own };
        const socket = connectTls(to, () => socket.end(syslogLine(service)));
        socket.on('error', () => resolve());
        socket.on('close', () => resolve());
        socket.resume();
      });
    try {
      await send('cert-none', '');
      await send('cert-rogue', 'rogue');
      await send('cert-client', 'client');
      const found = await eventually(
        () => linesOf(main, '{service_name=~"cert-.*"}'),
        (text) => text.includes('cert-client'),
      );
      expect(found).toContain('cert-client');
      expect(found).not.toContain('cert-none');
      expect(found).not.toContain('cert-rogue');
    } finally {
      await server.kill();
    }
  });
});
