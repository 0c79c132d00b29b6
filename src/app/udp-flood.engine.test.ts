import { createSocket } from 'node:dgram';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  endServer,
  eventually,
  metric,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

let server: RunningServer;

beforeAll(async () => {
  server = await runServer();
});

afterAll(() => endServer(server));

test('a flood of datagrams: each is stored or counted as dropped', async () => {
  const sent = 60_000;
  const socket = createSocket('udp4');
  const message = Buffer.from(`<14>1 - host flood - - - ${'x'.repeat(900)}`);
  let left = 0;
  for (let i = 0; i < sent; i++) {
    socket.send(message, server.syslogPort, '127.0.0.1', () => left++);
    if (i % 500 === 499)
      await eventually(
        () => left,
        (count) => count === i + 1,
      );
  }
  socket.close();
  const accounted = async (): Promise<number> => {
    const labels = { protocol: 'syslog' };
    const stored = await metric(server, 'meshtrail_acknowledged_records_total', labels);
    return stored + (await metric(server, 'meshtrail_dropped_records_total', labels));
  };
  expect(await eventually(accounted, (count) => count >= sent)).toBe(sent);
}, 120_000);
