import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { numbered } from '../../sim/program.ts';
import {
  endServer,
  eventually,
  find,
  linesOf,
  metric,
  post,
  Raw,
  runServer,
  type Answer,
  type RunningServer,
} from '../../sim/running-server.ts';
import { sendThroughKill } from '../../sim/through-kill.ts';

/** What is pushed without a client library: Kubernetes' audit log, Firehose, raw lines. */
const KEY = 'webhook-key-0123456789abcdef';
let server: RunningServer;

beforeAll(async () => {
  server = await runServer({
    ports: ['raw'],
    flags: [],
    env: { MESHTRAIL_ADMIN_KEY: KEY },
    headers: { authorization: `Bearer ${KEY}` },
  });
});
afterAll(() => endServer(server));

const total = (name: string): Promise<number> =>
  metric(server, name, { reason: 'peer_not_allowed' });

describe('the Kubernetes audit webhook', () => {
  const event = (n: number, more: object = {}): object => ({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: `4d2c8b7f-5b1e-4f2a-9d0e-${String(n).padStart(12, '0')}`,
    stage: 'ResponseComplete',
    requestURI: '/api/v1/namespaces/shop/secrets/db?timeout=10s',
    verb: 'get',
    user: { username: 'system:serviceaccount:shop:api', groups: ['system:authenticated'] },
    sourceIPs: ['10.0.0.1'],
    userAgent: 'kubectl/v1.34',
    objectRef: { resource: 'secrets', namespace: 'shop', name: 'db', apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 403 },
    requestReceivedTimestamp: new Date().toISOString(),
    stageTimestamp: new Date().toISOString(),
    ...more,
  });
  const send = async (events: readonly object[]): Promise<Answer> => {
    const list = { kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items: events };
    const body = `${JSON.stringify(list)}\n`;
    const answer = await post(server, '/k8s/audit', 'application/json', body);
    // The API server sends again what was not answered with success.
    if (answer.status >= 300) throw new Error(`${answer.status} ${answer.text}`);
    return answer;
  };

  test('keeps each event byte for byte, and finds it by what it says', async () => {
    const events = Array.from({ length: 50 }, (_, n) => event(n));
    expect((await send(events)).status).toBe(200);
    const query = '{service_name="kube-apiserver", namespace="shop", kind="audit"}';
    const lines = await linesOf(server, query);
    expect(lines).toEqual(events.map((one) => JSON.stringify(one)).sort());
    const [one] = await find(server, `${query} |= "000000000007" | record`);
    expect(one?.stream).toMatchObject({
      method: 'get',
      status: '403',
      severity: '13',
      source_identity: 'system:serviceaccount:shop:api',
      user_agent: 'kubectl/v1.34',
    });
  });

  test('keeps an event once that is sent again, also after a kill', async () => {
    const batches = 20;
    const made = Array.from({ length: batches }, (_, batch) =>
      Array.from({ length: 10 }, (_, n) =>
        event(1_000 + batch * 10 + n, { objectRef: { namespace: 'killed' } }),
      ),
    );
    await sendThroughKill(server, batches, (batch) => send(made[batch] ?? []));
    await send(made[3] ?? []);
    await send(made[batches - 1] ?? []);
    const lines = await linesOf(server, '{service_name="kube-apiserver", namespace="killed"}');
    expect(lines).toEqual(
      made
        .flat()
        .map((one) => JSON.stringify(one))
        .sort(),
    );
  });

  test('one bad event costs no other, and what is no list is refused', async () => {
    const body =
      '{"kind":"EventList","items":[17,{"auditID":"x","objectRef":{"namespace":"bad"}}]}';
    expect((await post(server, '/k8s/audit', 'application/json', body)).status).toBe(200);
    expect(await linesOf(server, '{namespace="bad"}')).toHaveLength(1);
    const refused = await post(server, '/k8s/audit', 'application/json', '{"kind":"Pod"}');
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.text)).toMatchObject({ kind: 'Status', status: 'Failure' });
  });
});

describe('Amazon Data Firehose', () => {
  const ID = 'ed4acda5-034f-9f42-bba1-f29aea6d7d8f';
  const deliver = async (
    id: string,
    records: readonly (string | Buffer)[],
    key = KEY,
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    const answer = await fetch(`${server.url}/firehose`, {
      method: 'POST',
      body: gzipSync(
        JSON.stringify({
          requestId: id,
          timestamp: 1_763_632_800_123,
          records: records.map((one) => ({ data: Buffer.from(one).toString('base64') })),
        }),
      ),
      headers: {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'x-amz-firehose-request-id': id,
        'x-amz-firehose-access-key': key,
        'x-amz-firehose-common-attributes':
          '{"commonAttributes":{"deployment.environment":"pre-prod"}}',
      },
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const logs = (group: string, messages: readonly string[]): Buffer =>
    gzipSync(
      JSON.stringify({
        messageType: 'DATA_MESSAGE',
        owner: '123456789012',
        logGroup: group,
        logStream: 's-1',
        subscriptionFilters: ['f'],
        logEvents: messages.map((message, n) => ({
          id: String(n),
          timestamp: Date.now(),
          message,
        })),
      }),
    );

  test('brings subscriptions of CloudWatch Logs and lines', async () => {
    const control = gzipSync(
      '{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"",' +
        '"subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1,"message":"CWL CONTROL"}]}',
    );
    const answer = await deliver(ID, [
      logs('/aws/lambda/checkout', ['START\n', '{"level":"error","msg":"boom"}']),
      control,
      '2 123 eni-1 10.0.0.1 10.0.0.2 443 49152 6 10 840 1763632800 1763632860 ACCEPT firehose-vpc\n',
      '{"firehose-waf":1}{"firehose-waf":2}\n{"firehose-waf":3}',
    ]);
    expect(answer).toEqual({
      status: 200,
      body: { requestId: ID, timestamp: 1_763_632_800_123 },
    });
    const group = '{service_name="/aws/lambda/checkout"}';
    expect(await linesOf(server, group)).toEqual(['START', '{"level":"error","msg":"boom"}']);
    const [one] = await find(server, `${group} |= "boom" | record`);
    expect(one?.stream).toMatchObject({ environment: 'pre-prod', severity: '17' });
    const all = '{kind=~".+"}';
    expect(await linesOf(server, `${all} |= "firehose-vpc"`)).toHaveLength(1);
    expect(await linesOf(server, `${all} |= "firehose-waf"`)).toHaveLength(3);
    expect(await linesOf(server, `${all} |= "CWL CONTROL"`)).toEqual([]);
  });

  test('keeps a delivery once that is sent again, also after a kill', async () => {
    const batches = 20;
    const send = async (batch: number): Promise<void> => {
      const records = Array.from({ length: 5 }, (_, n) =>
        logs('firehose-killed', [`line ${batch}-${n}-a`, `line ${batch}-${n}-b`]),
      );
      const { status } = await deliver(`request-${batch}`, records);
      if (status !== 200) throw new Error(String(status));
    };
    await sendThroughKill(server, batches, send);
    await send(4);
    await send(batches - 1);
    const lines = await linesOf(server, '{service_name="firehose-killed"}');
    expect(new Set(lines).size).toBe(batches * 10);
    expect(lines).toHaveLength(batches * 10);
  });

  test('is told in its own words what is wrong', async () => {
    const wrong = await deliver(ID, ['x'], 'wrong');
    expect(wrong.status).toBe(401);
    expect(wrong.body).toMatchObject({ requestId: ID, errorMessage: 'no or wrong access key' });
    const answer = await post(server, '/firehose', 'application/json', '{"requestId":"r-1"}');
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({ requestId: 'r-1' });
  });
});

describe('raw lines', () => {
  const native = (): number => server.ports['raw'] ?? 0;
  const found = (needle: string, count: number): Promise<string[]> =>
    eventually(
      () => linesOf(server, `{kind=~".+"} |= "${needle}"`),
      ({ length }) => length >= count,
    );

  test('over TCP end with LF, CR LF or the connection', async () => {
    const raw = new Raw(native());
    await raw.write('raw-tcp one\nraw-tcp t');
    await raw.write('wo\r\n\nraw-tcp {"level":"error"} three');
    raw.socket.end();
    expect(await found('raw-tcp', 3)).toEqual(
      ['raw-tcp one', 'raw-tcp two', 'raw-tcp {"level":"error"} three'].sort(),
    );
  });

  test('over the bound are cut and counted', async () => {
    const raw = new Raw(native());
    await raw.write(`raw-long ${'x'.repeat(1_500_000)}\nraw-long after\n`);
    const lines = await found('raw-long', 2);
    expect(lines.map(({ length }) => length).sort((a, b) => a - b)).toEqual([14, 1_048_576]);
    raw.socket.destroy();
    expect(await metric(server, 'meshtrail_lines_cut_total')).toBeGreaterThan(0);
  });

  test('over UDP are one or more to a datagram', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => {
      socket.send('raw-udp one\r\nraw-udp two', native(), '127.0.0.1', () => resolve());
    });
    expect(await found('raw-udp', 2)).toEqual(['raw-udp one', 'raw-udp two']);
    socket.close();
    expect(await total('meshtrail_rejected_records_total')).toBe(0);
  });

  test.skipIf(spawnSync('logger', ['--version']).status !== 0)(
    'of logger are its syslog messages, header and all: needs logger',
    async () => {
      const log = (input: string, ...words: string[]): void => {
        const to = ['--server', '127.0.0.1', '--port', String(native()), '--tag', 'app'];
        const { status, stderr } = spawnSync('logger', [...to, ...words], { input });
        expect(status, stderr.toString()).toBe(0);
      };
      const many = numbered(100).map((line) => `raw-logger ${line}`);
      log(many.join('\n'), '--tcp', '--rfc5424', '-p', 'local0.err');
      log('raw-logger udp\n', '--udp', '--rfc3164');
      log('raw-logger counted\n', '--tcp', '--octet-count', '--rfc5424=notime,nohost,notq');
      const lines = await found('raw-logger', 102);
      const five = lines.filter((line) => line.startsWith('<131>1 20'));
      expect(five.map((line) => line.replace(/^.* app - - \[timeQuality [^\]]*\] /, ''))).toEqual(
        many,
      );
      expect(lines.filter((line) => !five.includes(line))).toEqual([
        '38 <13>1 - - app - - - raw-logger counted',
        expect.stringMatching(/^<13>[A-Z][a-z]{2} [ \d]\d [\d:]{8} \S+ app: raw-logger udp$/),
      ]);
    },
  );
});
