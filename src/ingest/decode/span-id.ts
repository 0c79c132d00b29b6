import type { ProtoReader } from './protobuf.ts';

/**
 * Trace and span ids as model/span.ts has them: lower-case hexadecimal digits, padded with zeros on
 * the left. Ids of zeros alone are no ids (W3C Trace Context, 3.2.2.3).
 */
export const TRACE_ID_DIGITS = 32;
export const SPAN_ID_DIGITS = 16;

const HEX = /^[0-9a-fA-F]+$/;
const ZEROS = /^0*$/;

/** An id from 1 to `digits` hexadecimal digits in either case; undefined where it is none. */
export const idOfText = (text: string | undefined, digits: number): string | undefined => {
  if (text === undefined || text.length === 0 || text.length > digits) return undefined;
  if (!HEX.test(text) || ZEROS.test(text)) return undefined;
  const id = text.length === digits ? text : text.padStart(digits, '0');
  return id.toLowerCase();
};

/** An id from up to half as many big-endian bytes as it has digits; undefined where it is none. */
export const idOfBytes = (
  buf: Uint8Array,
  start: number,
  end: number,
  digits: number,
): string | undefined => {
  if (end - start > digits / 2) return undefined;
  let id = '';
  for (let i = start; i < end; i++) id += (buf[i] as number).toString(16).padStart(2, '0');
  return ZEROS.test(id) ? undefined : id.padStart(digits, '0');
};

/** The same from the reader's position to `end`, which the reader then stands at. */
export const readId = (reader: ProtoReader, end: number, digits: number): string | undefined => {
  const id = idOfBytes(reader.buf, reader.pos, end, digits);
  if (!reader.bad) reader.pos = end;
  return id;
};

/** 16 digits of a signed 64-bit number in two's complement, as thrift carries ids. */
export const digitsOfInt64 = (value: bigint): string =>
  BigInt.asUintN(64, value).toString(16).padStart(SPAN_ID_DIGITS, '0');

/** A trace's id from its two halves, or a span's from its only one; undefined for zero. */
export const idOfInt64 = (...halves: bigint[]): string | undefined => {
  const id = halves.map(digitsOfInt64).join('');
  return ZEROS.test(id) ? undefined : id;
};
