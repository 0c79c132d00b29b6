import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arrived, numbered } from '../../sim/program.ts';
import { hasModule, hasRsyslog, logLines, startRsyslog, type Rsyslog } from '../../sim/rsyslog.ts';
import {
  endServer,
  eventually,
  linesOf,
  metric,
  Raw,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/** rsyslog as Debian has it: RELP, and syslog in every framing and compression. */
const directory = mkdtempSync(join(tmpdir(), 'meshtrail-relp-'));
const running: ChildProcess[] = [];
let server: RunningServer;

beforeAll(async () => {
  server = await runServer({ ports: ['relp'] });
});

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await endServer(server);
  rmSync(directory, { recursive: true, force: true });
});

const rsyslog = async (
  name: string,
  modules: string,
  actions: Readonly<Record<string, string>>,
): Promise<Rsyslog> => {
  const started = await startRsyslog(directory, name, modules, actions);
  running.push(started.child);
  return started;
};

test.skipIf(!hasModule('omrelp'))(
  'rsyslog over RELP, killed in the middle: needs rsyslog-relp',
  async () => {
    const port = server.ports['relp'] as number;
    const sender = await rsyslog('relp', 'module(load="omrelp")', {
      'relp-killed': `type="omrelp" target="127.0.0.1" port="${port}" timeout="5"`,
    });
    logLines(sender, 0, 1_500);
    expect((await arrived(server, 'relp-killed', 500)).length).toBeGreaterThanOrEqual(500);
    await server.process.kill();
    logLines(sender, 1_500, 2_000);
    await server.process.start();
    logLines(sender, 2_000, 3_000);
    await eventually(
      async () => new Set(await arrived(server, 'relp-killed', 3_000)),
      (lines) => lines.size >= 3_000,
      60_000,
    );
    const lines = await linesOf(server, '{service_name="relp-killed"}');
    expect([...new Set(lines)]).toEqual(numbered(3_000));
    // What was durable and not yet answered comes again: a window of librelp at most.
    expect(lines.length - 3_000).toBeLessThanOrEqual(128);
    expect(await linesOf(server, '{service_name="relp-killed"} | syslog_procid=~".+"')).not.toEqual(
      [],
    );
  },
  120_000,
);

describe.skipIf(!hasRsyslog)('rsyslog in every framing and compression: needs rsyslog', () => {
  test('every message arrives', async () => {
    const to = `type="omfwd" target="127.0.0.1" port="${server.syslogPort}" protocol=`;
    const actions: Record<string, string> = {
      'rs-lf': `${to}"tcp"`,
      'rs-octets': `${to}"tcp" tcp_framing="octet-counted"`,
      'rs-single': `${to}"tcp" compression.mode="single" ziplevel="9"`,
      'rs-stream': `${to}"tcp" compression.mode="stream:always" ziplevel="6"`,
      'rs-stream-octets': `${to}"tcp" compression.mode="stream:always" tcp_framing="octet-counted"`,
      'rs-udp': `${to}"udp"`,
      'rs-udp-single': `${to}"udp" compression.mode="single" ziplevel="9"`,
    };
    const sender = await rsyslog('framings', '', actions);
    logLines(sender, 0, 400);
    for (const name of Object.keys(actions)) {
      expect(await arrived(server, name, 400), name).toEqual(numbered(400));
    }
  }, 120_000);
});

describe('on the wire', () => {
  const port = (): number => server.ports['relp'] as number;

  test('a session: offers, messages once durable, an unknown command, close', async () => {
    const raw = new Raw(port());
    await raw.write('1 open 46 relp_version=0\nrelp_software=t\ncommands=syslog\n');
    await raw.write('2 syslog 23 <13>relp-wire[1]: first\n3 eventlog 1 x\n4 close 0\n');
    const answer = await raw.end();
    expect(answer).toMatch(/^1 rsp \d+ 200 OK\nrelp_version=0\nrelp_software=meshtrail\n/);
    expect(answer).toContain('\n2 rsp 6 200 OK\n3 rsp 19 500 unknown command\n4 rsp 0\n');
    expect(answer.endsWith('0 serverclose 0\n')).toBe(true);
    expect(await linesOf(server, '{service_name="relp-wire"}')).toEqual(['first']);
  });

  test.each([
    ['what is no RELP', 'GET / HTTP/1.1\r\n\r\n', 'malformed_message'],
    ['a number left out', '1 open 14 relp_version=0\n3 syslog 1 x\n', 'sequence_gap'],
    ['a frame too large', '1 open 14 relp_version=0\n2 syslog 999999999 x', 'too_large'],
  ])('%s ends the connection, and is counted', async (_, bytes, reason) => {
    const labels = { protocol: 'relp', reason };
    const before = await metric(server, 'meshtrail_rejected_records_total', labels);
    const raw = new Raw(port());
    await raw.write(bytes);
    await raw.end();
    expect((await metric(server, 'meshtrail_rejected_records_total', labels)) - before).toBe(1);
  });
});
