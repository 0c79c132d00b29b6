/**
 * Protocol Buffers' wire format (protobuf.dev, "Encoding") read in place: a cursor over the
 * received bytes that makes no object per message or value, for the paths on which every log line
 * travels.
 */

/** Wire types. 3 and 4 (groups) were never used by the protocols here; they are an error. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * The cursor. A message is read as `while (reader.pos < end) { const tag = reader.tag(end); ... }`
 * with one `switch` on the tag (field number << 3 | wire type); what the switch does not know,
 * `skip` steps over. A malformed byte sets `bad` and moves `pos` to the end of everything, so that
 * all loops end.
 */
export class ProtoReader {
  buf: Uint8Array = EMPTY;
  pos = 0;
  bad = false;
  /** The last 64-bit value read, as two unsigned halves. */
  low = 0;
  high = 0;
  private limit = 0;

  open(buf: Uint8Array, start: number, end: number): void {
    this.buf = buf;
    this.pos = start;
    this.limit = end;
    this.bad = false;
  }

  fail(): number {
    this.bad = true;
    this.pos = this.limit;
    return 0;
  }

  /** Field number and wire type; `end` is that of the message being read. */
  tag(end: number): number {
    const byte = this.buf[this.pos] as number;
    if (byte < 0x80 && byte >= 8) {
      this.pos++;
      return byte;
    }
    const tag = this.uint(end);
    return tag < 8 || tag > 0xffffffff ? this.fail() : tag;
  }

  /** A varint that must stay below 2^53: lengths, tags, counts. */
  uint(end: number): number {
    const { buf } = this;
    let { pos } = this;
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      if (pos >= end) return this.fail();
      const byte = buf[pos++] as number;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) return this.fail();
        this.pos = pos;
        return value;
      }
      factor *= 128;
    }
    return this.fail();
  }

  /** Any 64-bit varint, into `low` and `high`. */
  varint64(end: number): void {
    const { buf } = this;
    let { pos } = this;
    let low = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      if (pos >= end) {
        this.fail();
        return;
      }
      const byte = buf[pos++] as number;
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (7 * i);
      else if (i === 4) {
        low |= bits << 28;
        high = bits >>> 4;
      } else high |= bits << (7 * i - 32);
      if (byte < 0x80) {
        this.pos = pos;
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    this.fail();
  }

  /** Eight bytes, little-endian, into `low` and `high`. */
  fixed64(end: number): void {
    if (this.pos + 8 > end) {
      this.fail();
      return;
    }
    this.low = this.u32();
    this.high = this.u32();
  }

  /** Four bytes, little-endian, into `low`. */
  fixed32(end: number): void {
    if (this.pos + 4 > end) {
      this.fail();
      return;
    }
    this.low = this.u32();
    this.high = 0;
  }

  /**
   * The end of a length-delimited field; `pos` is then at its first byte. On malformed input the
   * range is empty.
   */
  span(end: number): number {
    const byte = this.buf[this.pos] as number;
    let size = byte;
    if (byte < 0x80 && this.pos < end) this.pos++;
    else size = this.uint(end);
    const to = this.pos + size;
    if (to <= end && !this.bad) return to;
    this.fail();
    return this.limit;
  }

  /** Steps over a field that is not wanted. */
  skip(tag: number, end: number): void {
    switch (tag & 7) {
      case WIRE.varint:
        this.varint64(end);
        return;
      case WIRE.fixed64:
        this.advance(8, end);
        return;
      case WIRE.bytes:
        this.pos = this.span(end);
        return;
      case WIRE.fixed32:
        this.advance(4, end);
        return;
      default:
        this.fail();
    }
  }

  private advance(size: number, end: number): void {
    if (this.pos + size > end) this.fail();
    else this.pos += size;
  }

  private u32(): number {
    const { buf } = this;
    const at = this.pos;
    this.pos = at + 4;
    return (
      ((buf[at] as number) |
        ((buf[at + 1] as number) << 8) |
        ((buf[at + 2] as number) << 16) |
        ((buf[at + 3] as number) << 24)) >>>
      0
    );
  }
}

const EMPTY = new Uint8Array(0);

/**
 * Writes messages front to back. Lengths of nested messages are four-byte varints filled in
 * afterwards (longer than needed, which the format allows), so that nothing is moved or measured
 * twice.
 */
export class ProtoWriter {
  buf: Uint8Array = new Uint8Array(65_536);
  length = 0;

  clear(): void {
    this.length = 0;
  }

  reserve(size: number): void {
    const need = this.length + size;
    if (need <= this.buf.length) return;
    const grown = new Uint8Array(Math.max(need, this.buf.length * 2));
    grown.set(this.buf.subarray(0, this.length));
    this.buf = grown;
  }

  uint(value: number): void {
    this.reserve(10);
    let rest = value;
    while (rest >= 0x80) {
      this.buf[this.length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.buf[this.length++] = rest;
  }

  /** A varint of 64 bits; negative values in two's complement. */
  int64(value: bigint): void {
    this.reserve(10);
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.buf[this.length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.buf[this.length++] = Number(rest);
  }

  tag(field: number, wire: number): void {
    this.uint(field * 8 + wire);
  }

  fixed32(value: number): void {
    this.reserve(4);
    for (let i = 0; i < 4; i++) this.buf[this.length++] = value >>> (8 * i);
  }

  fixed64(value: bigint): void {
    this.fixed32(Number(value & 0xffffffffn));
    this.fixed32(Number((value >> 32n) & 0xffffffffn));
  }

  double(value: number): void {
    doubleView.setFloat64(0, value, true);
    this.fixed32(doubleView.getUint32(0, true));
    this.fixed32(doubleView.getUint32(4, true));
  }

  raw(bytes: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    this.buf.set(bytes.subarray(start, end), this.length);
    this.length += end - start;
  }

  text(field: number, value: string): void {
    const bytes = encoder.encode(value);
    this.tag(field, WIRE.bytes);
    this.uint(bytes.length);
    this.raw(bytes, 0, bytes.length);
  }

  /** Begins a length-delimited field of unknown size; give the result to `end`. */
  begin(field: number): number {
    this.tag(field, WIRE.bytes);
    this.reserve(4);
    this.length += 4;
    return this.length;
  }

  end(start: number): void {
    const size = this.length - start;
    const { buf } = this;
    buf[start - 4] = (size & 0x7f) | 0x80;
    buf[start - 3] = ((size >>> 7) & 0x7f) | 0x80;
    buf[start - 2] = ((size >>> 14) & 0x7f) | 0x80;
    buf[start - 1] = (size >>> 21) & 0x7f;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.buf.slice(0, this.length);
  }
}

const doubleView = new DataView(new ArrayBuffer(8));
const encoder = new TextEncoder();
