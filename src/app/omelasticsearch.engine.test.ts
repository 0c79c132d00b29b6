import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  endServer,
  eventually,
  find,
  linesOf,
  metric,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/** rsyslog's output to Elasticsearch: in bulk with ids, one by one, and by a careless template. */
const RSYSLOGD = '/usr/sbin/rsyslogd';
const MODULE = '/usr/lib/x86_64-linux-gnu/rsyslog/omelasticsearch.so';
const there = existsSync(RSYSLOGD) && existsSync(MODULE);
const KEY = 'the-administrators-key-of-a-test';
const COUNT = 200;

const directory = mkdtempSync(join(tmpdir(), 'meshtrail-omelasticsearch-'));
const socket = join(directory, 'log.sock');
let server: RunningServer;
let rsyslog: ChildProcess | undefined;

const errorsOf = (name: string): string => join(directory, `${name}.errors`);

/** `careless` does not escape what it quotes, as configurations in the wild do not. */
const TEMPLATES = `template(name="document" type="list" option.jsonf="on") {
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host.name" name="hostname" format="jsonf")
  property(outname="log.level" name="syslogseverity-text" format="jsonf")
  property(outname="service.name" name="programname" format="jsonf")
  property(outname="process.pid" name="procid" format="jsonf")
  property(outname="message" name="msg" position.from="2" format="jsonf")
}
template(name="careless" type="string"
  string="{\\"message\\":\\"%msg:2:$%\\",\\"service\\":{\\"name\\":\\"%programname%\\"}}")
template(name="id" type="string" string="%msg:R,ERE,1,DFLT:line ([0-9]+)--end%")
`;

const action = (name: string, words: string): string =>
  `if $programname == "${name}" then action(type="omelasticsearch" server="127.0.0.1" ` +
  `serverport="${server.ports['elasticsearch'] ?? 0}" uid="shipper" pwd="${KEY}" ` +
  `searchIndex="mesh-logs" errorfile="${errorsOf(name)}" ${words} ` +
  'action.resumeInterval="1" action.resumeRetryCount="-1" queue.type="LinkedList")\n';

beforeAll(async () => {
  if (!there) return;
  server = await runServer({
    ports: ['elasticsearch'],
    flags: [],
    env: { MESHTRAIL_ADMIN_KEY: KEY },
    headers: { authorization: `Bearer ${KEY}` },
  });
  const file = join(directory, 'rsyslog.conf');
  const withIds = 'bulkmode="on" dynbulkid="on" bulkid="id" writeoperation="create"';
  writeFileSync(
    file,
    `global(workDirectory="${directory}")\n` +
      'module(load="imuxsock" SysSock.Use="off")\n' +
      'module(load="omelasticsearch")\n' +
      `input(type="imuxsock" Socket="${socket}" RateLimit.Interval="0")\n` +
      TEMPLATES +
      action('ome-bulk', `template="document" searchType="" ${withIds}`) +
      action('ome-single', 'template="document"') +
      action('ome-careless', 'template="careless" bulkmode="on"'),
  );
  const words = ['-n', '-f', file, '-i', join(directory, 'pid')];
  rsyslog = spawn(RSYSLOGD, words, { stdio: 'ignore' });
  await eventually(() => existsSync(socket), Boolean);
}, 60_000);

afterAll(async () => {
  rsyslog?.kill('SIGKILL');
  if (there) await endServer(server);
  rmSync(directory, { recursive: true, force: true });
});

const log = (name: string, lines: readonly string[]): void => {
  const words = ['-u', socket, '-t', name, '-i', '-p', 'local0.warn'];
  const { status, stderr } = spawnSync('logger', words, { input: lines.join('\n') });
  expect(status, stderr.toString()).toBe(0);
};

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i} "quoted" \\ and ü`);

const found = (name: string): Promise<string[]> =>
  // A server that is starting again does not answer yet.
  linesOf(server, `{service_name="${name}"}`).catch((): string[] => []);

const arrived = (name: string, count: number): Promise<string[]> =>
  eventually(
    () => found(name),
    (lines) => new Set(lines).size >= count,
    40_000,
  );

test.skipIf(!there).each(['ome-bulk', 'ome-single'])(
  '%s, as the server is killed: needs rsyslog-elasticsearch',
  async (name) => {
    const half = COUNT / 2;
    log(name, numbered(0, half));
    await arrived(name, 10);
    const killed = server.process.kill();
    log(name, numbered(half, COUNT));
    await killed;
    await server.process.start();
    const lines = await arrived(name, COUNT);
    expect([...new Set(lines)].sort()).toEqual(numbered(0, COUNT).sort());
    // A document without an id that was under way is there twice: nobody could tell.
    expect(lines.length).toBeLessThanOrEqual(name === 'ome-bulk' ? COUNT : COUNT + 1);
    const [one] = await find(server, `{service_name="${name}"} |= "line 7 " | record`);
    expect(one?.stream).toMatchObject({
      _index: 'mesh-logs',
      receiver: 'elasticsearch',
      severity: '13',
      severity_text: 'warning',
    });
    expect(one?.stream['node']).not.toBe('');
    expect(one?.stream['process_pid']).toMatch(/^\d+$/);
    expect(one?.stream['_id']).toBe(name === 'ome-bulk' ? '7' : undefined);
  },
  90_000,
);

test.skipIf(!there)(
  'keeps what was refused in its error file, and goes on: needs rsyslog-elasticsearch',
  async () => {
    const name = 'ome-careless';
    const labels = { protocol: 'elasticsearch', reason: 'malformed_document' };
    const before = await metric(server, 'meshtrail_rejected_records_total', labels);
    log(name, ['line 1', 'say "no"', 'line 2']);
    expect(await arrived(name, 2)).toEqual(['line 1', 'line 2']);
    log(name, ['line 3']);
    expect(await arrived(name, 3)).toEqual(['line 1', 'line 2', 'line 3']);
    const kept = await eventually(
      () => (existsSync(errorsOf(name)) ? readFileSync(errorsOf(name), 'utf8') : ''),
      Boolean,
    );
    expect(kept).toContain('mapper_parsing_exception');
    const after = await metric(server, 'meshtrail_rejected_records_total', labels);
    expect(after - before).toBe(1);
  },
  60_000,
);
