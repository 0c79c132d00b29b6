import { isUtf8 } from 'node:buffer';

/** Text of received bytes, which may be anything, and bytes of queries' texts. */

export const toUtf8 = (text: string): Uint8Array => Buffer.from(text, 'utf8');

/** The bytes as text; what is not UTF-8 becomes U+FFFD. */
export const fromUtf8 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

export const isValidUtf8 = (bytes: Uint8Array): boolean => isUtf8(bytes);

export const includesBytes = (haystack: Uint8Array, needle: string): boolean =>
  Buffer.from(haystack.buffer, haystack.byteOffset, haystack.byteLength).includes(
    needle,
    0,
    'utf8',
  );

/**
 * The text that the engine's `toValidUTF8` makes: each run of bytes that are not UTF-8 becomes one
 * U+FFFD. Regular expressions see lines in this form in both evaluators.
 */
export const collapsedText = (bytes: Uint8Array): string => {
  let text = '';
  let from = 0;
  let at = 0;
  let broken = false;
  while (at < bytes.length) {
    const size = charSize(bytes, at);
    if (size > 0) {
      broken = false;
      at += size;
      continue;
    }
    text += fromUtf8(bytes.subarray(from, at));
    if (!broken) text += '\ufffd';
    broken = true;
    at++;
    from = at;
  }
  return text + fromUtf8(bytes.subarray(from, at));
};

/** Bytes of the UTF-8 character at `at`, 0 where there is none. */
const charSize = (bytes: Uint8Array, at: number): number => {
  const lead = bytes[at] as number;
  if (lead < 0x80) return 1;
  const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || at + size > bytes.length) return 0;
  return isUtf8(bytes.subarray(at, at + size)) ? size : 0;
};
