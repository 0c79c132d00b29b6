import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CapturedSink, type CapturedEvent } from './captured-sink.ts';
import { createElasticsearch } from './elasticsearch.ts';
import { createSyslog } from './syslog.ts';

/**
 * rsyslog and logger as Debian has them, against the decoders over real sockets. Skipped, and said
 * so, where they are not installed.
 */
const RSYSLOGD = '/usr/sbin/rsyslogd';
const OMELASTICSEARCH = '/usr/lib/x86_64-linux-gnu/rsyslog/omelasticsearch.so';
const hasLogger = spawnSync('logger', ['--version']).status === 0;
const hasRsyslog = hasLogger && existsSync(RSYSLOGD);

const folder = mkdtempSync(join(tmpdir(), 'meshtrail-syslog-'));
const closers: (() => unknown)[] = [];
const observedSec = Math.floor(Date.now() / 1_000);

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

/** A listener whose events gather in the sink. */
const listenTcp = async (): Promise<{ port: number; sink: CapturedSink }> => {
  const decoder = createSyslog();
  const sink = new CapturedSink(observedSec);
  const server = createServer((socket) => {
    const session = decoder.open({ address: '127.0.0.1', transport: 'tcp' });
    socket.on('data', (bytes) => session.feed(bytes, sink));
    socket.on('close', () => session.end(sink));
    closers.push(() => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closers.push(() => server.close());
  return { port: portOf(server), sink };
};

const listenUdp = async (): Promise<{ port: number; sink: CapturedSink }> => {
  const sink = new CapturedSink(observedSec);
  const session = createSyslog().open({ address: '', transport: 'udp' });
  const socket = createSocket('udp4', (bytes) => session.feed(bytes, sink));
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  closers.push(() => socket.close());
  return { port: portOf(socket), sink };
};

const listenElasticsearch = async (): Promise<{ port: number; sink: CapturedSink }> => {
  const decoder = createElasticsearch();
  const sink = new CapturedSink(observedSec);
  const server = createHttpServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const [path = '', query = ''] = (request.url ?? '').split('?', 2);
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      const { method = '' } = request;
      const body = Buffer.concat(parts);
      const reply = decoder.decode({ method, path, query, headers, body }, sink);
      response.writeHead(reply.status, reply.headers).end(reply.body);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closers.push(() => server.close());
  closers.push(() => server.closeAllConnections());
  return { port: portOf(server), sink };
};

const until = async (ready: () => boolean): Promise<void> => {
  await expect.poll(ready, { timeout: 15_000, interval: 20 }).toBe(true);
};

const logger = (...words: string[]): void => {
  const { status, stderr } = spawnSync('logger', words, { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
};

const near = (event: CapturedEvent | undefined): boolean =>
  Math.abs(Number(event?.time ?? 0) - observedSec) < 600;

test.skipIf(!hasLogger).each([['--tcp'], ['--udp'], ['--tcp --octet-count']])(
  'logger %s',
  async (flags) => {
    const { port, sink } = flags === '--udp' ? await listenUdp() : await listenTcp();
    const to = ['-n', '127.0.0.1', '-P', String(port), ...flags.split(' ')];
    logger(...to, '-t', 'checkout', '-p', 'local3.err', '{"level":"warn","msg":"Gr\u00fc\u00dfe"}');
    const data = ['--sd-id', 'zoo@1', '--sd-param', 'tiger="hun\\"gry"', '--msgid', 'M1'];
    logger(...to, '--rfc5424', ...data, '-t', 'checkout', 'with data');
    logger(...to, '--rfc5424=notime,notq,nohost', '-t', 'checkout', 'nil');
    logger(...to, '--rfc3164', '-i', '-t', 'checkout', 'old style');
    await until(() => sink.events.length === 4);
    const byLine = new Map(sink.events.map((event) => [event.line, event]));
    const json = byLine.get('{"level":"warn","msg":"Gr\u00fc\u00dfe"}');
    expect(json?.columns).toMatchObject({ service: 'checkout', severity: 17 });
    expect(json?.metadata).toMatchObject({ 'syslog.facility': 'local3' });
    expect(near(json)).toBe(true);
    expect(byLine.get('with data')?.metadata).toMatchObject({
      'syslog.sd.zoo@1.tiger': 'hun"gry',
      'syslog.msgid': 'M1',
    });
    expect(byLine.get('nil')?.time).toBeUndefined();
    expect(byLine.get('old style')?.metadata?.['syslog.procid']).toMatch(/^\d+$/);
    expect(near(byLine.get('old style'))).toBe(true);
  },
);

let rsyslog: ChildProcess | undefined;
const sinks: Record<string, CapturedSink> = {};

beforeAll(async () => {
  if (!hasRsyslog) return;
  const lf = await listenTcp();
  const octets = await listenTcp();
  const modern = await listenTcp();
  const udp = await listenUdp();
  const elastic = await listenElasticsearch();
  Object.assign(sinks, {
    lf: lf.sink,
    octets: octets.sink,
    modern: modern.sink,
    udp: udp.sink,
    elastic: elastic.sink,
  });
  const forward = (port: number, rest: string): string =>
    `action(type="omfwd" target="127.0.0.1" port="${port}" ${rest})`;
  const search = [
    'module(load="omelasticsearch")',
    'template(name="json" type="list" option.json="on"){constant(value="{\\"message\\":\\"")',
    'property(name="msg") constant(value="\\",\\"host\\":\\"") property(name="hostname")',
    'constant(value="\\"}")}',
    `action(type="omelasticsearch" server="127.0.0.1" serverport="${elastic.port}"`,
    'bulkmode="on" template="json" searchIndex="mesh" searchType="_doc")',
  ];
  const config = [
    'module(load="imuxsock" SysSock.Use="off")',
    `input(type="imuxsock" Socket="${join(folder, 'log')}" CreatePath="on")`,
    `global(workDirectory="${folder}" localHostname="edge-1")`,
    forward(lf.port, 'protocol="tcp"'),
    forward(octets.port, 'protocol="tcp" TCP_Framing="octet-counted"'),
    forward(modern.port, 'protocol="tcp" template="RSYSLOG_SyslogProtocol23Format"'),
    forward(udp.port, 'protocol="udp" template="RSYSLOG_TraditionalForwardFormat"'),
    ...(existsSync(OMELASTICSEARCH) ? search : []),
  ];
  const file = join(folder, 'rsyslog.conf');
  writeFileSync(file, `${config.join('\n')}\n`);
  const pid = join(folder, 'pid');
  rsyslog = spawn(RSYSLOGD, ['-n', '-f', file, '-i', pid], { stdio: 'ignore' });
});

afterAll(() => {
  rsyslog?.kill('SIGKILL');
  for (const close of closers.reverse()) close();
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(!hasRsyslog)('rsyslog, every framing and format', async () => {
  await until(() => existsSync(join(folder, 'log')));
  for (let i = 0; i < 20; i++) {
    logger('-u', join(folder, 'log'), '-t', 'payments', '-i', '-p', 'local3.err', `order ${i}`);
  }
  const lines = Array.from({ length: 20 }, (_, i) => `order ${i}`);
  for (const name of ['lf', 'octets', 'modern', 'udp']) {
    const sink = sinks[name] as CapturedSink;
    await until(() => sink.events.length === 20);
    // Its RFC 5424 template puts a space in front of MSG.
    const space = name === 'modern' ? ' ' : '';
    expect(sink.events.map(({ line }) => line)).toEqual(lines.map((line) => `${space}${line}`));
    for (const event of sink.events) {
      expect(event.columns).toMatchObject({ service: 'payments', node: 'edge-1', severity: 17 });
      expect(event.metadata?.['syslog.procid']).toMatch(/^\d+$/);
      expect(near(event)).toBe(true);
    }
  }
});

test.skipIf(!hasRsyslog || !existsSync(OMELASTICSEARCH))('rsyslog by bulk requests', async () => {
  const { events } = sinks['elastic'] as CapturedSink;
  await until(() => events.length >= 20);
  expect(events[0]).toMatchObject({
    line: ' order 0',
    columns: { node: 'edge-1' },
    metadata: { _index: 'mesh' },
  });
});
