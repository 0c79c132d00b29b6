import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../../sim/peers.ts';
import { arrived, numbered, program } from '../../sim/program.ts';
import {
  endServer,
  eventually,
  linesOf,
  metric,
  post,
  Raw,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';
import { compressed, json, windowOf } from '../../fixtures/decode/lumberjack-frames.ts';

/** Real senders of Lumberjack, and its rules on the wire, against a real server. */
let server: RunningServer;

beforeAll(async () => {
  server = await runServer({ ports: ['lumberjack'] });
});

afterAll(() => endServer(server));

const port = (): number => server.ports['lumberjack'] as number;
const event = (service: string, n: number): object => ({
  '@timestamp': new Date().toISOString(),
  message: `line ${n}`,
  service: { name: service },
});
/** Sequence numbers of the acknowledgements received. */
const acks = (raw: Raw): number[] => {
  const bytes = Buffer.from(raw.received, 'latin1');
  return Array.from({ length: Math.floor(bytes.length / 6) }, (_, i) =>
    bytes.readUInt32BE(i * 6 + 2),
  );
};

const go = peer('bin/lumberjack');

describe('go-lumber v2', () => {
  test.skipIf(go === undefined).each([
    ['plain', '0'],
    ['compressed', '3'],
  ])(
    '%s windows: every event with every field: needs peers/bin/lumberjack',
    async (name, level) => {
      const service = `lj-go-${name}`;
      const words = [`127.0.0.1:${port()}`, service, '2000', '300', level];
      const { code, text } = await program(go as string, words);
      expect(code, text).toBe(0);
      expect(await linesOf(server, `{service_name="${service}"}`)).toEqual(numbered(2_000));
      const one =
        `{service_name="${service}"} | fields_n="17" | fields_nested_ok="true" ` +
        '| _metadata_beat="test"';
      expect(await linesOf(server, one)).toEqual(['line 17']);
    },
  );

  test.skipIf(go === undefined).each([
    // One window may have been durable and not yet acknowledged when the server died; with three
    // ahead, those, the one that is read and the one that is written.
    ['one window after the other', 1, []],
    ['three windows ahead', 5, ['3']],
  ] as const)(
    '%s, killed in the middle: nothing is lost, only what was not acknowledged comes twice: ' +
      'needs peers/bin/lumberjack',
    async (_, windows, ahead) => {
      const service = `lj-killed-${windows}`;
      const words = [`127.0.0.1:${port()}`, service, '4500', '20', '3', ...ahead];
      const done = program(go as string, words);
      await arrived(server, service, 100);
      await server.process.kill();
      await server.process.start();
      const { code, text } = await done;
      expect(code, text).toBe(0);
      expect(text).toContain('again: ');
      const lines = await arrived(server, service, 4_500);
      expect([...new Set(lines)]).toEqual(numbered(4_500));
      expect(lines.length).toBeLessThanOrEqual(4_500 + windows * 20);
    },
    120_000,
  );
});

const python = peer('venv/bin/python');
test.skipIf(python === undefined)('python-logstash-async: needs peers/venv', async () => {
  const script = new URL('../../fixtures/peers/python/lumberjack.py', import.meta.url).pathname;
  const words = [script, '127.0.0.1', String(port()), 'lj-python', '200'];
  const { code, text } = await program(python as string, words);
  expect(code, text).toBe(0);
  expect(await arrived(server, 'lj-python', 200)).toEqual(numbered(200));
});

describe('on the wire', () => {
  test('windows are acknowledged in order, each once durable', async () => {
    const raw = new Raw(port());
    const windows = [1, 2, 3].map((size) =>
      Buffer.concat([
        windowOf(size),
        ...Array.from({ length: size }, (_, i) => json(i + 1, event('lj-windows', size * 10 + i))),
      ]),
    );
    await raw.write(Buffer.concat(windows));
    await eventually(
      () => acks(raw),
      (list) => list.length >= 3,
    );
    expect(acks(raw)).toEqual([1, 2, 3]);
    expect(await linesOf(server, '{service_name="lj-windows"}')).toHaveLength(6);
    raw.socket.destroy();
  });

  test('an event that is no JSON object is counted and acknowledged', async () => {
    const labels = { protocol: 'lumberjack', reason: 'not_json_object' };
    const before = await metric(server, 'meshtrail_rejected_records_total', labels);
    const raw = new Raw(port());
    const events = [
      json(1, event('lj-bad', 1)),
      json(2, '{"message":'),
      json(3, event('lj-bad', 3)),
    ];
    await raw.write(Buffer.concat([windowOf(3), compressed('2', ...events)]));
    await eventually(
      () => acks(raw),
      (list) => list.length > 0,
    );
    expect(acks(raw)).toEqual([3]);
    expect(await linesOf(server, '{service_name="lj-bad"}')).toEqual(['line 1', 'line 3']);
    const after = await metric(server, 'meshtrail_rejected_records_total', labels);
    expect(after - before).toBe(1);
    raw.socket.destroy();
  });

  test.each([
    ['a window of none', windowOf(0), 'bad_window'],
    ['a gap', Buffer.concat([windowOf(3), json(1, {}), json(3, {})]), 'sequence_gap'],
    ['something else', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'malformed_message'],
  ])('%s ends the connection, and is counted', async (_, bytes, reason) => {
    const labels = { protocol: 'lumberjack', reason };
    const before = await metric(server, 'meshtrail_rejected_records_total', labels);
    const raw = new Raw(port());
    await raw.write(bytes);
    await raw.end();
    const after = await metric(server, 'meshtrail_rejected_records_total', labels);
    expect(after - before).toBe(1);
  });

  test('a window that Filebeat sends again is stored once', async () => {
    const place = { log: { offset: 5, file: { path: '/x' } }, agent: { ephemeral_id: 'e' } };
    const stamp = { ...event('lj-again', 1), ...place };
    const bytes = Buffer.concat([windowOf(1), json(1, stamp)]);
    for (let i = 0; i < 2; i++) {
      const raw = new Raw(port());
      await raw.write(bytes);
      await eventually(
        () => acks(raw),
        (list) => list.length > 0,
      );
      expect(acks(raw)).toEqual([1]);
      raw.socket.destroy();
    }
    expect(await linesOf(server, '{service_name="lj-again"}')).toEqual(['line 1']);
  });
});

test('a sender waits while the journal is full, hears that we live, and then its acknowledgement', async () => {
  const small = await runServer({ ports: ['lumberjack'], yaml: 'journal: {max_bytes: 2MiB}' });
  try {
    process.kill(small.process.enginePid() as number, 'SIGSTOP');
    const padding = randomBytes(200_000).toString('hex');
    const fill = async (): Promise<number> => {
      const body = `{"service":"lj-fill","padding":"${padding}"}\n`;
      return (await post(small, '/v1/ndjson', 'application/x-ndjson', body)).status;
    };
    expect(await eventually(fill, (status) => status === 429, 40_000)).toBe(429);
    const raw = new Raw(small.ports['lumberjack'] as number);
    await raw.write(Buffer.concat([windowOf(1), json(1, { ...event('lj-waits', 1), padding })]));
    const heard = await eventually(
      () => acks(raw),
      (list) => list.length >= 2,
    );
    expect(heard.slice(0, 2)).toEqual([0, 0]);
    process.kill(small.process.enginePid() as number, 'SIGCONT');
    await eventually(
      () => acks(raw),
      (list) => list.includes(1),
      40_000,
    );
    expect(acks(raw).at(-1)).toBe(1);
    expect(await linesOf(small, '{service_name="lj-waits"}')).toEqual(['line 1']);
    raw.socket.destroy();
  } finally {
    await endServer(small);
  }
}, 120_000);
