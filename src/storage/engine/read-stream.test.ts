import { expect, test } from 'vitest';
import { checkedEnd } from './read-stream.ts';

const TAG = 'gjvhkblqdzbkkoeq';
const HEADERS = { 'x-clickhouse-exception-tag': TAG };
const MESSAGE = 'Code: 395. DB::Exception: boo. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)';
const EXCEPTION = `\r\n__exception__\r\n${TAG}\r\n${MESSAGE}\n70 ${TAG}\r\n__exception__\r\n`;

async function* chunked(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(text: string, size: number): Promise<{ text: string; error: unknown }> {
  const chunks: Uint8Array[] = [];
  let error: unknown;
  try {
    for await (const chunk of checkedEnd(chunked(text, size), HEADERS)) chunks.push(chunk);
  } catch (thrown) {
    error = thrown;
  }
  return { text: Buffer.concat(chunks).toString('latin1'), error };
}

const sizes = [1, 2, 3, 7, 16, 33, 34, 35, 36, 64, 100, 10_000];

test.each(sizes)('a result in pieces of %i bytes comes as it was', async (size) => {
  const text = `${'\0\xff'.repeat(150)}\r\n__exception__\r\nother`;
  expect(await read(text, size)).toEqual({ text, error: undefined });
});

test.each(sizes)('an exception in pieces of %i bytes ends the result', async (size) => {
  const rows = 'row'.repeat(50);
  const { text, error } = await read(rows + EXCEPTION, size);
  expect(text).toBe(rows);
  expect(error).toMatchObject({ code: '395', message: expect.stringContaining('boo') as string });
});

test('an exception before the first row', async () => {
  const { text, error } = await read(EXCEPTION, 1_000);
  expect(text).toBe('');
  expect(error).toMatchObject({ code: '395' });
});

test('a connection that closes after an exception does not hide it', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield* chunked(`abc${EXCEPTION}`, 1_000);
    throw new Error('aborted');
  }
  const all = async (): Promise<void> => {
    for await (const chunk of checkedEnd(broken(), HEADERS)) expect(chunk.length).toBe(3);
  };
  await expect(all()).rejects.toMatchObject({ code: '395' });
});
