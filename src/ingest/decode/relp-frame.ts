import { LIMITS } from '../../model/limits.ts';

/** `TXNR SP COMMAND SP DATALEN [SP DATA] LF`; numbers of nine digits, commands of 32 letters. */
export interface RelpFrame {
  readonly number: number;
  readonly command: string;
  /** The data. */
  readonly start: number;
  readonly end: number;
  /** Behind the frame. */
  readonly stop: number;
}

const LF = 0x0a;
const SPACE = 0x20;
const DIGITS = 9;
const LETTERS = 32;

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;

/** Behind the bytes from `at` that are of a kind, at most `most` of them; 0 where they are more. */
const behind = (
  buf: Uint8Array,
  at: number,
  end: number,
  most: number,
  is: (byte: number) => boolean,
): number => {
  let stop = at;
  while (stop < end && is(buf[stop] as number)) if (++stop - at > most) return 0;
  return stop;
};

const numberOf = (buf: Buffer, at: number, stop: number): number =>
  Number(buf.toString('latin1', at, stop));

/** The frame at `at`; `short` where more bytes are needed, else why it is none. */
export const readFrame = (
  buf: Buffer,
  at: number,
  end: number,
): RelpFrame | 'short' | 'malformed_message' | 'too_large' => {
  const numberEnd = behind(buf, at, end, DIGITS, isDigit);
  if (numberEnd === end) return 'short';
  if (numberEnd <= at || buf[numberEnd] !== SPACE) return 'malformed_message';
  const word = numberEnd + 1;
  const wordEnd = behind(buf, word, end, LETTERS, isLetter);
  if (wordEnd === end) return 'short';
  if (wordEnd <= word || buf[wordEnd] !== SPACE) return 'malformed_message';
  const size = wordEnd + 1;
  const sizeEnd = behind(buf, size, end, DIGITS, isDigit);
  if (sizeEnd === end) return 'short';
  const after = buf[sizeEnd];
  if (sizeEnd <= size || (after !== SPACE && after !== LF)) return 'malformed_message';
  const length = numberOf(buf, size, sizeEnd);
  if (length > LIMITS.requestBytes) return 'too_large';
  // Without data there need be no space.
  if (after === LF && length > 0) return 'malformed_message';
  const start = after === SPACE ? sizeEnd + 1 : sizeEnd;
  const stop = start + length;
  if (stop >= end) return 'short';
  if (buf[stop] !== LF) return 'malformed_message';
  return {
    number: numberOf(buf, at, numberEnd),
    command: buf.toString('latin1', word, wordEnd),
    start,
    end: stop,
    stop: stop + 1,
  };
};
