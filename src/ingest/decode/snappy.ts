/**
 * Snappy's block format (google/snappy, format_description.txt), which Loki's and Prometheus' clients
 * send. Own code because the library at hand moves backwards, for ever, on a literal whose length has
 * its top bit set, and takes a block that is shorter than it declares.
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

/** Literals from this size on are copied by the engine's own memory move, shorter ones by hand. */
const LONG_LITERAL = 48;

/**
 * Uncompresses `block` from `start` into the first `size` bytes of `out`. False where an element leaves
 * either buffer, looks back before the start, or the result is not exactly `size` bytes long.
 */
export const uncompressSnappy = (
  block: Uint8Array,
  start: number,
  out: Uint8Array,
  size: number,
): boolean => {
  const { length } = block;
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
      if (count >= LONG_LITERAL) out.set(block.subarray(at, at + count), to);
      else for (let i = 0; i < count; i++) out[to + i] = block[at + i] as number;
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
      back = (block[at] as number) | ((block[at + 1] as number) << 8);
      at += 2;
    } else {
      if (at + 4 > length) return false;
      back =
        (block[at] as number) +
        (block[at + 1] as number) * 0x100 +
        (block[at + 2] as number) * 0x10000 +
        (block[at + 3] as number) * 0x1000000;
      at += 4;
    }
    if (back === 0 || back > to || to + count > size) return false;
    // Byte by byte: source and target may overlap, and then the copy repeats what it wrote.
    for (let i = 0, from = to - back; i < count; i++) out[to + i] = out[from + i] as number;
    to += count;
  }
  return to === size;
};
