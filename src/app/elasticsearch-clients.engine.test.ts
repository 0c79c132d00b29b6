import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../../sim/peers.ts';
import { program } from '../../sim/program.ts';
import {
  endServer,
  eventually,
  find,
  linesOf,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/**
 * Elasticsearch's clients in Python, Perl and Ruby, of three major versions, and OpenSearch's: each
 * checks what server it talks to before it sends. fixtures/peers/{python,perl,ruby}/bulk.*.
 */
const KEY = 'the-administrators-key-of-a-test';
const COUNT = 400;
/** The documents have times of their own. */
const RANGE = { start: '1767322000000000000', end: '1767325600000000000' };

let server: RunningServer;

beforeAll(async () => {
  server = await runServer({
    ports: ['elasticsearch'],
    flags: [],
    env: { MESHTRAIL_ADMIN_KEY: KEY },
    headers: { authorization: `Bearer ${KEY}` },
  });
});
afterAll(() => endServer(server));

const scriptOf = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/peers/${name}`, import.meta.url));
const has = (file: string, ...words: string[]): boolean => spawnSync(file, words).status === 0;

type Outcome = readonly [status: number, type: string | null];
interface Answer {
  readonly number: string;
  /** Of `COUNT` documents. */
  readonly taken: number;
  /** Requests that were sent again because the connection broke. */
  readonly retried: number;
  readonly wrong?: readonly Outcome[];
  readonly refused?: readonly Outcome[];
  readonly raised?: string;
  readonly kept?: number;
}

interface Client {
  readonly name: string;
  readonly short: string;
  /** What has to be there, as the skipped test says it. */
  readonly needs: string;
  readonly there: boolean;
  readonly words: readonly string[];
  readonly schemes: readonly string[];
  readonly number: RegExp;
  readonly unauthorized: RegExp;
  readonly answers: Partial<Answer>;
}

const TAKEN: Outcome = [201, null];
const MALFORMED: Outcome = [400, 'mapper_parsing_exception'];
const ILLEGAL: Outcome = [400, 'illegal_argument_exception'];
const python = peer('venv/bin/python');
const ofPython = {
  wrong: [TAKEN, MALFORMED, MALFORMED, TAKEN],
  refused: [ILLEGAL, ILLEGAL],
  raised: 'BulkIndexError',
};

const clients: readonly Client[] = [
  {
    name: 'elasticsearch 9 for Python',
    short: 'py9',
    needs: 'npm run peers',
    there: python !== undefined,
    words: [python ?? '', scriptOf('python/bulk.py'), 'elasticsearch'],
    schemes: ['basic', 'apikey', 'bearer'],
    number: /^9\./,
    unauthorized: /AuthenticationException/,
    answers: ofPython,
  },
  {
    name: 'opensearch-py 3',
    short: 'ospy',
    needs: 'npm run peers',
    there: python !== undefined,
    words: [python ?? '', scriptOf('python/bulk.py'), 'opensearchpy'],
    schemes: ['basic', 'bearer'],
    number: /^\d/,
    unauthorized: /AuthenticationException/,
    answers: ofPython,
  },
  {
    name: 'elasticsearch 7.17 for Python',
    short: 'py7',
    needs: 'python3-elasticsearch',
    there: has('/usr/bin/python3', '-c', 'import elasticsearch'),
    words: ['/usr/bin/python3', scriptOf('python/bulk.py'), 'elasticsearch'],
    schemes: ['basic', 'apikey'],
    number: /^7\.17\./,
    unauthorized: /AuthenticationException/,
    answers: ofPython,
  },
  {
    name: 'Search::Elasticsearch 8 for Perl',
    short: 'perl',
    needs: 'libsearch-elasticsearch-perl',
    there: has('perl', '-MSearch::Elasticsearch', '-e', '1'),
    words: ['perl', scriptOf('perl/bulk.pl')],
    schemes: ['basic', 'apikey'],
    number: /^8\./,
    // It asks with HEAD whether the node is alive, and takes 401 for a no.
    unauthorized: /NoNodes/,
    answers: { kept: 2, refused: [MALFORMED, ILLEGAL, ILLEGAL] },
  },
  {
    name: 'elasticsearch 7.17 for Ruby',
    short: 'ruby',
    needs: 'ruby-elasticsearch',
    there: has('ruby', '-e', "require 'elasticsearch'"),
    words: ['ruby', scriptOf('ruby/bulk.rb')],
    schemes: ['basic', 'apikey'],
    number: /^7\.17\./,
    unauthorized: /Unauthorized/,
    answers: { wrong: [TAKEN, MALFORMED, TAKEN, ILLEGAL, ILLEGAL] },
  },
];

const send = async (
  client: Client,
  scheme: string,
  key: string,
  count: number,
  pauseMs = 0,
): Promise<{ code: number; text: string }> => {
  const [file = '', ...words] = client.words;
  const url = `http://127.0.0.1:${server.ports['elasticsearch'] ?? 0}`;
  const service = `${client.short}-${scheme}`;
  return program(file, [...words, url, scheme, key, service, String(count)], {
    PEER_PAUSE_MS: String(pauseMs),
  });
};

const answerOf = (ended: { code: number; text: string }): Answer => {
  const line = ended.text.split('\n').find((one) => one.startsWith('{'));
  if (line === undefined) throw new Error(ended.text);
  return JSON.parse(line) as Answer;
};

const documents = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => `document ${n} "quoted" \\ and ü`).sort();

const found = (service: string): Promise<string[]> =>
  // A server that is starting again does not answer yet.
  linesOf(server, `{service_name="${service}"}`, RANGE).catch((): string[] => []);

describe.each(clients)('$name', (client) => {
  const { schemes, number, answers, short, there } = client;
  const needs = `: needs ${client.needs}`;

  test.skipIf(!there).each(schemes)(
    `%s: every document and field, and the wrong ones alone refused${needs}`,
    async (scheme) => {
      const answer = answerOf(await send(client, scheme, KEY, 50));
      expect(answer.number).toMatch(number);
      expect(answer).toMatchObject({ taken: 50, retried: 0, ...answers });
      expect(await found(`${short}-${scheme}`)).toEqual(documents(50));
      expect(await linesOf(server, `{service_name="${short}-${scheme}-kept"}`)).toEqual([
        'kept',
        'kept',
      ]);
      const query = `{service_name="${short}-${scheme}"} | order_id="7" | record`;
      const [one] = await find(server, query, RANGE);
      expect(one?.values).toEqual([['1767323047000007000', 'document 7 "quoted" \\ and ü']]);
      expect(one?.stream).toMatchObject({
        _id: `${short}-${scheme}-7`,
        _index: 'mesh-logs',
        order_rush: 'false',
        receiver: 'elasticsearch',
        severity: '13',
      });
    },
    60_000,
  );

  test.skipIf(!there)(
    `is told that its key is wrong${needs}`,
    async () => {
      const ended = await send(client, schemes[0] ?? '', 'the-key-of-somebody-else', 20);
      expect(ended.code).not.toBe(0);
      expect(ended.text).toMatch(client.unauthorized);
    },
    60_000,
  );
});

describe.each(clients)('$name, as the server is killed', (client) => {
  test.skipIf(!client.there)(
    `loses and doubles nothing: needs ${client.needs}`,
    async () => {
      const service = `${client.short}-again`;
      const killed = { ...client, short: service };
      const scheme = client.schemes[0] ?? '';
      const sending = send(killed, scheme, KEY, COUNT, 100);
      await eventually(
        () => found(`${service}-${scheme}`),
        ({ length }) => length >= 40,
      );
      await server.process.kill();
      await server.process.start();
      const answer = answerOf(await sending);
      expect(answer).toMatchObject({ taken: COUNT, ...client.answers });
      expect(answer.retried).toBeGreaterThan(0);
      expect(await found(`${service}-${scheme}`)).toEqual(documents(COUNT));
    },
    90_000,
  );
});
