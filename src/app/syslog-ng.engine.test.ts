import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../../sim/peers.ts';
import { arrived, numbered, program } from '../../sim/program.ts';
import {
  endServer,
  eventually,
  find,
  linesOf,
  metric,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/** syslog-ng and its load generator, as Debian has them, against a real server with a key. */
const KEY = 'the-administrators-key-of-a-test';
const COUNT = 200;
const syslogNg = peer('bin/syslog-ng');
const loggen = peer('bin/loggen');
const scl = peer('syslog-ng/usr/share/syslog-ng/include/scl');

const directory = mkdtempSync(join(tmpdir(), 'meshtrail-syslog-ng-'));
const running: ChildProcess[] = [];
let server: RunningServer;

beforeAll(async () => {
  if (syslogNg === undefined && loggen === undefined) return;
  server = await runServer({
    ports: ['elasticsearch', 'gelf', 'hec', 'loki'],
    flags: [],
    env: { MESHTRAIL_ADMIN_KEY: KEY },
    headers: { authorization: `Bearer ${KEY}` },
  });
});

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await endServer(server);
  rmSync(directory, { recursive: true, force: true });
});

const port = (name: string): string => String(server.ports[name] ?? 0);

/** What it reads: numbered messages of RFC 5424 with every part of the header and two elements. */
const input = (count: number): string =>
  Array.from({ length: count }, (_, n) => {
    const time = new Date(Date.now() - 60_000 + n).toISOString().replace('Z', '123Z');
    const data = `[order@32473 number="${n}" note="a \\"b\\" \\\\ \\]"][origin ip="192.0.2.1"]`;
    return `<163>1 ${time} shop-1 checkout 4711 ORD ${data} line ${n}\n`;
  }).join('');

/** Starts one that reads `input`, calls the program `name`, and sends it on. */
const start = (name: string, destination: string, count = COUNT, digits = 6): void => {
  const file = (end: string): string => join(directory, `${name}.${end}`);
  writeFileSync(file('log'), input(count));
  writeFileSync(
    file('conf'),
    `@version: 3.38
@include "${scl ?? ''}/elasticsearch/elastic-http.conf"
@include "${scl ?? ''}/graylog2/plugin.conf"
options { time-reopen(1); keep-hostname(yes); frac-digits(${digits}); stats-freq(0); };
log {
  source { file("${file('log')}" follow-freq(1) flags(syslog-protocol)); };
  rewrite { set("${name}", value("PROGRAM")); };
  destination { ${destination} };
  flags(flow-control);
};
`,
  );
  const words = ['-F', '-f', file('conf'), '-R', file('persist'), '-c', file('ctl')];
  running.push(spawn(syslogNg ?? '', [...words, '-p', file('pid')], { stdio: 'ignore' }));
};

/** The fields of the one record that holds `text`. */
const recordOf = async (name: string, text: string): Promise<Record<string, string>> => {
  const [one] = await find(server, `{service_name="${name}"} |~ \`${text}\` | record`);
  return { ...one?.stream };
};

const HEADER = { node: 'shop-1', severity: '17', severity_text: 'err' };
const SYSLOG = { ...HEADER, syslog_facility: 'local4', syslog_procid: '4711' };
const FULL = {
  ...SYSLOG,
  syslog_msgid: 'ORD',
  syslog_sd_order_32473_number: '17',
  syslog_sd_order_32473_note: 'a "b" \\ ]',
  syslog_sd_origin_ip: '192.0.2.1',
};

describe.skipIf(syslogNg === undefined)('syslog-ng: needs peers/bin/syslog-ng', () => {
  test.each([
    ['sng-5424-tcp', 'syslog("127.0.0.1" transport("tcp") port(PORT));', FULL],
    ['sng-5424-udp', 'syslog("127.0.0.1" transport("udp") port(PORT));', FULL],
    [
      'sng-5424-lf',
      'network("127.0.0.1" transport("tcp") port(PORT) flags(syslog-protocol));',
      FULL,
    ],
    ['sng-3164-tcp', 'network("127.0.0.1" transport("tcp") port(PORT));', SYSLOG],
    ['sng-3164-udp', 'network("127.0.0.1" transport("udp") port(PORT));', SYSLOG],
  ])('%s', async (name, destination, wanted) => {
    start(name, destination.replace('PORT', String(server.syslogPort)));
    expect(await arrived(server, name, COUNT)).toEqual(numbered(COUNT));
    const record = await recordOf(name, 'line 17$');
    expect(record).toMatchObject(wanted);
    expect(record['timestamp']).toMatch(/\d{10}\d{3}123000$/);
  });

  test('elasticsearch-http() with its own template: the document is the line', async () => {
    const url = `http://127.0.0.1:${port('elasticsearch')}/_bulk`;
    const user = `user("any") password("${KEY}")`;
    start('sng-es', `elasticsearch-http(url("${url}") index("shop") type("") ${user});`);
    const lines = await arrived(server, 'sng-es', COUNT);
    const messages = lines.map((line) => (JSON.parse(line) as { MESSAGE: string }).MESSAGE);
    expect(messages.sort()).toEqual(numbered(COUNT));
    expect(await recordOf('sng-es', '"line 17"')).toMatchObject({
      _index: 'shop',
      HOST: 'shop-1',
      PID: '4711',
      MSGID: 'ORD',
      FACILITY: 'local4',
      severity: '17',
      body: 'line 17',
      _SDATA_order_32473_number: '17',
      _SDATA_order_32473_note: 'a "b" \\ ]',
      _SDATA_origin_ip: '192.0.2.1',
    });
  });

  test('elasticsearch-http() in ECS, killed in the middle: nothing lost or doubled', async () => {
    const url = `http://127.0.0.1:${port('elasticsearch')}/_bulk`;
    const template =
      'template("$(format-json message=$MSG service.name=$PROGRAM host.name=$HOST ' +
      'event.code=$MSGID @timestamp=$ISODATE)")';
    const more =
      'retries(1000) batch-lines(20) workers(1) custom_id("${.SDATA.order@32473.number}")';
    const user = `user("any") password("${KEY}")`;
    start(
      'sng-ecs',
      `elasticsearch-http(url("${url}") index("shop") type("") ${user} ${template} ${more});`,
      3_000,
    );
    await arrived(server, 'sng-ecs', 100);
    await server.process.kill();
    await server.process.start();
    expect(await arrived(server, 'sng-ecs', 3_000)).toEqual(numbered(3_000));
    expect(await recordOf('sng-ecs', 'line 17$')).toMatchObject({
      node: 'shop-1',
      event_code: 'ORD',
    });
  });

  test('graylog2()', async () => {
    // Its template reads the time of receipt as an integer, which fractions break.
    start('sng-gelf', `graylog2(host("127.0.0.1") port(${port('gelf')}));`, COUNT, 0);
    expect(await arrived(server, 'sng-gelf', COUNT)).toEqual(numbered(COUNT));
    expect(await recordOf('sng-gelf', 'line 17$')).toMatchObject({
      ...HEADER,
      facility: 'local4',
      pid: '4711',
      SDATA_order_32473_number: '17',
      SDATA_order_32473_note: 'a "b" \\ ]',
      SDATA_origin_ip: '192.0.2.1',
    });
  });

  test('http() to HEC', async () => {
    const url = `http://127.0.0.1:${port('hec')}/services/collector/event`;
    const event =
      '$(format-json time=$S_UNIXTIME host=$HOST source=$PROGRAM sourcetype=syslog ' +
      'event=$MSG fields.service=$PROGRAM fields.number=${.SDATA.order@32473.number} fields.level=$LEVEL)';
    const headers = `headers("Authorization: Splunk ${KEY}")`;
    start('sng-hec', `http(url("${url}") ${headers} body('${event}') batch-lines(50));`);
    expect(await arrived(server, 'sng-hec', COUNT)).toEqual(numbered(COUNT));
    const record = await recordOf('sng-hec', 'line 17$');
    expect(record).toMatchObject({
      node: 'shop-1',
      number: '17',
      severity: '17',
      sourcetype: 'syslog',
    });
    expect(record['timestamp']).toMatch(/123000$/);
  });

  test('http() to Loki', async () => {
    const url = `http://127.0.0.1:${port('loki')}/loki/api/v1/push`;
    const stream =
      '{"stream":$(format-json service_name=$PROGRAM host=$HOST level=$LEVEL),' +
      '"values":[["$(substr $S_UNIXTIME 0 10)${S_USEC}000","$MSG"]]}';
    const batch = 'body-prefix(\'{"streams":[\') delimiter(",") body-suffix("]}") batch-lines(50)';
    const headers = `headers("Content-Type: application/json", "Authorization: Bearer ${KEY}")`;
    start('sng-loki', `http(url("${url}") ${headers} body('${stream}') ${batch});`);
    expect(await arrived(server, 'sng-loki', COUNT)).toEqual(numbered(COUNT));
    expect(await linesOf(server, '{service_name="sng-loki",host="shop-1",level="err"}')).toEqual(
      numbered(COUNT),
    );
  });
});

describe.skipIf(loggen === undefined)('loggen: needs peers/bin/loggen', () => {
  const RECEIVED = { protocol: 'syslog' };
  test.each([
    ['RFC 3164 over TCP', ['--inet', '--stream'], 5_000],
    ['RFC 5424 over TCP, counted', ['--inet', '--stream', '--syslog-proto'], 5_000],
    ['RFC 5424 over TCP, lines', ['-i', '-S', '--syslog-proto', '--no-framing'], 5_000],
    ['ten connections', ['-i', '-S', '--syslog-proto', '--active-connections=10'], 500],
    ['RFC 3164 over UDP', ['--inet', '--dgram'], 3_000],
  ])('%s: every message is there', async (_name, words, each) => {
    const many = words.includes('--active-connections=10') ? 10 : 1;
    const before = await metric(server, 'meshtrail_acknowledged_records_total', RECEIVED);
    const most = ['--rate=20000', '--interval=30', '--size=400', `--number=${each}`, '--quiet'];
    const to = ['127.0.0.1', String(server.syslogPort)];
    const { code, text } = await program(loggen ?? '', [...words, ...most, ...to]);
    expect(code, text).toBe(0);
    const stored = async (): Promise<number> =>
      (await metric(server, 'meshtrail_acknowledged_records_total', RECEIVED)) - before;
    const count = await eventually(stored, (n) => n >= each * many);
    expect(count).toBe(each * many);
  });
});
