import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  endServer,
  eventually,
  post,
  Raw,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

const KEY = 'the-administrators-key-of-a-test';
let server: RunningServer;

beforeAll(async () => {
  server = await runServer({
    flags: [],
    env: { MESHTRAIL_ADMIN_KEY: KEY },
    headers: { authorization: `Bearer ${KEY}` },
  });
});

afterAll(() => endServer(server));

interface Shown {
  readonly protocol: string;
  readonly address: string;
  readonly agent: string;
  readonly tenant: string;
  readonly encrypted: boolean;
  readonly first_heard: string;
  readonly records: number;
  readonly bytes: number;
  readonly rejects: readonly { reason: string; count: number; sample: string }[];
  readonly gaps: readonly object[];
  readonly lag_ns: number;
  readonly silent: boolean;
}

const sourcesOf = async (tenant = 'default'): Promise<Shown[]> => {
  const answer = await fetch(`${server.url}/api/v1/sources`, {
    headers: { ...server.headers, 'x-scope-orgid': tenant },
  });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { sources: Shown[] }).sources;
};

const NDJSON = 'application/x-ndjson';

test('every sender is listed with what it brought, and why some of it was refused', async () => {
  const old = new Date(Date.now() - 60_000).toISOString();
  const agent = { 'user-agent': 'shipper/1.2' };
  await post(server, '/v1/ndjson', NDJSON, `{"time":"${old}","msg":"a"}\n{"msg":\n`, agent);
  await post(server, '/v1/ndjson', NDJSON, '{"msg":"b"}\n', { ...agent, 'x-scope-orgid': 'team' });
  const wrong = { authorization: 'Bearer none', 'user-agent': 'guesser/1' };
  expect((await post(server, '/v1/ndjson', NDJSON, '{"msg":"c"}\n', wrong)).status).toBe(401);
  const [, shipper] = await sourcesOf();
  expect(shipper).toMatchObject({
    protocol: 'ndjson',
    address: '127.0.0.1',
    agent: 'shipper/1.2',
    tenant: 'default',
    encrypted: false,
    records: 1,
    rejects: [{ count: 1, sample: '{"msg":' }],
    gaps: [],
    silent: false,
  });
  expect(shipper?.first_heard).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  expect(shipper?.lag_ns).toBeGreaterThanOrEqual(59_000_000_000);
  expect((await sourcesOf())[0]).toMatchObject({
    agent: 'guesser/1',
    records: 0,
    rejects: [{ reason: 'unauthorized', count: 1 }],
  });
  expect(await sourcesOf('team')).toMatchObject([{ tenant: 'team', records: 1 }]);
});

test('streams too, and all of them after a restart', async () => {
  const raw = new Raw(server.syslogPort);
  await raw.write('<13>Nov 21 10:00:00 host app: one\n<13>Nov 21 10:00:00 host app: two\n');
  const heard = await eventually(
    async () => (await sourcesOf()).find(({ protocol }) => protocol === 'syslog'),
    (source) => source?.records === 2,
  );
  expect(heard).toMatchObject({ protocol: 'syslog', address: '127.0.0.1', records: 2 });
  raw.socket.destroy();
  const before = await sourcesOf();
  await server.process.stop();
  await server.process.start();
  const shown = (list: Shown[]): object[] =>
    list.map(({ protocol, agent, records, rejects }) => ({
      ...{ protocol, agent, records },
      rejects: rejects.map(({ reason, count }) => ({ reason, count })),
    }));
  expect(shown(await sourcesOf())).toEqual(shown(before));
});
