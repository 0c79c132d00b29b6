import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createRequire } from 'node:module';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventTime, FluentClient } from '@fluent-org/logger';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../sim/certificates.ts';
import { peer } from '../../sim/peers.ts';
import { numbered, program } from '../../sim/program.ts';
import { freePort } from '../../sim/round.ts';
import { eventually, type Found } from '../../sim/running-server.ts';
import { ServerProcess } from '../../sim/server-process.ts';

/** Forward and Lumberjack over TLS from beyond loopback: by key, and by client certificate. */
const KEY = 'the-administrators-key-of-a-test';
const directory = mkdtempSync(join(tmpdir(), 'meshtrail-streams-tls-'));
const file = (name: string): string => join(directory, name);
const pem = (name: string): Buffer => readFileSync(file(name));

/** This machine's own address that is not loopback, where it has one. */
const outside =
  Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address ?? '';

describe.skipIf(outside === '')('beyond loopback: needs an address of its own', () => {
  let server: ServerProcess;
  let main = 0;
  let forward = 0;
  let lumberjack = 0;

  beforeAll(async () => {
    makeCertificates(directory);
    [main, forward, lumberjack] = [await freePort(), await freePort(), await freePort()];
    const yaml = `ports: {forward: ${forward}, lumberjack: ${lumberjack}}
tls: {cert: ${file('server.pem')}, key: ${file('server.key')}, client_ca: ${file('ca.pem')}}`;
    writeFileSync(file('meshtrail.yaml'), yaml);
    server = new ServerProcess({
      data: file('data'),
      port: main,
      flags: ['--config', file('meshtrail.yaml'), '--listen', `0.0.0.0:${main}`],
      env: { MESHTRAIL_ADMIN_KEY: KEY },
    });
    server.launch();
    await eventually(
      () => !server.running || server.output.includes('first line'),
      Boolean,
      50_000,
    );
    expect(server.output).toContain('first line');
  });

  afterAll(async () => {
    await server.kill();
    rmSync(directory, { recursive: true, force: true });
  });

  const ask = (path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${KEY}` };
      const asked = request(
        { port: main, path, ca: pem('ca.pem'), host: '127.0.0.1', headers },
        (answer) => {
          let text = '';
          answer.on('data', (part: Buffer) => (text += part.toString('utf8')));
          answer.on('end', () => resolve(text));
        },
      );
      asked.on('error', reject);
      asked.end();
    });

  const linesOf = async (service: string): Promise<string[]> => {
    const query = encodeURIComponent(`{service_name="${service}"}`);
    const text = await ask(`/loki/api/v1/query_range?query=${query}&limit=5000`);
    const { data } = JSON.parse(text) as { data: { result: Found[] } };
    return data.result.flatMap(({ values }) => values.map((value) => value[1])).sort();
  };

  const arrived = (service: string, count: number): Promise<string[]> =>
    eventually(
      () => linesOf(service),
      (lines) => lines.length >= count,
    );

  const certified = (): { cert: Buffer; key: Buffer } => ({
    cert: pem('client.pem'),
    key: pem('client.key'),
  });
  const trusting = (): object => ({ ca: pem('ca.pem'), servername: 'localhost' });

  const emit = async (service: string, tls: object, more: object): Promise<void> => {
    const client = new FluentClient('tls', {
      socket: { host: outside, port: forward, tls: { ...trusting(), ...tls } },
      eventMode: 'PackedForward',
      ...more,
    });
    const at = EventTime.now();
    const emits = Array.from({ length: 100 }, (_, n) =>
      client.emit('web', { log: `line ${n}`, service }, at),
    );
    await Promise.all(emits);
    await client.shutdown();
  };

  test('forward with the shared key', async () => {
    const security = { clientHostname: 'client.example', sharedKey: KEY };
    await emit('tls-key', {}, { security, ack: { ackTimeout: 10_000 } });
    expect(await arrived('tls-key', 100)).toEqual(numbered(100));
    await emit('tls-both', certified(), { security, ack: { ackTimeout: 10_000 } });
    expect(await arrived('tls-both', 100)).toEqual(numbered(100));
  });

  test('forward with a client certificate needs no key', async () => {
    await emit('tls-certificate', certified(), {});
    expect(await arrived('tls-certificate', 100)).toEqual(numbered(100));
  });

  const go = peer('bin/lumberjack');
  test.skipIf(go === undefined)(
    'go-lumber by certificate: needs peers/bin/lumberjack',
    async () => {
      const words = [`${outside}:${lumberjack}`, 'tls-go', '300', '100', '3'];
      const env = { CA: file('ca.pem'), CERT: file('client.pem'), KEY: file('client.key') };
      const { code, text } = await program(go as string, words, env);
      expect(code, text).toBe(0);
      expect(await arrived('tls-go', 300)).toEqual(numbered(300));
    },
  );

  test('lumberjack-protocol (v1) by certificate, and not without', async () => {
    const { client: connect } = createRequire(import.meta.url)('lumberjack-protocol') as {
      client: (
        tls: object,
        options: object,
      ) => {
        on(event: 'connect', listener: () => void): void;
        writeDataFrame(data: Readonly<Record<string, string>>): void;
        close(): void;
      };
    };
    const send = async (service: string, tls: object): Promise<void> => {
      const to = { host: outside, port: lumberjack, ...trusting(), ...tls };
      const client = connect(to, { windowSize: 10 });
      await new Promise<void>((resolve) => client.on('connect', resolve));
      for (let n = 0; n < 100; n++) {
        client.writeDataFrame({ line: `line ${n}`, service, file: '/var/log/x' });
      }
      if (service === 'tls-v1') await arrived(service, 100);
      client.close();
    };
    await send('tls-v1', certified());
    expect(await arrived('tls-v1', 100)).toEqual(numbered(100));
    await send('tls-v1-unknown', {});
    const metrics = await eventually(
      () => ask('/metrics'),
      (text) => text.includes('protocol="lumberjack",reason="peer_not_allowed"'),
    );
    expect(metrics).toContain('protocol="lumberjack",reason="peer_not_allowed"');
    expect(await linesOf('tls-v1-unknown')).toEqual([]);
  });
});
