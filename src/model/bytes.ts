/**
 * A growing byte buffer that writes ClickHouse's primitive forms: little-endian integers, LEB128
 * lengths, length-prefixed strings. Reused from batch to batch.
 */
export class Bytes {
  buf: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity: number) {
    this.buf = new Uint8Array(capacity);
  }

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

  varint(value: number): void {
    this.reserve(10);
    while (value >= 0x80) {
      this.buf[this.length++] = (value % 128) | 0x80;
      value = Math.floor(value / 128);
    }
    this.buf[this.length++] = value;
  }

  u32(value: number): void {
    this.reserve(4);
    const { buf } = this;
    let at = this.length;
    buf[at++] = value;
    buf[at++] = value >>> 8;
    buf[at++] = value >>> 16;
    buf[at++] = value >>> 24;
    this.length = at;
  }

  /** Writes a non-negative integer below 2^53 as UInt64. */
  u64(value: number): void {
    this.u32(value >>> 0);
    this.u32(Math.floor(value / 4_294_967_296));
  }

  raw(source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    this.reserve(size);
    const { buf } = this;
    let at = this.length;
    if (size < 24) {
      for (let i = start; i < end; i++) buf[at++] = source[i] as number;
    } else {
      buf.set(source.subarray(start, end), at);
    }
    this.length += size;
  }

  string(source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    this.reserve(size + 10);
    if (size < 0x80) this.buf[this.length++] = size;
    else this.varint(size);
    this.raw(source, start, end);
  }

  text(value: string): void {
    const bytes = encoder.encode(value);
    this.string(bytes, 0, bytes.length);
  }

  /** A copy of what was written. */
  take(): Uint8Array<ArrayBuffer> {
    return this.buf.slice(0, this.length);
  }
}

const encoder = new TextEncoder();
