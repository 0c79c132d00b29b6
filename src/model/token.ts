/**
 * A token is 64 bits that stand for one item of one sender: two items with the same token within
 * the bounded recent window of a tenant are one item that was sent twice, and are stored once.
 * Decoders whose protocol gives identity set it on the record (`record.token`): Loki from stream,
 * time, line and metadata; journald from `__CURSOR`; forward from chunk and index; Firehose from
 * request and index; Kubernetes audit from auditID and stage.
 *
 * Not cryptographic: a sender can only make its own tenant forget its own items.
 */
export class Token {
  high = 0;
  low = 0;

  /** No token: the item is stored however often it comes. */
  clear(): void {
    this.high = 0;
    this.low = 0;
  }

  /** True when there is one. */
  get isSet(): boolean {
    return (this.high | this.low) !== 0;
  }

  /** Begins a token; `kind` keeps protocols apart. */
  begin(kind: number): this {
    this.high = (0x9e3779b9 ^ kind) | 0;
    this.low = (0x85ebca6b + kind) | 0;
    return this;
  }

  /** Mixes in a byte range and its length. */
  bytes(buf: Uint8Array, start: number, end: number): this {
    let high = this.high;
    let low = this.low;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word =
        (buf[at] as number) |
        ((buf[at + 1] as number) << 8) |
        ((buf[at + 2] as number) << 16) |
        ((buf[at + 3] as number) << 24);
      high = Math.imul(high ^ word, 0xcc9e2d51);
      high ^= high >>> 15;
      low = Math.imul(((low << 5) | (low >>> 27)) ^ word, 0x1b873593);
      low ^= low >>> 13;
    }
    for (; at < end; at++) {
      high = Math.imul(high ^ (buf[at] as number), 0x01000193);
      low = Math.imul(((low << 3) | (low >>> 29)) ^ (buf[at] as number), 0x85ebca6b);
    }
    this.high = high;
    this.low = low;
    return this.number(end - start);
  }

  text(text: string): this {
    const bytes = encoder.encode(text);
    return this.bytes(bytes, 0, bytes.length);
  }

  /** Mixes in a number below 2^53. */
  number(value: number): this {
    const top = Math.floor(value / 4_294_967_296);
    this.high = finish(this.high ^ (value | 0)) ^ top;
    this.low = finish((this.low + (value | 0)) ^ Math.imul(top, 0x9e3779b9));
    return this;
  }

  /** Ends a token: never 0, which means none. */
  end(): void {
    this.high = finish(this.high);
    this.low = finish(this.low ^ this.high);
    if (!this.isSet) this.low = 1;
  }
}

/** MurmurHash3's finalizer (Appleby, public domain). */
const finish = (word: number): number => {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
};

const encoder = new TextEncoder();
