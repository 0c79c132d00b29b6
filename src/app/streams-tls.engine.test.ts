import { createRequire } from 'node:module';
import { EventTime, FluentClient } from '@fluent-org/logger';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../../sim/peers.ts';
import { numbered, program } from '../../sim/program.ts';
import { eventually } from '../../sim/running-server.ts';
import { outside, runTlsServer, type TlsServer } from '../../sim/tls-server.ts';

/** Forward and Lumberjack over TLS from beyond loopback: by key, and by client certificate. */
describe.skipIf(outside === '')('beyond loopback: needs an address of its own', () => {
  let server: TlsServer;
  let forward = 0;
  let lumberjack = 0;

  beforeAll(async () => {
    server = await runTlsServer(['forward', 'lumberjack']);
    ({ forward = 0, lumberjack = 0 } = server.ports);
  });

  afterAll(() => server.end());

  const certified = (): { cert: Buffer; key: Buffer } => ({
    cert: server.pem('client.pem'),
    key: server.pem('client.key'),
  });
  const trusting = (): object => ({ ca: server.pem('ca.pem'), servername: 'localhost' });

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
    const security = { clientHostname: 'client.example', sharedKey: server.key };
    await emit('tls-key', {}, { security, ack: { ackTimeout: 10_000 } });
    expect(await server.arrived('tls-key', 100)).toEqual(numbered(100));
    await emit('tls-both', certified(), { security, ack: { ackTimeout: 10_000 } });
    expect(await server.arrived('tls-both', 100)).toEqual(numbered(100));
  });

  test('forward with a client certificate needs no key', async () => {
    await emit('tls-certificate', certified(), {});
    expect(await server.arrived('tls-certificate', 100)).toEqual(numbered(100));
  });

  const go = peer('bin/lumberjack');
  test.skipIf(go === undefined)(
    'go-lumber by certificate: needs peers/bin/lumberjack',
    async () => {
      const words = [`${outside}:${lumberjack}`, 'tls-go', '300', '100', '3'];
      const env = {
        CA: server.file('ca.pem'),
        CERT: server.file('client.pem'),
        KEY: server.file('client.key'),
      };
      const { code, text } = await program(go as string, words, env);
      expect(code, text).toBe(0);
      expect(await server.arrived('tls-go', 300)).toEqual(numbered(300));
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
      if (service === 'tls-v1') await server.arrived(service, 100);
      client.close();
    };
    await send('tls-v1', certified());
    expect(await server.arrived('tls-v1', 100)).toEqual(numbered(100));
    await send('tls-v1-unknown', {});
    const metrics = await eventually(
      () => server.ask('/metrics'),
      (text) => text.includes('protocol="lumberjack",reason="peer_not_allowed"'),
    );
    expect(metrics).toContain('protocol="lumberjack",reason="peer_not_allowed"');
    expect(await server.linesOf('tls-v1-unknown')).toEqual([]);
  });
});
