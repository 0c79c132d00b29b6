import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  endServer,
  eventually,
  find,
  linesOf,
  metric,
  portOf,
  Raw,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/** Journals by systemd-journal-upload, and bodies that do not end, against a real server. */
const UPLOAD = '/lib/systemd/systemd-journal-upload';
const REMOTE = '/lib/systemd/systemd-journal-remote';
const isMissing = !existsSync(UPLOAD) || !existsSync(REMOTE);
const run = promisify(execFile);

let directory: string;
let server: RunningServer | undefined;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-journald-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(async () => {
  await endServer(server);
  server = undefined;
});

/** An entry in the export format. */
const entry = (n: number, fields: Readonly<Record<string, string>>): string => {
  const micros = BigInt(Date.now() - 60_000) * 1_000n + BigInt(n);
  const head = {
    __CURSOR: `s=739ad463348b4ceca5a9e69c95a3c93f;i=${n.toString(16)};b=fca9d1f2b6ee4a6bab6d5b8fc4f4a7c2;m=${n.toString(16)};t=${micros.toString(16)};x=${n.toString(16)}`,
    __REALTIME_TIMESTAMP: String(micros),
    __MONOTONIC_TIMESTAMP: String(n),
    _BOOT_ID: 'fca9d1f2b6ee4a6bab6d5b8fc4f4a7c2',
  };
  const lines = Object.entries({ ...head, ...fields }).map(([name, value]) => {
    if (!value.includes('\n')) return `${name}=${value}\n`;
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(Buffer.byteLength(value)));
    return `${name}\n${size.toString('latin1')}${value}\n`;
  });
  return `${lines.join('')}\n`;
};

/** A journal file of these entries, written by systemd itself. */
const journalOf = (name: string, entries: readonly string[]): string => {
  const file = join(directory, `${name}.journal`);
  writeFileSync(join(directory, `${name}.export`), entries.join(''));
  const made = spawnSync(REMOTE, ['-o', file, join(directory, `${name}.export`)]);
  expect(made.status, made.stderr.toString()).toBe(0);
  return file;
};

const upload = (port: number, file: string, ...flags: string[]): Promise<unknown> =>
  run(UPLOAD, ['--url', `http://127.0.0.1:${port}`, '--follow=no', '--file', file, ...flags]);

describe.skipIf(isMissing)('systemd-journal-upload: needs systemd-journal-remote', () => {
  test('uploads every entry and its fields', async () => {
    server = await runServer({ ports: ['journald'] });
    const entries = Array.from({ length: 300 }, (_, n) =>
      entry(n + 1, {
        _HOSTNAME: 'node-1',
        PRIORITY: '4',
        SYSLOG_IDENTIFIER: 'sshd',
        _PID: String(n),
        _SYSTEMD_UNIT: 'ssh.service',
        CONTAINER_NAME: 'sshd-0',
        MESSAGE: n === 7 ? `line ${n}\nand a second\n` : `line ${n} \u00e9`,
      }),
    );
    await upload(server.ports['journald'] ?? 0, journalOf('fields', entries));
    const lines = await linesOf(server, '{service_name="sshd", container="sshd-0"}');
    const sent = entries.map((_, n) => (n === 7 ? 'line 7\nand a second\n' : `line ${n} \u00e9`));
    expect(lines).toEqual(sent.sort());
    const [one] = await find(server, '{service_name="sshd"} | _PID="17" | record');
    expect(one?.values).toHaveLength(1);
    expect(one?.stream).toMatchObject({
      node: 'node-1',
      severity_text: 'warning',
      _SYSTEMD_UNIT: 'ssh.service',
      receiver: 'journald',
    });
  });

  test('loses and doubles nothing when the server is killed in the middle', async () => {
    server = await runServer({ ports: ['journald'] });
    const port = server.ports['journald'] ?? 0;
    const count = 20_000;
    const entries = Array.from({ length: count }, (_, n) =>
      entry(n + 1, {
        SYSLOG_IDENTIFIER: 'killed',
        MESSAGE: `line ${String(n).padStart(6, '0')}`,
        FILLER: 'x'.repeat(500),
      }),
    );
    const file = journalOf('killed', entries);
    const state = `--save-state=${join(directory, 'state')}`;
    const first = spawn(UPLOAD, [
      '--url',
      `http://127.0.0.1:${port}`,
      '--follow=no',
      '--file',
      file,
      state,
    ]);
    const gone = new Promise((resolve) => first.once('exit', resolve));
    const started = server;
    const acknowledged = await eventually(
      () => metric(started, 'meshtrail_acknowledged_records_total', { protocol: 'journald' }),
      (rows) => rows > 0,
    );
    await server.process.kill();
    expect(acknowledged).toBeGreaterThan(0);
    expect(await gone).not.toBe(0);
    await server.process.start();
    await upload(port, file, state);
    const parameters = { limit: '5000' };
    let seen = 0;
    for (let i = 0; i < 10; i++) {
      const query = `{service_name="killed"} |~ "line 0${String(i >> 1)}${i % 2 === 0 ? '[0-4]' : '[5-9]'}"`;
      const lines = await linesOf(server, query, parameters);
      expect(new Set(lines).size).toBe(lines.length);
      seen += lines.length;
    }
    expect(seen).toBe(count);
  });

  test('is told that its upload was refused', async () => {
    server = await runServer({
      ports: ['journald'],
      flags: [],
      env: { MESHTRAIL_ADMIN_KEY: 'k'.repeat(32) },
      headers: { authorization: `Bearer ${'k'.repeat(32)}` },
    });
    // From loopback no key is needed; what is no journal is refused.
    const answer = await fetch(`http://127.0.0.1:${server.ports['journald']}/upload`, {
      method: 'POST',
      body: 'what is this',
    });
    expect(answer.status).toBe(400);
    await upload(
      server.ports['journald'] ?? 0,
      journalOf('refused', [entry(1, { SYSLOG_IDENTIFIER: 'near', MESSAGE: 'taken' })]),
    );
    expect(await linesOf(server, '{service_name="near"}')).toEqual(['taken']);
  });
});

const chunk = (text: string): string =>
  `${Buffer.byteLength(text, 'latin1').toString(16)}\r\n${text}\r\n`;

describe('a body without end', () => {
  test('is durable as it comes, and neither cut by time nor by size', async () => {
    server = await runServer({ yaml: 'limits: {request_ms: 1000, request_bytes: 100000}' });
    const raw = new Raw(portOf(server));
    await raw.write(
      'POST /journald/upload HTTP/1.1\r\nhost: x\r\ncontent-type: application/vnd.fdo.journal\r\n' +
        'transfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n',
    );
    await eventually(
      () => raw.received,
      (text) => text.includes('100 Continue'),
    );
    const running = server;
    for (let n = 0; n < 5; n++) {
      const fields = { SYSLOG_IDENTIFIER: 'endless', MESSAGE: `line ${n}`, X: 'x'.repeat(60_000) };
      const text = entry(n, fields);
      const half = text.length >> 1;
      await raw.write(Buffer.from(chunk(text.slice(0, half)), 'latin1'));
      await raw.write(Buffer.from(chunk(text.slice(half)), 'latin1'));
      const lines = await eventually(
        () => linesOf(running, '{service_name="endless"}'),
        (found) => found.length > n,
      );
      expect(lines).toHaveLength(n + 1);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(raw.received).not.toContain('202');
    await raw.write('0\r\n\r\n');
    await eventually(
      () => raw.received,
      (text) => text.includes('OK.'),
    );
    expect(raw.received).toContain('HTTP/1.1 202');
    // The connection goes on.
    await raw.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    expect(await raw.end()).toContain('HTTP/1.1 200');
    expect(await metric(running, 'meshtrail_in_flight_bytes')).toBe(0);
  });

  test('that breaks off keeps its whole entries', async () => {
    server = await runServer();
    const raw = new Raw(portOf(server));
    const [one, two] = [1, 2].map((n) =>
      entry(n, { SYSLOG_IDENTIFIER: 'broken', MESSAGE: `line ${n}` }),
    );
    await raw.write(
      'POST /journald/upload HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n' +
        chunk(`${one ?? ''}${two?.slice(0, -1) ?? ''}`),
    );
    const running = server;
    await eventually(
      () => linesOf(running, '{service_name="broken"}'),
      (lines) => lines.length > 0,
    );
    raw.socket.destroy();
    const name = 'meshtrail_rejected_records_total';
    const rejected = await eventually(
      () => metric(running, name, { reason: 'malformed_entry' }),
      (count) => count > 0,
    );
    expect(rejected).toBe(1);
    expect(await linesOf(running, '{service_name="broken"}')).toEqual(['line 1']);
    expect(await metric(running, 'meshtrail_in_flight_bytes')).toBe(0);
  });
});
