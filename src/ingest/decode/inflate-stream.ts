import { copyOf } from '../../model/bytes.ts';

/**
 * Undoes a zlib stream (RFC 1950, 1951) piece by piece, as it comes over a connection: Node's own
 * zlib does that only beside the event loop, which decoders do not see. Everything that can be said
 * of the bytes so far is given at once; a sender that flushes is read up to its flush.
 *
 *     HEAD ──► BLOCK ──stored──► STORED ─┐
 *       ▲        ▲ └──codes──► SYMBOLS ──┤
 *       │        └──── not the last ─────┤
 *       └─ CHECK ◄──── the last ─────────┘
 *
 * A step for which bytes are missing is taken again when they have come: a symbol, a block's table.
 * The checksum is passed over: the connection has its own.
 */
export type OnInflated = (bytes: Uint8Array) => void;

const HEAD = 0;
const BLOCK = 1;
const STORED = 2;
const SYMBOLS = 3;
const CHECK = 4;
const BROKEN = 5;

const WINDOW = 32_768;
/** Room for what is inflated between two calls of `onInflated`. */
const ROOM = WINDOW + 65_536;
const FAST_BITS = 10;
const MOST_BITS = 15;
const NONE = new Uint8Array(0);

const LENGTH_BASE = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67];
LENGTH_BASE.push(83, 99, 115, 131, 163, 195, 227, 258);
const LENGTH_EXTRA = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4];
LENGTH_EXTRA.push(5, 5, 5, 5, 0);
const DISTANCE_EXTRA = Array.from({ length: 30 }, (_, i) => Math.max(0, (i >> 1) - 1));
const DISTANCE_BASE: number[] = [];
for (let i = 0, base = 1; i < 30; i++) {
  DISTANCE_BASE.push(base);
  base += 1 << (DISTANCE_EXTRA[i] as number);
}
/** The order of code lengths in a block's head. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A prefix code: short codes by table, longer ones bit by bit. */
class Codes {
  readonly fast = new Uint16Array(1 << FAST_BITS);
  readonly counts = new Uint16Array(MOST_BITS + 1);
  readonly symbols = new Uint16Array(288);

  /** False where the lengths make no code. */
  build(lengths: Uint8Array, from: number, size: number): boolean {
    const { fast, counts, symbols } = this;
    counts.fill(0);
    fast.fill(0);
    for (let i = 0; i < size; i++) {
      const length = lengths[from + i] as number;
      counts[length] = (counts[length] as number) + 1;
    }
    const starts = new Uint16Array(MOST_BITS + 2);
    const next = new Uint16Array(MOST_BITS + 2);
    let left = 1;
    let code = 0;
    counts[0] = 0;
    for (let length = 1; length <= MOST_BITS; length++) {
      left = left * 2 - (counts[length] as number);
      if (left < 0) return false;
      code = (code + (counts[length - 1] as number)) << 1;
      next[length] = code;
      starts[length + 1] = (starts[length] as number) + (counts[length] as number);
    }
    for (let symbol = 0; symbol < size; symbol++) {
      const length = lengths[from + symbol] as number;
      if (length === 0) continue;
      symbols[starts[length] as number] = symbol;
      starts[length] = (starts[length] as number) + 1;
      const value = next[length] as number;
      next[length] = value + 1;
      if (length > FAST_BITS) continue;
      let turned = 0;
      for (let bit = 0; bit < length; bit++) turned |= ((value >> bit) & 1) << (length - 1 - bit);
      for (let at = turned; at < 1 << FAST_BITS; at += 1 << length)
        fast[at] = (symbol << 4) | length;
    }
    return true;
  }
}

const fixedLengths = new Uint8Array(320);
fixedLengths
  .fill(8, 0, 144)
  .fill(9, 144, 256)
  .fill(7, 256, 280)
  .fill(8, 280, 288)
  .fill(5, 288, 320);
const fixedLiterals = new Codes();
const fixedDistances = new Codes();
fixedLiterals.build(fixedLengths, 0, 288);
fixedDistances.build(fixedLengths, 288, 30);

export class InflateStream {
  private state: number = HEAD;
  private last = false;
  /** Bits not used yet, and bytes behind them. */
  private hold = 0;
  private bits = 0;
  private input: Uint8Array = NONE;
  private at = 0;
  /** Bytes were missing. */
  private short = false;
  private stored = 0;
  private literals = fixedLiterals;
  private distances = fixedDistances;
  private readonly ownLiterals = new Codes();
  private readonly ownDistances = new Codes();
  private readonly lengthCodes = new Codes();
  private readonly lengths = new Uint8Array(320);
  private readonly out = Buffer.allocUnsafeSlow(ROOM);
  private used = 0;
  private given = 0;

  /** Takes what came; false where it is no zlib stream, also ever after. */
  push(bytes: Uint8Array, onInflated: OnInflated): boolean {
    this.input = this.input.length === 0 ? bytes : Buffer.concat([this.input, bytes]);
    this.at = 0;
    this.short = false;
    while (!this.isShort() && this.state !== BROKEN) {
      if (this.used + 258 > ROOM) this.give(onInflated, true);
      const { hold, bits, at } = this;
      this.step();
      if (!this.isShort()) continue;
      this.hold = hold;
      this.bits = bits;
      this.at = at;
    }
    this.give(onInflated, false);
    this.input =
      this.at < this.input.length ? copyOf(this.input, this.at, this.input.length) : NONE;
    return this.state !== BROKEN;
  }

  private isShort(): boolean {
    return this.short;
  }

  private give(onInflated: OnInflated, makeRoom: boolean): void {
    const { out, given, used } = this;
    if (used > given) onInflated(out.subarray(given, used));
    if (makeRoom) {
      out.copyWithin(0, used - WINDOW, used);
      this.used = WINDOW;
    }
    this.given = this.used;
  }

  private step(): void {
    switch (this.state) {
      case HEAD:
        return this.head();
      case BLOCK:
        return this.block();
      case STORED:
        return this.copyStored();
      case SYMBOLS:
        return this.symbols();
      default:
        this.take(this.bits & 7);
        this.take(16);
        this.take(16);
        if (!this.short) this.state = HEAD;
        return undefined;
    }
  }

  /** So many bits, at most 16; 0 and `short` where they have not come. */
  private take(count: number): number {
    while (this.bits < count) {
      if (this.at >= this.input.length) {
        this.short = true;
        return 0;
      }
      this.hold |= (this.input[this.at++] as number) << this.bits;
      this.bits += 8;
    }
    const value = this.hold & ((1 << count) - 1);
    this.hold >>>= count;
    this.bits -= count;
    return value;
  }

  private head(): void {
    const method = this.take(8);
    const flags = this.take(8);
    if (this.isShort()) return;
    const isZlib = (method & 15) === 8 && (method * 256 + flags) % 31 === 0 && (flags & 32) === 0;
    this.state = isZlib ? BLOCK : BROKEN;
  }

  private block(): void {
    const last = this.take(1) === 1;
    const type = this.take(2);
    if (this.isShort()) return;
    if (type === 0) {
      this.take(this.bits & 7);
      const size = this.take(16);
      const check = this.take(16);
      if (this.isShort()) return;
      this.stored = size;
      this.state = (size ^ check) === 0xffff ? STORED : BROKEN;
    } else if (type === 1) {
      this.literals = fixedLiterals;
      this.distances = fixedDistances;
      this.state = SYMBOLS;
    } else if (type === 2) {
      const isCode = this.readCodes();
      if (this.isShort()) return;
      this.state = isCode ? SYMBOLS : BROKEN;
    } else this.state = BROKEN;
    this.last = last;
  }

  private blockEnds(): void {
    this.state = this.last ? CHECK : BLOCK;
  }

  private copyStored(): void {
    if (this.stored === 0) return this.blockEnds();
    // Behind the lengths no bits are left over but whole bytes.
    if (this.bits > 0) {
      this.out[this.used++] = this.take(8);
      this.stored--;
      return undefined;
    }
    const size = Math.min(this.stored, this.input.length - this.at, ROOM - this.used);
    if (size === 0) {
      this.short = true;
      return undefined;
    }
    this.out.set(this.input.subarray(this.at, this.at + size), this.used);
    this.at += size;
    this.used += size;
    this.stored -= size;
    return undefined;
  }

  /** The codes of a block; false where they are none. */
  private readCodes(): boolean {
    const literals = this.take(5) + 257;
    const distances = this.take(5) + 1;
    const count = this.take(4) + 4;
    const { lengths, lengthCodes } = this;
    lengths.fill(0);
    for (let i = 0; i < count; i++) lengths[ORDER[i] as number] = this.take(3);
    if (this.isShort()) return false;
    if (literals > 286 || distances > 30 || !lengthCodes.build(lengths, 0, 19)) return false;
    lengths.fill(0);
    for (let i = 0; i < literals + distances;) {
      const symbol = this.symbol(lengthCodes);
      if (symbol < 0) return false;
      if (symbol < 16) {
        lengths[i++] = symbol;
        continue;
      }
      if (symbol === 16 && i === 0) return false;
      const value = symbol === 16 ? (lengths[i - 1] as number) : 0;
      const times =
        symbol === 16 ? 3 + this.take(2) : symbol === 17 ? 3 + this.take(3) : 11 + this.take(7);
      if (this.isShort() || i + times > literals + distances) return false;
      lengths.fill(value, i, i + times);
      i += times;
    }
    this.literals = this.ownLiterals;
    this.distances = this.ownDistances;
    return (
      lengths[256] !== 0 &&
      this.ownLiterals.build(lengths, 0, literals) &&
      this.ownDistances.build(lengths, literals, distances)
    );
  }

  /** The next symbol; below 0 where there is none, or bytes are missing. */
  private symbol(codes: Codes): number {
    while (this.bits < MOST_BITS && this.at < this.input.length) {
      this.hold |= (this.input[this.at++] as number) << this.bits;
      this.bits += 8;
    }
    const entry = codes.fast[this.hold & ((1 << FAST_BITS) - 1)] as number;
    const size = entry & 15;
    if (size > 0 && size <= this.bits) {
      this.hold >>>= size;
      this.bits -= size;
      return entry >> 4;
    }
    return this.longSymbol(codes);
  }

  private longSymbol({ counts, symbols }: Codes): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= MOST_BITS; length++) {
      if (length > this.bits) {
        this.short = true;
        return -1;
      }
      code |= (this.hold >> (length - 1)) & 1;
      const count = counts[length] as number;
      if (code - count < first) {
        this.hold >>>= length;
        this.bits -= length;
        return symbols[index + code - first] as number;
      }
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    return -1;
  }

  /** One symbol: a byte, a copy of what came before, or the block's end. */
  private symbols(): void {
    const symbol = this.symbol(this.literals);
    if (symbol < 0) {
      if (!this.isShort()) this.state = BROKEN;
    } else if (symbol < 256) this.out[this.used++] = symbol;
    else if (symbol === 256) this.blockEnds();
    else this.copy(symbol - 257);
  }

  private copy(symbol: number): void {
    if (symbol >= LENGTH_BASE.length) {
      this.state = BROKEN;
      return;
    }
    const length = (LENGTH_BASE[symbol] as number) + this.take(LENGTH_EXTRA[symbol] as number);
    const code = this.isShort() ? -1 : this.symbol(this.distances);
    if (code < 0 || code >= 30) {
      if (!this.isShort()) this.state = BROKEN;
      return;
    }
    const distance = (DISTANCE_BASE[code] as number) + this.take(DISTANCE_EXTRA[code] as number);
    if (this.isShort()) return;
    if (distance > this.used) {
      this.state = BROKEN;
      return;
    }
    const { out } = this;
    let to = this.used;
    for (const end = to + length; to < end; to++) out[to] = out[to - distance] as number;
    this.used = to;
  }
}
