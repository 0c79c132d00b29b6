import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, test } from 'vitest';
import {
  endServer,
  eventually,
  linesOf,
  portOf,
  Raw,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';
import { runTlsServer } from '../../sim/tls-server.ts';
import { sendNdjson } from '../../sim/carriers.ts';

/** Peers that leave a connection half-way: in a TLS handshake, or at its end. */
const openFiles = (server: RunningServer): number =>
  readdirSync(`/proc/${String(server.process.pid)}/fd`).length;

const UPGRADE =
  'GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';

test('who is refused and does not close in turn is cut off', async () => {
  const server = await runServer({ yaml: 'limits: {discard_ms: 500, idle_connection_ms: 2000}' });
  try {
    const before = openFiles(server);
    const refused = [portOf(server), server.syslogPort].flatMap((port) =>
      Array.from({ length: 40 }, (_, n) => {
        const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
        const state = { ended: false, socket };
        socket.on('end', () => (state.ended = true)).on('error', () => undefined);
        socket.resume();
        socket.write(n % 2 === 0 ? '\0 no HTTP at all\r\n\r\n' : UPGRADE);
        return state;
      }),
    );
    expect(await eventually(() => refused.every(({ ended }) => ended), Boolean)).toBe(true);
    const open = await eventually(
      () => openFiles(server),
      (count) => count < before + 20,
      8_000,
    );
    expect(open).toBeLessThan(before + 20);
    expect((await sendNdjson(server, ['{"service":"after-refused"}'])).status).toBe(200);
    expect(await linesOf(server, '{service_name="after-refused"}')).toHaveLength(1);
    for (const { socket } of refused) socket.destroy();
  } finally {
    await endServer(server);
  }
});

test('TLS handshakes that stop half-way are cut off and keep no one out', async () => {
  const names = ['syslog-tls', 'forward', 'lumberjack', 'relp', 'otlp-grpc', 'hec'] as const;
  const secure = await runTlsServer(names, 'limits: {headers_ms: 3000}');
  try {
    const hello = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]);
    const main = Number(new URL(secure.process.url).port);
    const half = Object.entries({ main, ...secure.ports }).flatMap(([name, number]) =>
      Array.from({ length: 20 }, () => ({ name, raw: new Raw(number) })),
    );
    for (const [n, { raw }] of half.entries())
      await raw.write(hello.subarray(0, 1 + (n % hello.length)));
    expect(await secure.ask('/metrics')).toContain('meshtrail_');
    const open = (): string[] => half.filter(({ raw }) => !raw.closed).map(({ name }) => name);
    await eventually(open, ({ length }) => length === 0, 40_000);
    expect(new Set(open())).toEqual(new Set());
    const socket = connectTls(secure.ports['syslog-tls'] ?? 0, '127.0.0.1', {
      ca: secure.pem('ca.pem'),
      servername: 'localhost',
    });
    socket.end(`<14>1 ${new Date().toISOString()} h after-half - - - good\n`);
    expect(await secure.arrived('after-half', 1)).toEqual(['good']);
    expect(secure.process.output).not.toContain(secure.key);
  } finally {
    await secure.end();
  }
}, 120_000);
