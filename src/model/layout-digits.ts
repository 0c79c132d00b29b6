import type { Bytes } from './bytes.ts';

/** Decimal digits straight into a buffer: a number's text costs more than its bytes. */

const ZERO = 0x30;
const BILLION = 1_000_000_000;
export const POWERS = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9] as const;

/** An integer from 0 to 2^31 - 1 in just so many digits. */
export const putDigits = (out: Bytes, value: number, digits: number): void => {
  out.reserve(digits);
  const { buf } = out;
  const at = out.length;
  out.length = at + digits;
  for (let i = at + digits - 1; i >= at; i--) {
    const rest = (value / 10) | 0;
    buf[i] = ZERO + value - rest * 10;
    value = rest;
  }
};

const digitsOf = (value: number): number => {
  let digits = 1;
  while (digits < 10 && value >= (POWERS[digits] as number)) digits++;
  return digits;
};

/** An integer from 0 to 2^53 - 1 in as many digits as it has. */
export const putInteger = (out: Bytes, value: number): void => {
  if (value < BILLION) {
    putDigits(out, value, digitsOf(value));
    return;
  }
  const high = Math.floor(value / BILLION);
  putDigits(out, high, digitsOf(high));
  putDigits(out, value - high * BILLION, 9);
};

export const putZeros = (out: Bytes, count: number): void => {
  for (let i = 0; i < count; i++) putByte(out, ZERO);
};

export const putByte = (out: Bytes, byte: number): void => {
  out.reserve(1);
  out.buf[out.length++] = byte;
};

/** Below this a loop beats the engine's own copy, which costs a call. */
const COPY_BY_BYTES = 12;

export const putBytes = (out: Bytes, bytes: Uint8Array): void => {
  const size = bytes.length;
  out.reserve(size);
  const { buf } = out;
  const at = out.length;
  out.length = at + size;
  if (size > COPY_BY_BYTES) buf.set(bytes, at);
  else for (let i = 0; i < size; i++) buf[at + i] = bytes[i] as number;
};

/** Of ASCII characters. */
export const putAscii = (out: Bytes, text: string): void => {
  for (let i = 0; i < text.length; i++) putByte(out, text.charCodeAt(i));
};
