import type { IncomingMessage, Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { encodeAgentHead, parseAgentBatch } from '../model/agent-batch.ts';
import type { NumberedBatch } from '../model/storage.ts';
import { systemClock } from '../platform/clock.ts';
import { silentLog } from '../platform/log.ts';
import { systemRandom } from '../platform/random.ts';
import { systemSockets } from '../platform/sockets.ts';
import { BatchBuilder } from './batch-builder.ts';
import { Delivery } from './delivery.ts';
import type { DeliverySettings } from './delivery-settings.ts';
import type { BufferedBatch } from './disk-buffer.ts';
import { newSource } from './source-state.ts';
import { packEvents } from './split.ts';
import { pieceOf } from './testing.ts';

/** Deliveries to a server that answers what it is told to. */
interface Received {
  readonly headers: IncomingMessage['headers'];
  /** `source from count`, for each source. */
  readonly sources: readonly string[];
  readonly atMs: number;
}

type Say = (received: Received, index: number) => number | readonly [number, string];

const servers: Server[] = [];
const deliveries: Delivery[] = [];

afterEach(async () => {
  await Promise.all(deliveries.splice(0).map((delivery) => delivery.stop(0)));
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const serve = async (say: Say): Promise<{ url: URL; received: Received[] }> => {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const batch = parseAgentBatch(Buffer.concat(parts));
      if (typeof batch === 'string') throw new Error(batch);
      const sources = batch.head.sources.map((s) => `${s.source} ${s.from} ${s.count}`);
      const one = { headers: request.headers, sources, atMs: performance.now() };
      received.push(one);
      const said = say(one, received.length - 1);
      const [status, wait] = typeof said === 'number' ? [said, ''] : said;
      response.writeHead(status, wait === '' ? {} : { 'retry-after': wait });
      response.end('{"accepted":1,"duplicates":0,"rejected":0}');
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: new URL(`http://127.0.0.1:${port}`), received };
};

const bodies = new Map<BufferedBatch, Uint8Array>();

const batchOf = (source: string, from: number, count: number): BufferedBatch => {
  const builder = new BatchBuilder(65_536);
  const state = { ...newSource({ id: source, input: 'app' }), next: from };
  const lines = Array.from({ length: count }, (_, i) => `line ${from + i}`);
  builder.add(state, pieceOf(source, lines), {});
  const { sources, blocks, events } = builder.close();
  const head = { agent: 'a', host: 'h', version: '1', packing: 'zstd', behindBytes: 0 } as const;
  const batch = { numbered: {} as NumberedBatch, rawBytes: 10 };
  const packed = packEvents('zstd', events);
  bodies.set(batch, Buffer.concat([encodeAgentHead({ ...head, sources, blocks }), packed]));
  return batch;
};

const deliver = (
  urls: readonly URL[],
  batches: readonly BufferedBatch[],
  more: Partial<DeliverySettings> = {},
) => {
  const delivered: number[] = [];
  const aside: string[] = [];
  const delivery = new Delivery(
    {
      buffer: { bodyOf: (batch) => Promise.resolve(bodies.get(batch) ?? new Uint8Array(0)) },
      ...{ clock: systemClock, random: systemRandom, sockets: systemSockets, log: silentLog },
      version: '9.9',
      setAside: async (_, why) => void aside.push(why),
      delivered: (batch) => delivered.push(batches.indexOf(batch)),
    },
    {
      ...{ servers: urls, tenant: 'acme', key: 'secret', tls: {}, requests: 2 },
      ...{ timeoutMs: 2_000, backoffMs: 5, backoffMaxMs: 20, ...more },
    },
  );
  deliveries.push(delivery);
  for (const batch of batches) delivery.add(batch);
  const done = async (): Promise<void> => {
    while (delivered.length < batches.length) await systemClock.sleep(2);
  };
  return { delivery, delivered, aside, done };
};

test('batches of one source go in order, those of others beside them', async () => {
  const { url, received } = await serve(() => 200);
  const batches = [batchOf('x', 0, 2), batchOf('x', 2, 3), batchOf('y', 0, 1), batchOf('x', 5, 1)];
  const { delivery, done } = deliver([url], batches);
  await done();
  const ofX = received.flatMap(({ sources }) => sources).filter((s) => s.startsWith('x'));
  expect(ofX).toEqual(['x 0 2', 'x 2 3', 'x 5 1']);
  expect(received[0]?.headers).toMatchObject({
    authorization: 'Bearer secret',
    'x-scope-orgid': 'acme',
    'user-agent': 'meshtrail-agent/9.9',
  });
  expect(delivery.counts).toMatchObject({ batches: 4, events: 4, retries: 0 });
});

test.each([401, 403, 404, 408, 500, 502, 503])(
  '%i: the same again, until it is taken',
  async (status) => {
    const { url, received } = await serve((_, index) => (index < 3 ? status : 200));
    const { delivery, done } = deliver([url], [batchOf('x', 0, 1), batchOf('x', 1, 1)]);
    await done();
    expect(received.map(({ sources }) => sources[0])).toEqual([
      ...['x 0 1', 'x 0 1', 'x 0 1', 'x 0 1', 'x 1 1'],
    ]);
    expect(delivery.counts.failures).toEqual({ [status]: 3 });
    expect(delivery.trouble).toBe('');
  },
);

test('Retry-After is heeded', async () => {
  const { url, received } = await serve((_, index) => (index === 0 ? [429, '1'] : 200));
  await deliver([url], [batchOf('x', 0, 1)]).done();
  expect((received[1]?.atMs ?? 0) - (received[0]?.atMs ?? 0)).toBeGreaterThanOrEqual(990);
});

test('413: halves, each with its numbers; one event alone is set aside', async () => {
  const { url, received } = await serve(({ sources }) =>
    Number(sources[0]?.split(' ')[2]) > 1 || sources[0] === 'x 2 1' ? 413 : 200,
  );
  const { delivery, aside, done } = deliver([url], [batchOf('x', 0, 4)]);
  await done();
  const asked = received.map(({ sources }) => sources[0]);
  expect(asked).toEqual(['x 0 4', 'x 0 2', 'x 0 1', 'x 1 1', 'x 2 2', 'x 2 1', 'x 3 1']);
  expect(aside).toEqual(['413 one event alone is too large']);
  expect(delivery.counts).toMatchObject({ splits: 3, setAsideEvents: 1, batches: 1 });
});

test('400: set aside, and the next goes on', async () => {
  const { url } = await serve(({ sources }) => (sources[0] === 'x 0 2' ? 400 : 200));
  const { delivery, aside, delivered, done } = deliver(
    [url],
    [batchOf('x', 0, 2), batchOf('x', 2, 1)],
  );
  await done();
  expect(delivered).toEqual([0, 1]);
  expect(aside[0]).toMatch(/^400 /);
  expect(delivery.counts.setAsideEvents).toBe(2);
});

test('the next server is asked while one rests, and the preferred one again after that', async () => {
  const first = await serve((_, index) => (index === 0 ? 503 : 200));
  const second = await serve(() => 200);
  const { delivery, done } = deliver([first.url, second.url], [batchOf('x', 0, 1)], {
    backoffMs: 300,
    backoffMaxMs: 300,
  });
  await done();
  const secondHeard = second.received.length;
  await systemClock.sleep(320);
  delivery.add(batchOf('x', 1, 1));
  while (first.received.length < 2) await systemClock.sleep(5);
  expect(first.received.map(({ sources }) => sources[0]).at(-1)).toBe('x 1 1');
  expect(second.received.length).toBe(secondHeard);
});

test('a server that answers nothing costs the time limit, not more', async () => {
  const silent = createServer(() => undefined);
  servers.push(silent);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const good = await serve(() => 200);
  const urls = [new URL(`http://127.0.0.1:${port}`), good.url];
  const { delivery, done } = deliver(urls, [batchOf('x', 0, 1)], { timeoutMs: 100 });
  await done();
  expect(delivery.counts.failures['connection']).toBeGreaterThan(0);
});
