import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cpuMs } from '../../platform/processes.ts';
import { systemClock } from '../../platform/clock.ts';
import type { FileOptions } from '../input-options.ts';
import { openInput } from './open.ts';
import { doorsOf, fileOptions, runInput, type Running } from './testing-input.ts';

let folder: string;
let running: Running[];

beforeEach(() => {
  folder = mkdtempSync('/tmp/meshtrail-input-');
  mkdirSync(`${folder}/state`);
  running = [];
});
afterEach(async () => {
  for (const one of running) await one.stop();
  rmSync(folder, { recursive: true });
});

const at = (name: string): string => `${folder}/${name}`;
const start = async (options: Partial<FileOptions> = {}, acks = true): Promise<Running> => {
  const one = await runInput(fileOptions(at('*.log*'), options), doorsOf(at('state')), () => acks);
  running.push(one);
  return one;
};
const numbered = (from: number, to: number, pad = ''): string[] =>
  Array.from({ length: to - from }, (_, i) => `line ${from + i}${pad}`);
const asFile = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
const PAD = ' '.padEnd(120, 'x');

describe('following', () => {
  test('what is there, what is added, what is new', async () => {
    writeFileSync(at('a.log'), 'one\ntwo\n');
    const input = await start();
    await input.until((texts) => texts.length === 2);
    appendFileSync(at('a.log'), 'three\n');
    writeFileSync(at('b.log'), 'four\n');
    await input.until((texts) => texts.length === 4);
    expect(input.texts().slice(0, 2)).toEqual(['one', 'two']);
    expect([...input.texts()].sort()).toEqual(['four', 'one', 'three', 'two']);
    expect(new Set(input.events.map(({ source }) => source.id)).size).toBe(2);
    expect(input.events[0]?.source).toMatchObject({
      input: 'logs',
      kind: 'file',
      path: at('a.log'),
      fields: { 'log.file.path': at('a.log') },
    });
    expect(input.input.status()).toMatchObject({ sources: 2, open: 2, readBytes: 19, events: 4 });
  });

  test('goes on after a restart, also with what was written in between', async () => {
    writeFileSync(at('a.log'), 'one\n');
    const first = await start();
    await first.until((texts) => texts.length === 1);
    await first.stop();
    appendFileSync(at('a.log'), 'two\n');
    const second = await start();
    await second.until((texts) => texts.length === 1);
    expect(second.texts()).toEqual(['two']);
    expect(second.events[0]?.source.id).toBe(first.events[0]?.source.id);
  });

  test('what was not acknowledged comes again, under the same source', async () => {
    writeFileSync(at('a.log'), 'one\n');
    const first = await start({}, false);
    await first.until((texts) => texts.length === 1);
    await first.stop();
    const second = await start();
    await second.until((texts) => texts.length === 1);
    expect(second.events[0]?.source.id).toBe(first.events[0]?.source.id);
    expect(second.events[0]?.piece.position).toBe('4');
  });

  test('a position that the buffer knows beats an older checkpoint', async () => {
    writeFileSync(at('a.log'), 'one\ntwo\n');
    const first = await start({}, false);
    await first.until((texts) => texts.length === 2);
    await first.stop();
    const id = first.events[0]?.source.id ?? '';
    const doors = doorsOf(at('state'));
    const input = await openInput(fileOptions(at('*.log')), doors);
    input.acknowledge(id, '4');
    const texts: string[] = [];
    const done = input.run(async (piece) => {
      texts.push(Buffer.from(piece.bytes).toString('utf8', piece.starts[0], piece.ends[0]));
    });
    await expect.poll(() => texts.length).toBe(1);
    await input.stop();
    await input.close();
    await done;
    expect(texts).toEqual(['two']);
  });

  test('begins at the end where it is told to, and new files at their beginning', async () => {
    writeFileSync(at('a.log'), 'old\n');
    const input = await start({ startAt: 'end' });
    await expect.poll(() => input.input.status().sources).toBe(1);
    appendFileSync(at('a.log'), 'new\n');
    writeFileSync(at('b.log'), 'first\n');
    await input.until((texts) => texts.length === 2);
    expect([...input.texts()].sort()).toEqual(['first', 'new']);
  });

  test('files that are too old, excluded, packed where that is off, and folders, are left', async () => {
    for (const name of ['a.log', 'old.log', 'no.log']) writeFileSync(at(name), `${name}\n`);
    writeFileSync(at('b.log.gz'), gzipSync('packed\n'));
    mkdirSync(at('dir.log'));
    utimesSync(at('old.log'), 1, 1);
    const input = await start({
      ignoreOlderMs: 60_000,
      exclude: [at('no*')],
      gzip: false,
    });
    await input.until((texts) => texts.length === 1);
    appendFileSync(at('old.log'), 'again\n');
    await input.until((texts) => texts.length === 3);
    expect(input.texts()).toEqual(['a.log', 'old.log', 'again']);
  });

  test('a last line waits for its newline, for so long', async () => {
    writeFileSync(at('a.log'), 'one\ntw');
    const input = await start();
    await input.until((texts) => texts.length === 1);
    appendFileSync(at('a.log'), 'o\nthr');
    await input.until((texts) => texts.length === 2);
    expect(input.texts()).toEqual(['one', 'two']);
    await input.stop();
    const second = await start({ partialLineMs: 300 });
    await second.until((texts) => texts.length === 1);
    expect(second.texts()).toEqual(['thr']);
  });

  test('traces are joined, and wait a second for their end', async () => {
    const trace = 'java.lang.Error: x\n\tat a.B.c(B.java:1)\n';
    writeFileSync(at('a.log'), `INFO a\n${trace}`);
    const input = await start({ multiline: 'auto' });
    await input.until((texts) => texts.length === 1);
    appendFileSync(at('a.log'), '\tat a.B.d(B.java:2)\n');
    await input.until((texts) => texts.length === 2);
    expect(input.texts()).toEqual(['INFO a', `${trace}\tat a.B.d(B.java:2)`]);
  });

  test('encodings by mark and by word; marks are no text', async () => {
    const text = 'grün\nzwei\n';
    writeFileSync(at('le.log'), Buffer.from(`\ufeff${text}`, 'utf16le'));
    writeFileSync(at('be.log'), Buffer.from(`\ufeff${text}`, 'utf16le').swap16());
    writeFileSync(at('8.log'), `\ufeff${text}`);
    const input = await start();
    await input.until((texts) => texts.length === 6);
    appendFileSync(at('le.log'), Buffer.from('drei\n', 'utf16le'));
    await input.until((texts) => texts.length === 7);
    const of = (name: string): string[] =>
      input.events.filter(({ source }) => source.path === at(name)).map((event) => event.text);
    expect(of('le.log')).toEqual(['grün', 'zwei', 'drei']);
    expect(of('be.log')).toEqual(['grün', 'zwei']);
    expect(of('8.log')).toEqual(['grün', 'zwei']);
    await input.stop();
    appendFileSync(at('be.log'), Buffer.from('vier\n', 'utf16le').swap16());
    const second = await start();
    await second.until((texts) => texts.length === 1);
    expect(second.texts()).toEqual(['vier']);
  });

  test('a line of 10 MB is cut, and a restart within it sees no rest of it', async () => {
    writeFileSync(at('a.log'), `first\n${'x'.repeat(5_000_000)}`);
    const input = await start();
    await input.until((texts) => texts.length === 2);
    expect(input.texts().map((text) => text.length)).toEqual([5, 1_048_576]);
    expect(input.pieces.find(({ cut }) => cut !== undefined)?.cut).toEqual([0]);
    expect(input.input.status().drops).toEqual({ line_cut: 1 });
    await expect.poll(() => input.input.status().lagBytes).toBe(0);
    await input.stop();
    appendFileSync(at('a.log'), `${'y'.repeat(5_000_000)}\nlast\n`);
    const second = await start();
    await second.until((texts) => texts.length > 0);
    expect(second.texts()).toEqual(['last']);
  });
});

describe('rotation', () => {
  test('by renaming, with the writer going on for a while', async () => {
    writeFileSync(at('a.log'), asFile(numbered(0, 10)));
    const input = await start();
    await input.until((texts) => texts.length === 10);
    renameSync(at('a.log'), at('a.log.1'));
    appendFileSync(at('a.log.1'), asFile(numbered(10, 20)));
    writeFileSync(at('a.log'), asFile(numbered(20, 30)));
    await input.until((texts) => texts.length === 30);
    expect([...input.texts()].sort()).toEqual([...numbered(0, 30)].sort());
  });

  test('by renaming beyond the pattern, read to its end', async () => {
    writeFileSync(at('a.log'), 'one\n');
    const input = await start();
    await input.until((texts) => texts.length === 1);
    appendFileSync(at('a.log'), 'two\n');
    renameSync(at('a.log'), at('a.old'));
    appendFileSync(at('a.old'), 'three\n');
    await input.until((texts) => texts.length === 3);
    writeFileSync(at('a.log'), 'four\n');
    await input.until((texts) => texts.length === 4);
    expect(input.texts()).toEqual(['one', 'two', 'three', 'four']);
  });

  test('by renaming beyond the pattern while nobody reads', async () => {
    writeFileSync(at('a.log'), 'one\n');
    const first = await start();
    await first.until((texts) => texts.length === 1);
    await first.stop();
    appendFileSync(at('a.log'), 'two\n');
    renameSync(at('a.log'), at('a.old'));
    writeFileSync(at('a.log'), 'three\n');
    const second = await start();
    await second.until((texts) => texts.length === 2);
    expect([...second.texts()].sort()).toEqual(['three', 'two']);
  });

  test('packed: read once, and not at all where it was read before', async () => {
    const lines = numbered(0, 100, PAD);
    writeFileSync(at('a.log'), asFile(lines.slice(0, 50)));
    const first = await start();
    await first.until((texts) => texts.length === 50);
    await first.stop();
    rmSync(at('a.log'));
    writeFileSync(at('a.log.1.gz'), gzipSync(asFile(lines)));
    writeFileSync(at('b.log.2.gz'), gzipSync('other\n'));
    writeFileSync(at('broken.log.gz'), gzipSync(asFile(lines)).subarray(0, 100));
    const second = await start();
    await second.until((texts) => texts.length === 51);
    expect(second.texts().filter((text) => text !== 'other')).toEqual(lines.slice(50));
    await second.stop();
    const third = await start();
    await expect.poll(() => third.input.status().sources).toBe(0);
    expect(third.texts()).toEqual([]);
  });

  test('a packed file of many megabytes', async () => {
    const lines = numbered(0, 40_000, PAD);
    writeFileSync(at('a.log.gz'), gzipSync(asFile(lines)));
    const input = await start();
    await input.until((texts) => texts.length === lines.length);
    expect(input.texts()).toEqual(lines);
  });

  test.each(['a.log.1', 'a.copied'])(
    'by copying to %s and truncating, rest unread',
    async (copy) => {
      const lines = numbered(0, 100, PAD);
      writeFileSync(at('a.log'), asFile(lines.slice(0, 50)));
      const input = await start();
      await input.until((texts) => texts.length === 50);
      appendFileSync(at('a.log'), asFile(lines.slice(50, 70)));
      copyFileSync(at('a.log'), at(copy));
      truncateSync(at('a.log'));
      appendFileSync(at('a.log'), asFile(lines.slice(70)));
      await input.until((texts) => texts.length === 100);
      expect([...input.texts()].sort()).toEqual([...lines].sort());
    },
  );

  test('truncated without a copy: what was lost is told', async () => {
    writeFileSync(at('a.log'), asFile(numbered(0, 50, PAD)));
    const input = await start();
    await input.until((texts) => texts.length === 50);
    truncateSync(at('a.log'));
    appendFileSync(at('a.log'), 'new\n');
    await input.until((texts) => texts.length === 51);
    expect(input.texts().at(-1)).toBe('new');
    expect(input.input.status().drops).toEqual({});
  });

  test('truncated and written beyond where we were', async () => {
    writeFileSync(at('a.log'), asFile(numbered(0, 5)));
    const input = await start();
    await input.until((texts) => texts.length === 5);
    writeFileSync(at('a.log'), asFile(numbered(100, 150)));
    await input.until((texts) => texts.length === 55);
    expect(input.texts().slice(5)).toEqual(numbered(100, 150));
  });

  test('truncated again and again under writing: with copies nothing is lost or doubled', async () => {
    const input = await start();
    const lines: string[] = [];
    for (let round = 0; round < 8; round++) {
      for (let i = 0; i < 40; i++) {
        const some = numbered(lines.length, lines.length + 50, PAD);
        lines.push(...some);
        appendFileSync(at('a.log'), asFile(some));
        if (i % 10 === 0) await systemClock.sleep(15);
      }
      await input.until((texts) => texts.length >= lines.length - 1_000);
      copyFileSync(at('a.log'), at(`a.log.${round}`));
      truncateSync(at('a.log'));
    }
    await input.until((texts) => texts.length >= lines.length);
    const seen = new Set(input.texts());
    expect({
      lost: lines.filter((line) => !seen.has(line)).length,
      doubled: input.texts().length - seen.size,
      drops: input.input.status().drops,
    }).toEqual({ lost: 0, doubled: 0, drops: {} });
  });

  test('deleted files are read to their end', async () => {
    writeFileSync(at('a.log'), 'one\n');
    const input = await start();
    await input.until((texts) => texts.length === 1);
    appendFileSync(at('a.log'), 'two\nlast without newline');
    rmSync(at('a.log'));
    await input.until((texts) => texts.length === 3);
    expect(input.texts()).toEqual(['one', 'two', 'last without newline']);
    await expect.poll(() => input.input.status().sources, { timeout: 10_000 }).toBe(0);
  });

  test('another file that begins alike is another source', async () => {
    const banner = asFile(numbered(0, 40, PAD));
    writeFileSync(at('a.log'), `${banner}a\n`);
    writeFileSync(at('b.log'), `${banner}b\nb2\n`);
    const input = await start();
    await input.until((texts) => texts.length === 83);
    expect(new Set(input.events.map(({ source }) => source.id)).size).toBe(2);
  });

  test('two names of one file are read once', async () => {
    writeFileSync(at('a.log'), 'one\n');
    linkSync(at('a.log'), at('b.log'));
    symlinkSync(at('a.log'), at('c.log'));
    const input = await start();
    await input.until((texts) => texts.length === 1);
    appendFileSync(at('a.log'), 'two\n');
    await input.until((texts) => texts.length === 2);
    expect(input.texts()).toEqual(['one', 'two']);
  });
});

describe('trouble and load', () => {
  test('a file that we may not read is told, and read once we may', async () => {
    // Root may read all: a name that leads nowhere fails in its stead.
    symlinkSync(at('a.log'), at('loop.log'));
    symlinkSync(at('loop.log'), at('a.log'));
    writeFileSync(at('b.log'), 'b\n');
    chmodSync(at('b.log'), 0o200);
    const input = await start();
    await expect.poll(() => Object.keys(input.input.status().troubles)).not.toEqual([]);
    chmodSync(at('b.log'), 0o600);
    await input.until((texts) => texts.length === 1);
    expect(input.texts()).toEqual(['b']);
  });

  test('2,000 files, read once and then followed', async () => {
    for (let i = 0; i < 2_000; i++) writeFileSync(at(`${i}.log`), `file ${i}\n`);
    const input = await start();
    await input.until((texts) => texts.length === 2_000);
    for (let i = 0; i < 2_000; i += 100) appendFileSync(at(`${i}.log`), `more ${i}\n`);
    await input.until((texts) => texts.length === 2_020);
    expect(new Set(input.texts()).size).toBe(2_020);
  });

  test('500 idle files take less than 2 % of a core', async () => {
    for (let i = 0; i < 500; i++) writeFileSync(at(`${i}.log`), `file ${i}\n`);
    const input = await start({ discoverMs: 1_000 });
    await input.until((texts) => texts.length === 500);
    await systemClock.sleep(2_500);
    const beforeMs = cpuMs();
    await systemClock.sleep(4_000);
    expect((cpuMs() - beforeMs) / 4_000).toBeLessThan(0.02);
  });

  test('the checkpoints are whole and small', async () => {
    writeFileSync(at('a.log'), 'one\n');
    const input = await start();
    await input.until((texts) => texts.length === 1);
    await input.stop();
    const text = readFileSync(at('state/checkpoints-logs'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({
      version: 1,
      sources: [{ path: at('a.log'), position: '4' }],
    });

    writeFileSync(at('state/checkpoints-logs'), text.slice(0, 50));
    await expect(start()).rejects.toMatchObject({ code: 'checkpoints_damaged' });
  });
});
