import { createSocket } from 'node:dgram';
import { createRequire } from 'node:module';
import {
  EventTime,
  FluentClient,
  FluentSocketEvent,
  type FluentClientOptions,
} from '@fluent-org/logger';
import { encode } from '@msgpack/msgpack';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../../sim/peers.ts';
import { arrived, numbered, program } from '../../sim/program.ts';
import {
  endServer,
  eventually,
  linesOf,
  metric,
  Raw,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/** Real senders of Fluentd's forward protocol against a real server. */
const KEY = 'the-administrators-key-of-a-test';
const headers = { authorization: `Bearer ${KEY}` };
const COUNT = 300;

const portOf = (server: RunningServer): number => server.ports['forward'] as number;

const started = (
  more: { readonly yaml?: string; readonly data?: string } = {},
): Promise<RunningServer> =>
  runServer({
    ports: ['forward'],
    flags: [],
    headers,
    env: { MESHTRAIL_ADMIN_KEY: KEY },
    ...more,
  });

const clientOf = (
  server: RunningServer,
  options: Partial<FluentClientOptions> = {},
  security: Partial<NonNullable<FluentClientOptions['security']>> = {},
): FluentClient =>
  new FluentClient('app', {
    socket: { host: '127.0.0.1', port: portOf(server), reconnect: { minDelay: 50, maxDelay: 500 } },
    security: { clientHostname: 'client.example', sharedKey: KEY, ...security },
    ack: { ackTimeout: 15_000 },
    ...options,
  });

const recordOf = (service: string, n: number): Record<string, unknown> => ({
  log: `line ${n}`,
  service,
  n,
  kubernetes: { pod_name: `pod-${n % 3}`, namespace_name: 'shop', labels: { team: 'blue' } },
});

describe('with the shared key', () => {
  let server: RunningServer;

  beforeAll(async () => {
    server = await started();
  });

  afterAll(() => endServer(server));

  test.each(['Message', 'Forward', 'PackedForward', 'CompressedPackedForward'] as const)(
    '@fluent-org/logger in mode %s: every record arrives with every field',
    async (eventMode) => {
      const service = `fw-${eventMode.toLowerCase()}`;
      const client = clientOf(server, { eventMode });
      const at = new EventTime(Math.floor(Date.now() / 1000), 123_456_789);
      await Promise.all(
        Array.from({ length: COUNT }, (_, n) => client.emit('web', recordOf(service, n), at)),
      );
      await client.shutdown();
      expect(await linesOf(server, `{service_name="${service}"}`)).toEqual(numbered(COUNT));
      const one =
        `{service_name="${service}",pod="pod-2",namespace="shop"} | n="17" | tag="app.web" ` +
        '| kubernetes_labels_team="blue"';
      expect(await linesOf(server, one)).toEqual(['line 17']);
    },
  );

  test('fluent-logger: acknowledged one by one', async () => {
    const { createFluentSender } = createRequire(import.meta.url)('fluent-logger') as {
      createFluentSender: (
        tag: string,
        options: object,
      ) => {
        emit(label: string, record: object, done: (error?: Error) => void): void;
        end(): void;
      };
    };
    const sender = createFluentSender('legacy', {
      host: '127.0.0.1',
      port: portOf(server),
      requireAckResponse: true,
      internalLogger: { info: () => undefined, error: () => undefined },
      security: { clientHostname: 'client.example', sharedKey: KEY },
    });
    for (let n = 0; n < 50; n++) {
      await new Promise<void>((resolve, reject) => {
        sender.emit('web', recordOf('fw-legacy', n), (error) =>
          error === undefined ? resolve() : reject(error),
        );
      });
    }
    sender.end();
    expect(await linesOf(server, '{service_name="fw-legacy"}')).toEqual(numbered(50));
  });

  test('a wrong key is refused in words that the client gives its user', async () => {
    const before = await metric(server, 'meshtrail_rejected_records_total', {
      protocol: 'forward',
      reason: 'unauthorized',
    });
    const errors: string[] = [];
    const client = clientOf(server, {}, { sharedKey: 'a-wrong-key-of-the-same-size' });
    client.socketOn(FluentSocketEvent.ERROR, (error: Error) => errors.push(error.message));
    client.emit('web', recordOf('fw-wrong', 1)).catch(() => undefined);
    await eventually(
      () => errors,
      (list) => list.length > 0,
    );
    expect(errors.join()).toContain('shared_key mismatch');
    await client.shutdown().catch(() => undefined);
    expect(await linesOf(server, '{service_name="fw-wrong"}')).toEqual([]);
    const labels = { protocol: 'forward', reason: 'unauthorized' };
    expect(await metric(server, 'meshtrail_rejected_records_total', labels)).toBeGreaterThan(
      before,
    );
  });

  test('who sends without a handshake is refused', async () => {
    const raw = new Raw(portOf(server));
    await raw.write(encode(['tag', 0, { log: 'x', service: 'fw-unasked' }, { chunk: 'c' }]));
    const answer = await raw.end();
    expect(answer).toContain('HELO');
    expect(answer).toContain('shared_key is required');
    expect(answer).not.toContain('ack');
    expect(await linesOf(server, '{service_name="fw-unasked"}')).toEqual([]);
  });

  test('a heartbeat over UDP is answered by one byte', async () => {
    const socket = createSocket('udp4');
    const answer = new Promise<Buffer>((resolve) => socket.on('message', resolve));
    socket.send(Buffer.from([0]), portOf(server), '127.0.0.1');
    expect([...(await answer)]).toEqual([0]);
    socket.close();
  });
});

test('killed in the middle: nothing is lost, and no acknowledged chunk is doubled', async () => {
  const server = await started();
  try {
    const client = clientOf(server, { eventMode: 'PackedForward', flushInterval: 5 });
    let acknowledged = 0;
    const emits: Promise<void>[] = [];
    for (let n = 0; n < 2_000; n++) {
      const emit = client.emit('web', recordOf('fw-killed', n)).then(() => {
        acknowledged++;
      });
      emits.push(emit);
      if (n === 1_000) {
        await eventually(
          () => acknowledged,
          (count) => count > 100,
        );
        await server.process.kill();
        await server.process.start();
      }
      if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const outcomes = await Promise.allSettled(emits);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
    await client.shutdown();
    expect(await arrived(server, 'fw-killed', 2_000)).toEqual(numbered(2_000));
  } finally {
    await endServer(server);
  }
}, 120_000);

describe('user authentication', () => {
  test('asks for a user whose password is the key', async () => {
    const server = await started({ yaml: 'forward: {user_auth: on}' });
    try {
      const good = clientOf(server, {}, { username: 'shipper', password: KEY });
      await good.emit('web', recordOf('fw-user', 0));
      await good.shutdown();
      expect(await arrived(server, 'fw-user', 1)).toEqual(['line 0']);
      const errors: string[] = [];
      const bad = clientOf(server, {}, { username: 'shipper', password: 'x' });
      bad.socketOn(FluentSocketEvent.ERROR, (error: Error) => errors.push(error.message));
      bad.emit('web', recordOf('fw-user', 1)).catch(() => undefined);
      await eventually(
        () => errors,
        (list) => list.length > 0,
      );
      expect(errors.join()).toContain('username/password mismatch');
      await bad.shutdown().catch(() => undefined);
    } finally {
      await endServer(server);
    }
  });
});

describe('without a key (--dev)', () => {
  let server: RunningServer;

  beforeAll(async () => {
    server = await runServer({ ports: ['forward'] });
  });

  afterAll(() => endServer(server));

  test('messages are taken at once, acknowledged when durable', async () => {
    const raw = new Raw(portOf(server));
    await raw.write(encode(['tag', 0, { log: 'at once', service: 'fw-open' }, { chunk: 'c1' }]));
    await eventually(
      () => raw.received,
      (text) => text.length >= 8,
    );
    expect(Buffer.from(raw.received, 'latin1').toString('hex')).toBe('81a361636ba26331');
    raw.socket.destroy();
    expect(await linesOf(server, '{service_name="fw-open"}')).toEqual(['at once']);
  });

  const go = peer('bin/forward');
  test.skipIf(go === undefined)('fluent-logger-golang: needs peers/bin/forward', async () => {
    const words = ['127.0.0.1', String(portOf(server)), 'go.tag', 'fw-go', '500'];
    const { code, text } = await program(go as string, words);
    expect(code, text).toBe(0);
    expect(await linesOf(server, '{service_name="fw-go"}')).toEqual(numbered(500));
    const one =
      '{service_name="fw-go"} | tag="go.tag" | n="7" | nested_half="3.5" | nested_ok="true"';
    expect(await linesOf(server, one)).toEqual(['line 7']);
  });

  test.skipIf(go === undefined)(
    'fluent-logger-golang through a kill: needs peers/bin/forward',
    async () => {
      const words = ['127.0.0.1', String(portOf(server)), 'go.tag', 'fw-go-killed', '1500'];
      const done = program(go as string, words);
      await arrived(server, 'fw-go-killed', 100);
      await server.process.kill();
      await server.process.start();
      const { code, text } = await done;
      expect(code, text).toBe(0);
      expect(await arrived(server, 'fw-go-killed', 1_500)).toEqual(numbered(1_500));
    },
    120_000,
  );

  const python = peer('venv/bin/python');
  test.skipIf(python === undefined)('fluent-logger for Python: needs peers/venv', async () => {
    const script = new URL('../../fixtures/peers/python/forward.py', import.meta.url).pathname;
    const words = [script, '127.0.0.1', String(portOf(server)), 'py', 'fw-python', '200'];
    const { code, text } = await program(python as string, words);
    expect(code, text).toBe(0);
    expect(await arrived(server, 'fw-python', 200)).toEqual(numbered(200));
    const one = '{service_name="fw-python"} | tag="py.python" | n="7" | nested_list="[1,null]"';
    expect(await linesOf(server, one)).toEqual(['line 7']);
  });
});
