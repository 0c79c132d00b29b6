import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  endServer,
  find,
  linesOf,
  runServer,
  type Answer,
  type RunningServer,
} from '../../sim/running-server.ts';
import { sendThroughKill } from '../../sim/through-kill.ts';

/** Splunk's HTTP Event Collector against a real server: its JavaScript client, and its words. */
const TOKEN = 'hec-token-0123456789abcdef';

interface SplunkAnswer {
  readonly text: string;
  readonly code: number;
}

interface SplunkLogger {
  error: (error: Error) => void;
  send(context: object): void;
  flush(
    done: (error: Error | null, response: unknown, body: SplunkAnswer | undefined) => void,
  ): void;
}

const { Logger } = createRequire(import.meta.url)('splunk-logging') as {
  Logger: new (options: object) => SplunkLogger;
};

let server: RunningServer;

beforeAll(async () => {
  server = await runServer({
    ports: ['hec'],
    flags: [],
    env: { MESHTRAIL_ADMIN_KEY: TOKEN },
    headers: { authorization: `Bearer ${TOKEN}` },
  });
});
afterAll(() => endServer(server));

const native = (): string => `http://127.0.0.1:${server.ports['hec'] ?? 0}`;

const loggerFor = (token = TOKEN, maxRetries = 0): SplunkLogger => {
  const logger = new Logger({
    url: native(),
    token,
    maxRetries,
    batchInterval: 0,
    maxBatchCount: 0,
    maxBatchSize: 0,
  });
  // Its own handler prints; what went wrong is in the answer as well.
  logger.error = () => undefined;
  return logger;
};

const flush = (logger: SplunkLogger): Promise<SplunkAnswer | undefined> =>
  new Promise((resolve, reject) => {
    logger.flush((error, _response, body) => {
      if (error === null) resolve(body);
      else reject(error);
    });
  });

const ask = async (
  path: string,
  body: string,
  headers: Readonly<Record<string, string>> = { authorization: `Splunk ${TOKEN}` },
): Promise<Answer> => {
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  const init = { method: 'POST', body, headers: { ...type, ...headers } };
  const answer = await fetch(`${native()}/services/collector${path}`, init);
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, headers: answer.headers, bytes, text: bytes.toString('utf8') };
};

describe('splunk-logging', () => {
  test('every event and field arrives', async () => {
    const logger = loggerFor();
    for (let n = 0; n < 200; n++) {
      logger.send({
        message: { msg: `line ${n} "x" \u00e9`, order: n, service: 'splunk-logging' },
        severity: 'warn',
        metadata: { source: 'coop', sourcetype: 'httpevent', index: 'main', host: 'farm.local' },
      });
    }
    expect(await flush(logger)).toEqual({ text: 'Success', code: 0 });
    const found = await find(server, '{kind="app"} |= "splunk-logging" | record');
    const lines = found.flatMap(({ values }) => values.map(([, line]) => line)).sort();
    const sent = Array.from({ length: 200 }, (_, order) =>
      JSON.stringify({
        message: { msg: `line ${order} "x" \u00e9`, order, service: 'splunk-logging' },
        severity: 'warn',
      }),
    );
    expect(lines).toEqual(sent.sort());
    expect(found[0]?.stream).toMatchObject({
      node: 'farm.local',
      source: 'coop',
      sourcetype: 'httpevent',
      index: 'main',
      severity: '13',
      receiver: 'hec',
    });
  });

  test('its own retries lose nothing when the server is killed in the middle', async () => {
    const batches = 30;
    const again = await sendThroughKill(server, batches, async (batch) => {
      const logger = loggerFor(TOKEN, 11);
      for (let n = 0; n < 20; n++) logger.send({ message: `killed ${batch}-${n}.` });
      await flush(logger);
    });
    // The client itself tries again until the server is back.
    expect(again).toEqual([]);
    const lines = await linesOf(server, '{kind="app"} |= "killed "');
    expect(new Set(lines).size).toBe(batches * 20);
    // Events have no identity: no more than the request under way is there twice.
    expect(lines.length - batches * 20).toBeLessThanOrEqual(20);
  });

  test('is told that its token is wrong', async () => {
    const logger = loggerFor('wrong');
    logger.send({ message: 'x' });
    expect(await flush(logger)).toEqual({ text: 'Invalid token', code: 4 });
  });
});

describe('the collector', () => {
  test.each([
    ['no token', '/event', {}, 401, 2, 'Token is required'],
    ['no scheme', '/event', { authorization: 'x' }, 401, 3, 'Invalid authorization'],
    ['a wrong token', '/event', { authorization: 'Splunk wrong' }, 403, 4, 'Invalid token'],
    ['a wrong token in the query', '/event?token=wrong', {}, 403, 4, 'Invalid token'],
    [
      'Basic',
      '/event',
      { authorization: `Basic ${Buffer.from(`x:${TOKEN}`).toString('base64')}` },
      200,
      0,
      'Success',
    ],
    ['Bearer', '/event', { authorization: `Bearer ${TOKEN}` }, 200, 0, 'Success'],
    ['the query', `/event?token=${TOKEN}`, {}, 200, 0, 'Success'],
  ])('takes tokens as %s', async (_name, path, headers, status, code, text) => {
    const answer = await ask(path, '{"event":"token"}', headers);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toMatchObject({ code, text });
  });

  test('names the first bad event and keeps the good ones', async () => {
    const answer = await ask(
      '/event/1.0',
      '{"event":"bad-batch 1"}{"event":""}{"event":"bad-batch 2"}{"x":1}\n{"event":"bad-batch 3"}',
    );
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toEqual({
      text: 'Event field cannot be blank',
      code: 13,
      'invalid-event-number': 1,
    });
    const lines = await linesOf(server, '{kind="app"} |= "bad-batch"');
    expect(lines).toEqual(['bad-batch 1', 'bad-batch 2', 'bad-batch 3']);
  });

  test('says what is wrong with a body', async () => {
    const code = async (path: string, body: string): Promise<unknown> =>
      (JSON.parse((await ask(path, body)).text) as { code: number }).code;
    expect(await code('', '')).toBe(5);
    expect(await code('', 'not json')).toBe(6);
    expect(await code('', '{"nothing":1}')).toBe(12);
    expect(await code('/ack', '{"acks":[0]}')).toBe(10);
    expect(await code('/ack?channel=a%20b', '{"acks":[0]}')).toBe(11);
  });

  test('is healthy, also for who has no token', async () => {
    for (const path of ['/health', '/health/1.0']) {
      const answer = await fetch(`${native()}/services/collector${path}`);
      expect([answer.status, await answer.json()]).toEqual([
        200,
        { text: 'HEC is healthy', code: 17 },
      ]);
    }
  });

  test('acknowledges by channel, also after it was killed', async () => {
    const channel = 'fe0ecfad-13d5-401b-847d-77833bd77131';
    const headers = {
      authorization: `Splunk ${TOKEN}`,
      'x-splunk-request-channel': channel,
    };
    const ids: number[] = [];
    for (let n = 0; n < 5; n++) {
      const { text } = await ask('/event', `{"event":"acked ${n}"}`, headers);
      ids.push((JSON.parse(text) as { ackId: number }).ackId);
    }
    expect(new Set(ids).size).toBe(5);
    await server.process.kill();
    await server.process.start();
    const { text } = await ask('/ack', JSON.stringify({ acks: ids }), headers);
    const acks = Object.fromEntries(ids.map((id) => [String(id), true]));
    expect(JSON.parse(text)).toEqual({ acks });
    expect(await linesOf(server, '{kind="app"} |= "acked "')).toHaveLength(5);
  });

  test('takes raw lines with what the query says of them', async () => {
    const time = Math.floor(Date.now() / 1_000) - 60;
    const query = `?host=h-1&source=%2Fvar%2Flog%2Fx&sourcetype=st&index=main&time=${time}.25`;
    const answer = await ask(`/raw${query}`, 'raw one\r\nraw two\n\nraw three');
    expect(JSON.parse(answer.text)).toEqual({ text: 'Success', code: 0 });
    const found = await find(server, '{kind="app"} |= "raw " | sourcetype="st" | record');
    const values = found.flatMap((one) => one.values);
    expect(values.map(([, line]) => line).sort()).toEqual(['raw one', 'raw three', 'raw two']);
    expect(values.every(([ns]) => ns === `${time}250000000`)).toBe(true);
    expect(found[0]?.stream).toMatchObject({ node: 'h-1', source: '/var/log/x', index: 'main' });
  });
});
