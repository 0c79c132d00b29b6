import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../../platform/clock.ts';
import { systemSockets } from '../../../platform/sockets.ts';
import type { Carrier, Line } from '../lines.ts';
import { Courier } from './courier.ts';

/** Against small servers that say what a busy or broken one says. */
const lineOf = (carrier: Carrier, text: string): Line => ({
  timeUs: Date.UTC(2026, 5, 15) * 1000,
  level: 'info',
  source: {
    carrier,
    mesh: 'none',
    service: 'shop',
    namespace: 'n',
    pod: 'p',
    container: 'c',
    node: 'machine-1',
    cluster: 'k',
    stdio: 'stdout',
  },
  text,
});

type Answer = (body: string, count: number) => readonly [number, Record<string, string>, string];

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return gunzipSync(Buffer.concat(chunks)).toString();
};

const listen = async (server: Server | ReturnType<typeof createTcpServer>): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
};

const serve = async (answer: Answer): Promise<string> => {
  let count = 0;
  const server = createServer((request, response) => {
    void textOf(request).then((body) => {
      const [status, headers, words] = answer(body, count++);
      response.writeHead(status, headers).end(words);
    });
  });
  closers.push(() => server.closeAllConnections());
  return `http://127.0.0.1:${await listen(server)}`;
};

const courierTo = (url: string, stopping = new AbortController(), syslogPort?: number): Courier =>
  new Courier({
    url,
    syslog: syslogPort === undefined ? undefined : { host: '127.0.0.1', port: syslogPort },
    sockets: systemSockets,
    clock: systemClock,
    signal: stopping.signal,
  });

it('waits when the server says "try later", and sends the same again', async () => {
  const bodies: string[] = [];
  const url = await serve((body, count) => {
    bodies.push(body);
    return count < 2 ? [429, {}, 'busy'] : [200, {}, '{"accepted":2,"rejected":0}'];
  });
  const courier = courierTo(url);
  await courier.send([lineOf('ndjson', 'one'), lineOf('ndjson', 'two')]);
  expect(bodies).toHaveLength(3);
  expect(new Set(bodies).size).toBe(1);
  expect(courier).toMatchObject({ sent: 2, rejected: 0, waits: 2 });
});

it('sends only those items of _bulk again that were too many', async () => {
  const bodies: string[] = [];
  const url = await serve((body, count) => {
    bodies.push(body);
    const items = count === 0 ? [201, 429, 400] : [201];
    const answer = { errors: count === 0, items: items.map((status) => ({ create: { status } })) };
    return [200, {}, JSON.stringify(answer)];
  });
  const courier = courierTo(url);
  await courier.send(['one', 'two', 'three'].map((text) => lineOf('elasticsearch', text)));
  expect(bodies).toHaveLength(2);
  expect(bodies[1]).toContain('"message":"two"');
  expect(bodies[1]).not.toContain('"message":"one"');
  expect(courier).toMatchObject({ sent: 2, rejected: 1 });
});

it("gives up, with the server's own words, on what the server will never take", async () => {
  const url = await serve(() => [400, {}, 'no such thing']);
  await expect(courierTo(url).send([lineOf('ndjson', 'one')])).rejects.toThrow(
    '/v1/ndjson answered 400: no such thing',
  );
});

it('stops at once when told to, also while it waits', async () => {
  const stopping = new AbortController();
  const url = await serve(() => {
    setTimeout(() => stopping.abort(), 20);
    return [503, { 'retry-after': '60' }, 'busy'];
  });
  const courier = courierTo(url, stopping);
  await courier.send([lineOf('ndjson', 'one')]);
  expect(courier.sent).toBe(0);
});

it('counts syslog lines that have nowhere to go', async () => {
  const courier = courierTo('http://127.0.0.1:9');
  await courier.send([lineOf('syslog', 'one'), lineOf('syslog', 'two')]);
  expect(courier).toMatchObject({ sent: 0, skipped: 2 });
});

it('opens a lost syslog connection again', async () => {
  let received = '';
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => {
    sockets.push(socket);
    socket.on('data', (bytes: Buffer) => (received += bytes.toString()));
    socket.on('error', () => {});
  });
  closers.push(() => sockets.forEach((socket) => socket.destroy()));
  const courier = courierTo('http://127.0.0.1:9', new AbortController(), await listen(server));
  await courier.send([lineOf('syslog', 'before')]);
  await expect.poll(() => received).toContain('before');
  const [first] = sockets;
  first?.resetAndDestroy();
  await expect.poll(() => first?.destroyed).toBe(true);
  await expect
    .poll(async () => {
      await courier.send([lineOf('syslog', 'after')]);
      return received;
    })
    .toMatch(
      /^\d+ <134>1 2026-06-15T00:00:00\.000000Z machine-1 shop 812 - \[[^\]]+\] before\d+ .*after/,
    );
  expect(sockets).toHaveLength(2);
  await courier.close();
});
