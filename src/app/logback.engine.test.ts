import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../../sim/peers.ts';
import {
  endServer,
  eventually,
  find,
  linesOf,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/** The appenders that Java services use, driven by a logback program (fixtures/peers/java). */
const run = promisify(execFile);
const jar = peer('jar/logback-peer.jar');
const COUNT = 50;
/** Records of one push of the program's. */
const BATCH = 10;
let server: RunningServer;

beforeAll(async () => {
  if (jar !== undefined) server = await runServer({ ports: ['gelf', 'raw'] });
}, 120_000);

afterAll(async () => {
  if (jar !== undefined) await endServer(server);
});

const log = (mode: string, where: readonly string[], pauseMs = 0): Promise<unknown> =>
  run('java', ['-jar', jar ?? '', mode, ...where, String(COUNT), mode], {
    env: { ...process.env, PEER_PAUSE_MS: String(pauseMs) },
    maxBuffer: 1 << 26,
  });

const messages = (mode: string): string[] =>
  Array.from({ length: COUNT }, (_, i) => `${mode} ${i}`).sort();

/** The first `MODE n` of each line, sorted. Loki's records have the labels pushed, others ours. */
const arrived = async (mode: string): Promise<string[]> =>
  (
    await linesOf(
      server,
      `{${mode.startsWith('loki') ? 'app="logback-peer"' : 'kind="app"'}} |= "${mode} "`,
    )
  )
    .map((line) => new RegExp(`${mode} \\d+`).exec(line)?.[0] ?? line)
    .sort();

const all = (mode: string): Promise<string[]> =>
  eventually(
    () => arrived(mode),
    (lines) => lines.length >= COUNT,
  );

describe.skipIf(jar === undefined)('logback (needs logback-peer.jar: npm run peers)', () => {
  test.each(['loki-json', 'loki-protobuf'])(
    '%s, through a kill of the server: nothing is doubled, or lost but by itself',
    async (mode) => {
      const sending = log(mode, [`${server.url}/loki/api/v1/push`], 40);
      await eventually(
        () => arrived(mode),
        (lines) => lines.length >= 10,
      );
      await server.process.kill();
      await server.process.start();
      await sending;
      // It sends again when it cannot connect or is told to (429, 503), not when a connection
      // breaks while it waits for the answer: the batch on its way is dropped by the appender.
      const found = await all(mode);
      expect(new Set(found).size).toBe(found.length);
      expect(messages(mode)).toEqual(expect.arrayContaining(found));
      expect(found.length).toBeGreaterThanOrEqual(COUNT - BATCH);
      const [one] = await find(server, `{app="logback-peer"} |= "${mode} 9"`);
      expect(one?.stream).toMatchObject({ level: 'ERROR', logger: 'shop.Orders', order: 'o-9' });
    },
    // It waits up to a minute before each further try.
    300_000,
  );

  test('gelfclient over TCP and UDP', async () => {
    const port = String(server.ports['gelf']);
    for (const mode of ['gelf-tcp', 'gelf-udp']) {
      await log(mode, ['127.0.0.1', port]);
      expect(await all(mode)).toEqual(messages(mode));
    }
  }, 120_000);

  test("logstash-logback-encoder's TCP appender, as lines of JSON", async () => {
    await log('logstash', ['127.0.0.1', String(server.ports['raw'])]);
    expect(await all('logstash')).toEqual(messages('logstash'));
  }, 120_000);
});
