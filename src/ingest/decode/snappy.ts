/**
 * Snappy's block format (google/snappy, format_description.txt), which Loki's and Prometheus'
 * clients send. Own code because the library at hand moves backwards, for ever, on a literal whose
 * length has its top bit set, and takes a block that is shorter than it declares.
 */

/** The declared size of the uncompressed block and where its elements begin. */
export interface SnappyHead {
  readonly size: number;
  readonly start: number;
}

/** Reads the leading length; undefined where it is no varint of 32 bits. */
export const readSnappyHead = (block: Uint8Array): SnappyHead | undefined => {
  let size = 0;
  let factor = 1;
  for (let i = 0; i < 5; i++) {
    const byte = block[i];
    if (byte === undefined) return undefined;
    size += (byte & 0x7f) * factor;
    if (byte < 0x80) return size > 0xffffffff ? undefined : { size, start: i + 1 };
    factor *= 128;
  }
  return undefined;
};

/**
 * The longest that most elements can be. Where so many bytes and one word more are left in both
 * buffers, bytes are copied four at a time, and the last word may write past the element: what
 * follows overwrites it.
 */
const SHORT = 64;
const MARGIN = SHORT + 4;

/**
 * Uncompresses `block` from `start` into the first `size` bytes of `out`. False where an element
 * leaves either buffer, looks back before the start, or the result is not exactly `size` bytes
 * long.
 */
export const uncompressSnappy = (
  block: Uint8Array,
  start: number,
  out: Uint8Array,
  size: number,
): boolean => {
  const { length } = block;
  const from = new DataView(block.buffer, block.byteOffset, length);
  const into = new DataView(out.buffer, out.byteOffset, out.length);
  let at = start;
  let to = 0;
  while (at < length) {
    const tag = block[at++] as number;
    let count = (tag >>> 2) + 1;
    if ((tag & 3) === 0) {
      if (count > 60) {
        const extra = count - 60;
        if (at + extra > length) return false;
        count = 1;
        for (let i = 0, factor = 1; i < extra; i++, factor *= 256) {
          count += (block[at++] as number) * factor;
        }
      }
      if (at + count > length || to + count > size) return false;
      if (count <= SHORT && at + MARGIN < length && to + MARGIN < size) {
        for (let i = 0; i < count; i += 4) into.setInt32(to + i, from.getInt32(at + i, true), true);
      } else out.set(block.subarray(at, at + count), to);
      at += count;
      to += count;
      continue;
    }
    let back: number;
    if ((tag & 3) === 1) {
      if (at >= length) return false;
      count = ((tag >>> 2) & 7) + 4;
      back = ((tag & 0xe0) << 3) | (block[at++] as number);
    } else if ((tag & 3) === 2) {
      if (at + 2 > length) return false;
      back = from.getUint16(at, true);
      at += 2;
    } else {
      if (at + 4 > length) return false;
      back = from.getUint32(at, true);
      at += 4;
    }
    if (back === 0 || back > to || to + count > size) return false;
    const source = to - back;
    // Nearer than a word the copy repeats what it has just written, and goes byte by byte.
    if (back >= 4 && to + MARGIN < size) {
      for (let i = 0; i < count; i += 4) {
        into.setInt32(to + i, into.getInt32(source + i, true), true);
      }
    } else for (let i = 0; i < count; i++) out[to + i] = out[source + i] as number;
    to += count;
  }
  return to === size;
};
