import { expect, test } from 'vitest';
import { copyOf } from './bytes.ts';
import { gapOf } from './gap.ts';
import { listFields } from './json-scanner.ts';
import { keys } from './key.ts';
import { Scratch } from './record.ts';

/**
 * What is kept of received bytes is a copy: `Buffer.slice` gives a view, and streams reuse their
 * buffers.
 */
const OBJECT = '{"copied":{"names":"here"}}';

test('a range is copied from any kind of bytes', () => {
  const bytes = Buffer.from('abcdef');
  const copy = copyOf(bytes, 1, 3);
  bytes.fill(0x78);
  expect(Buffer.from(copy).toString()).toBe('bc');
  expect(copy.buffer.byteLength).toBe(2);
});

test('names and gaps stay what they were when their buffer is used again', () => {
  const bytes = Buffer.from('first-name');
  const key = keys.intern(bytes, 0, bytes.length);
  const gap = gapOf(bytes, 0, 5, key);
  bytes.fill(0x78);
  expect(Buffer.from(key.bytes).toString()).toBe('first-name');
  expect(keys.of('first-name')).toBe(key);
  expect(Buffer.from(gap.bytes).toString()).toBe('first');
});

test('objects scanned from one buffer, again and again, keep their own names', () => {
  const held = Buffer.alloc(64);
  const scratch = new Scratch();
  const namesOf = (text: string): string[] => {
    held.write(text);
    const list = listFields(held, 0, text.length, scratch);
    return Array.from({ length: list?.count ?? 0 }, (_, i) => list?.gaps[i]?.key.text ?? '');
  };
  expect(namesOf(OBJECT)).toEqual(['copied.names']);
  expect(namesOf('{"reused":{"again":"there"}}')).toEqual(['reused.again']);
  expect(namesOf(OBJECT)).toEqual(['copied.names']);
});
