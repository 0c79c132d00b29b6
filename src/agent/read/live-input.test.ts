import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../platform/clock.ts';
import type { ExecOptions, InputOptions, JournaldOptions } from '../input-options.ts';
import type { Piece } from '../input.ts';
import { JournalExport } from './journal-export.ts';
import { openStdin } from './stdin-input.ts';
import { doorsOf, runInput, type Running } from './testing-input.ts';

let folder: string;
let running: Running[];
beforeEach(() => {
  folder = mkdtempSync('/tmp/meshtrail-live-');
  mkdirSync(`${folder}/state`);
  running = [];
});
afterEach(async () => {
  for (const one of running) await one.stop();
  rmSync(folder, { recursive: true });
});
const variables = { PATH: process.env['PATH'] ?? '' };
const start = async (options: InputOptions, acks = () => true): Promise<Running> => {
  const one = await runInput(options, doorsOf(`${folder}/state`, variables), acks);
  running.push(one);
  return one;
};
const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};

describe('standard input', () => {
  const read = async (chunks: readonly string[], multiline: 'auto' | 'none'): Promise<string[]> => {
    async function* stream(): AsyncGenerator<Buffer> {
      for (const chunk of chunks) yield Buffer.from(chunk);
    }
    const doors = doorsOf(`${folder}/state`);
    const options = { kind: 'stdin', name: 'in', multiline } as const;
    const input = openStdin(options, doors, stream());
    const texts: string[] = [];
    await input.run(async ({ bytes, count, starts, ends }) => {
      const buf = Buffer.from(bytes);
      for (let i = 0; i < count; i++) texts.push(buf.toString('utf8', starts[i], ends[i]));
    });
    await input.close();
    return texts;
  };

  test('to its end, split anywhere', async () => {
    const text = 'a\r\njava.lang.Error: x\n\tat a.B.c(B.java:1)\nlast';
    for (let split = 0; split <= text.length; split++) {
      const chunks = [text.slice(0, split), text.slice(split)];
      expect(await read(chunks, 'auto')).toEqual([
        'a',
        'java.lang.Error: x\n\tat a.B.c(B.java:1)',
        'last',
      ]);
    }
  });

  test('a line without end is cut', async () => {
    const texts = await read(
      [...new Array<string>(40).fill('x'.repeat(65_536)), '\nnext\n'],
      'none',
    );
    expect(texts.map((text) => text.length)).toEqual([1_048_576, 4]);
  });
});

describe('exec', () => {
  const options = (command: string[], more: Partial<ExecOptions> = {}): ExecOptions => ({
    ...{ kind: 'exec', name: 'run', command, multiline: 'none', timeoutMs: 60_000, ...more },
  });

  test('both outputs, each a source; started again when it ends', async () => {
    const script = 'echo out; echo err >&2; printf "no newline"';
    const input = await start(options(['sh', '-c', script]));
    await input.until((texts) => texts.length >= 6);
    const streams = input.events.map(({ text, source }) => [text, source.fields['stdio']]);
    expect(streams).toContainEqual(['err', 'stderr']);
    expect(streams.filter(([, stdio]) => stdio === 'stdout').slice(0, 2)).toEqual([
      ['out', 'stdout'],
      ['no newline', 'stdout'],
    ]);
  });

  test('on an interval; what takes too long is ended, what fails is counted', async () => {
    const more = { intervalMs: 200, timeoutMs: 300 };
    const input = await start(options(['sh', '-c', 'echo x; exit 3'], more));
    await input.until((texts) => texts.length >= 3);
    expect(input.input.status().troubles['exec_failed']).toBeGreaterThan(1);
    const late = await start({ ...options(['sleep', '60'], more), name: 'late' });
    await expect
      .poll(() => late.input.status().troubles['exec_timeout'], { timeout: 5_000 })
      .toBe(1);
  });

  test('stopping ends the child', async () => {
    const input = await start(options(['sh', '-c', 'echo $$; exec sleep 1000']));
    await input.until((texts) => texts.length === 1);
    await input.stop();
    expect(existsSync(`/proc/${input.texts()[0]}`)).toBe(false);
  });

  test('no such program: in words', async () => {
    const input = await start(options(['/no/such/program']));
    await expect(input.until(() => false)).rejects.toMatchObject({ code: 'program_missing' });
  });
});

const REMOTE = '/lib/systemd/systemd-journal-remote';
const hasJournal = existsSync(REMOTE) && existsSync('/usr/bin/journalctl');

describe('journald', () => {
  const entry = (i: number, more = ''): string =>
    `__REALTIME_TIMESTAMP=${1_795_255_200_000_000 + i}\n__MONOTONIC_TIMESTAMP=${1_000 + i}\n_BOOT_ID=${'ab'.repeat(16)}\nMESSAGE=message ${i}\nPRIORITY=3\nSYSLOG_IDENTIFIER=cart\n_HOSTNAME=node-1\n_PID=7\n${more}\n`;
  const write = (name: string, text: string | Buffer): void => {
    mkdirSync(`${folder}/journal`, { recursive: true });
    execFileSync(REMOTE, ['-o', `${folder}/journal/${name}.journal`, '-'], {
      input: text,
      stdio: 'pipe',
    });
  };
  const options = (more: Partial<JournaldOptions> = {}): JournaldOptions => ({
    ...{ kind: 'journald', name: 'journal', units: [], directory: `${folder}/journal` },
    ...{ matches: [], startAt: 'beginning', program: 'journalctl', ...more },
  });

  test('entries with binary fields, however they are split', () => {
    const value = Buffer.from('two\nlines\0');
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(value.length));
    const bytes = Buffer.concat([
      Buffer.from('__CURSOR=a\nMESSAGE\n'),
      ...[size, value],
      Buffer.from('\nX=\n\n__CURSOR=b\nMESSAGE=c=d\n\n'),
    ]);
    for (let split = 0; split <= bytes.length; split++) {
      const entries = new JournalExport();
      const all = [
        ...entries.feed(bytes.subarray(0, split)),
        ...entries.feed(bytes.subarray(split)),
      ].map((one) => [...one].map(([name, text]) => [name, text.toString()]));
      expect(all).toEqual([
        [
          ['__CURSOR', 'a'],
          ['MESSAGE', 'two\nlines\0'],
          ['X', ''],
        ],
        [
          ['__CURSOR', 'b'],
          ['MESSAGE', 'c=d'],
        ],
      ]);
    }
  });

  test.skipIf(!hasJournal)(
    'a real journal: needs journalctl and systemd-journal-remote',
    async () => {
      write('a', entry(1) + entry(2, 'CONTAINER_NAME=main\n'));
      const first = await start(options());
      await first.until((texts) => texts.length === 2);
      expect(first.texts()).toEqual(['message 1', 'message 2']);
      const [piece] = first.pieces as [Piece];
      expect(piece.eventFields?.[0]).toMatchObject({
        ...{ service: 'cart', node: 'node-1', severity_text: 'err', PRIORITY: '3', _PID: '7' },
      });
      expect(piece.times?.seconds[0]).toBe(1_795_255_200);
      expect(piece.times?.nanos[0]).toBe(1_000);
      expect(piece.position).toMatch(/^s=[0-9a-f]+;/);
      await first.stop();
      write('b', entry(3));
      const second = await start(options());
      await second.until((texts) => texts.length === 1);
      expect(second.texts()).toEqual(['message 3']);
    },
  );

  test('no journalctl: in words', async () => {
    const input = await start(options({ program: '/no/journalctl' }));
    await expect(input.until(() => false)).rejects.toMatchObject({ code: 'program_missing' });
  });
});

describe('syslog relay', () => {
  test('TCP in both framings and UDP, a source for each sender', async () => {
    const port = await freePort();
    const input = await start({
      ...({ kind: 'syslog', name: 'relay' } as const),
      listen: [
        { transport: 'tcp', host: '127.0.0.1', port },
        { transport: 'udp', host: '127.0.0.1', port },
      ],
    });
    const socket = connect(port, '127.0.0.1');
    const udp = createSocket('udp4');
    await expect
      .poll(() => {
        udp.send('<13>udp\n', port, '127.0.0.1');
        return input.texts();
      })
      .toContain('<13>udp');
    udp.close();
    socket.write('<13>1 one\n12 <13>counted\n<13>un');
    await input.until((texts) => texts.includes('<13>counted\n'.trim()));
    socket.end('finished');
    await input.until((texts) => texts.includes('<13>unfinished'));
    expect(input.texts()).toContain('<13>1 one');
    expect(new Set(input.events.map(({ source }) => source.id))).toEqual(
      new Set(['syslog-relay-127.0.0.1']),
    );
    expect(input.pieces[0]).toMatchObject({
      content: 'syslog',
      source: { fields: { 'syslog.peer': '127.0.0.1' } },
    });
  });

  test('a port that is taken: in words', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const listen = [{ transport: 'tcp', host: '127.0.0.1', port }] as const;
    const input = await start({ kind: 'syslog', name: 'relay', listen });
    await expect(input.until(() => false)).rejects.toMatchObject({ code: 'listen_failed' });
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('OTLP relay', () => {
  test('bodies go on as they came, and are answered when they are durable', async () => {
    const port = await freePort();
    let isDurable = false;
    const input = await start(
      { kind: 'otlp', name: 'relay', host: '127.0.0.1', port },
      () => isDurable,
    );
    const url = `http://127.0.0.1:${port}/v1`;
    const post = (path: string, body: string, type = 'application/json'): Promise<Response> =>
      fetch(`${url}/${path}`, { method: 'POST', body, headers: { 'content-type': type } });
    await expect
      .poll(() =>
        fetch(`${url}/logs`).then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(405);
    expect((await post('metrics', '{}')).status).toBe(404);
    expect((await post('logs', 'x', 'text/plain')).status).toBe(415);
    let answered = 0;
    const waiting = post('logs', '{"resourceLogs":[]}').then(({ status }) => (answered = status));
    await input.until((texts) => texts.length === 1);
    await systemClock.sleep(100);
    expect(answered).toBe(0);
    isDurable = true;
    const second = await post('logs', '{"resourceLogs":[{}]}');
    expect([second.status, await second.text()]).toEqual([200, '{}']);
    expect(await waiting).toBe(200);
    const traces = await post('traces', 'bytes', 'application/x-protobuf');
    expect([traces.status, await traces.text()]).toEqual([200, '']);
    expect(input.pieces.map(({ content, source }) => [content, source.request?.path])).toEqual([
      ['otlp', '/v1/logs'],
      ['otlp', '/v1/logs'],
      ['otlp', '/v1/traces'],
    ]);
    expect((await post('logs', 'x'.repeat(17_000_000))).status).toBe(413);
  });
});
