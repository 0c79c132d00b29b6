/**
 * MessagePack (specification of 2013, with bin, ext and str8) in two halves: a scan that finds
 * where a value ends and trusts nothing, and a reader for values that a scan has found whole. No
 * value becomes an object.
 */

/** How a scan went. */
export const SCAN = { whole: 0, short: 1, broken: 2, large: 3 } as const;
export type ScanResult = (typeof SCAN)[keyof typeof SCAN];

/** Heads from 0xc0 to 0xdf: bytes of the head and of what it announces itself. */
const FIXED = new Uint8Array(32);
/** Bytes of a length in the head: of a payload (`PAYLOAD`) or of a container's items. */
const LENGTH = new Uint8Array(32);
const fixed = (head: number, size: number): void => {
  FIXED[head - 0xc0] = size;
};
for (const head of [0xc0, 0xc2, 0xc3]) fixed(head, 1);
for (const [head, size] of [
  [0xca, 5],
  [0xcb, 9],
  [0xcc, 2],
  [0xcd, 3],
  [0xce, 5],
  [0xcf, 9],
  [0xd0, 2],
  [0xd1, 3],
  [0xd2, 5],
  [0xd3, 9],
  [0xd4, 3],
  [0xd5, 4],
  [0xd6, 6],
  [0xd7, 10],
  [0xd8, 18],
] as const) {
  fixed(head, size);
}
for (const [head, length, more] of [
  [0xc4, 1, 0],
  [0xc5, 2, 0],
  [0xc6, 4, 0],
  [0xc7, 1, 1],
  [0xc8, 2, 1],
  [0xc9, 4, 1],
  [0xd9, 1, 0],
  [0xda, 2, 0],
  [0xdb, 4, 0],
  [0xdc, 2, 0],
  [0xdd, 4, 0],
  [0xde, 2, 0],
  [0xdf, 4, 0],
] as const) {
  fixed(head, 1 + length + more);
  LENGTH[head - 0xc0] = length;
}

const lengthAt = (buf: Uint8Array, at: number, bytes: number): number => {
  let length = 0;
  for (let i = 0; i < bytes; i++) length = length * 256 + (buf[at + i] as number);
  return length;
};

/**
 * Finds the end of one value, resumed where more bytes have come: only a position and the number of
 * values that are still to come are kept, so nesting costs nothing.
 */
export class MsgpackScan {
  /** Where the scan stands; behind the value once it is whole. */
  at = 0;
  private start = 0;
  /** Values still to come. */
  private open = 0;

  begin(at: number): void {
    this.at = at;
    this.start = at;
    this.open = 1;
  }

  /** The bytes have moved by so many to the left. */
  moved(by: number): void {
    this.at -= by;
    this.start -= by;
  }

  /** @param most longest value, bytes: what must be longer is `large` as soon as that is known */
  run(buf: Uint8Array, end: number, most: number): ScanResult {
    let { at, open } = this;
    const last = this.start + most;
    let result: ScanResult = SCAN.whole;
    while (open > 0) {
      // Each value to come takes a byte at least.
      if (at + open > last) {
        result = SCAN.large;
        break;
      }
      if (at >= end) {
        result = SCAN.short;
        break;
      }
      const head = buf[at] as number;
      if (head < 0x80 || head >= 0xe0) at++;
      else if (head < 0x90) {
        at++;
        open += (head & 15) * 2;
      } else if (head < 0xa0) {
        at++;
        open += head & 15;
      } else if (head < 0xc0) {
        const next = at + 1 + (head & 31);
        if (next > end) {
          result = next + open - 1 > last ? SCAN.large : SCAN.short;
          break;
        }
        at = next;
      } else {
        const size = FIXED[head - 0xc0] as number;
        if (size === 0) {
          result = SCAN.broken;
          break;
        }
        const bytes = LENGTH[head - 0xc0] as number;
        if (at + 1 + bytes > end) {
          result = SCAN.short;
          break;
        }
        const length = bytes === 0 ? 0 : lengthAt(buf, at + 1, bytes);
        const isContainer = head >= 0xdc;
        const next = at + size + (isContainer ? 0 : length);
        if (next > end) {
          result = next + open - 1 > last ? SCAN.large : SCAN.short;
          break;
        }
        at = next;
        if (isContainer) open += head >= 0xde ? length * 2 : length;
      }
      open--;
    }
    this.at = at;
    this.open = open;
    // The last value may be within what was received and beyond the bound.
    return result === SCAN.whole && at > last ? SCAN.large : result;
  }
}

/** Kinds of values. */
export const KIND = {
  nil: 0,
  boolean: 1,
  integer: 2,
  float: 3,
  text: 4,
  bytes: 5,
  array: 6,
  map: 7,
  extension: 8,
} as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** Reads values that a scan has found whole, head by head. */
export class MsgpackReader {
  buf: Buffer;
  /** Behind the value read last; behind its head where it is an array or a map. */
  pos: number;
  kind: Kind = KIND.nil;
  /** Text, bytes, an extension's data: from `start` to `stop`. */
  start = 0;
  stop = 0;
  /** Items of an array, pairs of a map. */
  count = 0;
  /** Booleans (0, 1), floats, and integers below 2^53. */
  value = 0;
  /** Integers beyond, else undefined. */
  wide: bigint | undefined;
  /** An extension's type, -128 to 127. */
  type = 0;

  constructor(buf: Buffer, pos: number) {
    this.buf = buf;
    this.pos = pos;
  }

  open(buf: Buffer, pos: number): void {
    this.buf = buf;
    this.pos = pos;
    // What was read of the bytes before says nothing of these.
    this.kind = KIND.nil;
  }

  /** Reads the next value, or the head of the next array or map. */
  next(): Kind {
    const head = this.buf[this.pos++] as number;
    if (head < 0x80) return this.integer(head);
    if (head >= 0xe0) return this.integer(head - 256);
    if (head < 0x90) return this.container(KIND.map, head & 15);
    if (head < 0xa0) return this.container(KIND.array, head & 15);
    if (head < 0xc0) return this.range(KIND.text, head & 31);
    return this.rare(head);
  }

  /** Passes over what the array or map read last holds. */
  skip(): void {
    let open = this.kind === KIND.map ? this.count * 2 : this.kind === KIND.array ? this.count : 0;
    for (; open > 0; open--) {
      const kind = this.next();
      if (kind === KIND.map) open += this.count * 2;
      else if (kind === KIND.array) open += this.count;
    }
  }

  private integer(value: number): Kind {
    this.value = value;
    this.wide = undefined;
    this.kind = KIND.integer;
    return KIND.integer;
  }

  private float(value: number): Kind {
    this.value = value;
    this.kind = KIND.float;
    return KIND.float;
  }

  private container(kind: Kind, count: number): Kind {
    this.count = count;
    this.kind = kind;
    return kind;
  }

  private range(kind: Kind, length: number): Kind {
    this.start = this.pos;
    this.pos += length;
    this.stop = this.pos;
    this.kind = kind;
    return kind;
  }

  /** 64 bits, signed or not; as a number where that is exact. */
  private long(value: bigint): Kind {
    const near = Number(value);
    this.integer(near);
    if (!Number.isSafeInteger(near)) this.wide = value;
    return KIND.integer;
  }

  private extension(length: number): Kind {
    this.type = ((this.buf[this.pos++] as number) << 24) >> 24;
    return this.range(KIND.extension, length);
  }

  private rare(head: number): Kind {
    const { buf } = this;
    const at = this.pos;
    const bytes = LENGTH[head - 0xc0] as number;
    if (bytes > 0) {
      const length = lengthAt(buf, at, bytes);
      this.pos += bytes;
      if (head >= 0xde) return this.container(KIND.map, length);
      if (head >= 0xdc) return this.container(KIND.array, length);
      if (head >= 0xd9) return this.range(KIND.text, length);
      return head <= 0xc6 ? this.range(KIND.bytes, length) : this.extension(length);
    }
    if (head >= 0xd4) return this.extension(1 << (head - 0xd4));
    this.pos += (FIXED[head - 0xc0] as number) - 1;
    switch (head) {
      case 0xc2:
      case 0xc3:
        this.value = head - 0xc2;
        this.kind = KIND.boolean;
        return KIND.boolean;
      case 0xca:
        return this.float(buf.readFloatBE(at));
      case 0xcb:
        return this.float(buf.readDoubleBE(at));
      case 0xcc:
        return this.integer(buf[at] as number);
      case 0xcd:
        return this.integer(buf.readUInt16BE(at));
      case 0xce:
        return this.integer(buf.readUInt32BE(at));
      case 0xcf:
        return this.long(buf.readBigUInt64BE(at));
      case 0xd0:
        return this.integer(buf.readInt8(at));
      case 0xd1:
        return this.integer(buf.readInt16BE(at));
      case 0xd2:
        return this.integer(buf.readInt32BE(at));
      case 0xd3:
        return this.long(buf.readBigInt64BE(at));
      default:
        this.kind = KIND.nil;
        return KIND.nil;
    }
  }
}
