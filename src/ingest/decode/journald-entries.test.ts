import { afterEach, expect, test } from 'vitest';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import { CapturedSink } from './captured-sink.ts';
import { JournalEntries } from './journald-entries.ts';

const before = { ...LIMITS };
afterEach(() => overrideLimits(before));

const binary = (name: string, value: string): string => {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(value.length));
  return `${name}\n${size.toString('latin1')}${value}\n`;
};

/** Feeds latin1 text in pieces of `size` bytes. */
const read = (text: string, size = text.length): CapturedSink => {
  const sink = new CapturedSink();
  const all = { total: 0 };
  const session = new JournalEntries(all);
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += size) {
    session.feed(new Uint8Array(bytes.subarray(at, at + size)), sink);
  }
  session.end(sink);
  expect(all.total).toBe(0);
  return sink;
};

test.each([
  ['text', 'MESSAGE=a=b\n\n', ['a=b']],
  ['an empty message', 'MESSAGE=\n\n', ['']],
  ['no message', 'N=1\n\n', ['']],
  ['a binary value', `${binary('MESSAGE', 'a\n\nb')}\n`, ['a\n\nb']],
  ['an empty binary value', `${binary('MESSAGE', '')}\n`, ['']],
  ['many blank lines', '\n\nMESSAGE=a\n\n\n\nMESSAGE=b\n\n\n', ['a', 'b']],
  ['two messages', 'MESSAGE=a\nMESSAGE=b\n\n', ['a']],
])('reads %s however it is split', (_name, text, lines) => {
  for (let size = 1; size <= text.length; size++) {
    const sink = read(text, size);
    expect(sink.events.map(({ line }) => line)).toEqual(lines);
    expect(sink.rejects).toEqual([]);
  }
});

test.each([
  ['a line without a name', 'what is this\n\n'],
  ['a name that is none', 'message=x\n\n'],
  ['a name without end', `${'A'.repeat(100)}=x\n\n`],
  ['a value that does not end', 'A\n\x01\0\0\0\0\0\0\0xyz\n\n'],
  ['a size beyond all sizes', 'A\n\xff\xff\xff\xff\xff\xff\xff\xff\n\n'],
])('refuses %s, and reads on behind it', (_name, broken) => {
  const text = `MESSAGE=one\n\n${broken}MESSAGE=two\n\n`;
  for (let size = 1; size <= text.length; size++) {
    const sink = read(text, size);
    expect(sink.events.map(({ line }) => line)).toEqual(['one', 'two']);
    expect(sink.rejects).toEqual(['malformed_entry']);
  }
});

test('does not keep an entry that broke off', () => {
  for (const text of ['MESSAGE=a', 'MESSAGE=a\n', 'MESSAGE\n\x05\0\0\0\0\0\0\0ab']) {
    const sink = read(text);
    expect(sink.events).toEqual([]);
    expect(sink.rejects).toEqual(['malformed_entry']);
  }
});

test('cuts long values, says how much is missing, and reads on', () => {
  overrideLimits({ lineBytes: 100 });
  const long = 'x'.repeat(1_000);
  for (const field of [`MESSAGE=${long}\n`, binary('MESSAGE', long)]) {
    for (const size of [1, 7, 64, 5_000]) {
      const sink = read(`${field}N=1\n\nMESSAGE=next\n\n`, size);
      const [first, next] = sink.events;
      const kept = first?.line.length ?? 0;
      expect(kept).toBeGreaterThanOrEqual(100);
      expect(kept + (first?.cutBytes ?? 0)).toBe(1_000);
      expect(first?.metadata).toEqual({ N: '1' });
      expect(next?.line).toBe('next');
    }
  }
});

test('holds a bounded entry', () => {
  overrideLimits({ journaldEntryBytes: 50_000 });
  const fields = Array.from({ length: 100 }, (_, n) => `F${n}=${'x'.repeat(1_000)}\n`).join('');
  const sink = read(`MESSAGE=large\n${fields}\nMESSAGE=next\n\n`, 999);
  expect(sink.events.map(({ line }) => line)).toContain('next');
  expect(sink.rejects.length + sink.events.length).toBe(2);
});
