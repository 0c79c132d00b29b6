import type { Assembler } from './assemble.ts';

export type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'latin1';

/** Bytes of one unit: positions in the file are multiples of it behind a byte order mark. */
const UNIT: Readonly<Record<Encoding, number>> = {
  'utf-8': 1,
  'utf-16le': 2,
  'utf-16be': 2,
  latin1: 1,
};

/**
 * Makes UTF-8 of what is read, and offsets in the file of offsets in the UTF-8: a unit of the text
 * is a unit of the file, also where it was no valid text (a lone surrogate becomes U+FFFD, which is
 * one unit too).
 */
export const assembleEncoded = (inner: Assembler, encoding: Encoding): Assembler => {
  if (encoding === 'utf-8') return inner;
  const unit = UNIT[encoding];
  const name = encoding === 'latin1' ? 'latin1' : 'utf16le';
  return {
    assemble(raw, size, known, state, events) {
      const whole = wholeUnits(raw, size, encoding);
      let bytes = raw.subarray(0, whole);
      if (encoding === 'utf-16be') bytes = Buffer.from(bytes).swap16();
      const text = Buffer.from(bytes.toString(name));
      const used = inner.assemble(text, text.length, known, state, events);
      // What an odd byte at the end is part of has not come yet.
      if (used === text.length) return known.takePartial || known.isFull ? size : whole;
      return text.toString('utf8', 0, used).length * unit;
    },
  };
};

/** Bytes that are whole units, and no half of a surrogate pair at the end. */
const wholeUnits = (raw: Buffer, size: number, encoding: Encoding): number => {
  if (encoding === 'latin1') return size;
  const even = size - (size % 2);
  if (even < 2) return even;
  const last = encoding === 'utf-16le' ? raw.readUInt16LE(even - 2) : raw.readUInt16BE(even - 2);
  return last >= 0xd800 && last < 0xdc00 ? even - 2 : even;
};

/** The encoding that a byte order mark at the start of a file says, and the mark's length. */
export const byteOrderMark = (
  head: Uint8Array,
): { readonly encoding: Encoding; readonly sizeBytes: number } | undefined => {
  if (head[0] === 0xff && head[1] === 0xfe) return { encoding: 'utf-16le', sizeBytes: 2 };
  if (head[0] === 0xfe && head[1] === 0xff) return { encoding: 'utf-16be', sizeBytes: 2 };
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) {
    return { encoding: 'utf-8', sizeBytes: 3 };
  }
  return undefined;
};
