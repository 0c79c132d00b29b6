import { viewOf } from './bytes.ts';
import type { Key } from './key.ts';
import type { Pairs } from './record.ts';

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

  /**
   * Begins a token of an item with what it shares with others, and two whole numbers of 32 bits of
   * its own.
   */
  follow(shared: Pick<Token, 'high' | 'low'>, first: number, second: number): this {
    this.high = shared.high ^ first;
    this.low = (shared.low + second) | 0;
    return this;
  }

  /**
   * Mixes in a byte range and its length. Four words at a time into four lanes, each of which takes
   * in its neighbour: a round loses nothing of the state, nor of the words.
   */
  bytes(buf: Uint8Array, start: number, end: number): this {
    const view = viewOf(buf);
    let a = this.high;
    let b = this.low;
    let c = a ^ 0x243f6a88;
    let d = b ^ 0x13198a2e;
    let at = start;
    for (; at + 16 <= end; at += 16) {
      a = (Math.imul(a ^ view.getInt32(at, true), 0xcc9e2d51) + b) | 0;
      b = (Math.imul(b ^ view.getInt32(at + 4, true), 0x1b873593) + c) | 0;
      c = (Math.imul(c ^ view.getInt32(at + 8, true), 0x85ebca6b) + d) | 0;
      d = (Math.imul(d ^ view.getInt32(at + 12, true), 0xc2b2ae35) + ((a << 13) | (a >>> 19))) | 0;
      a ^= a >>> 15;
      c ^= c >>> 13;
    }
    if (at < end) {
      a = (Math.imul(a ^ wordOf(view, at, end), 0xcc9e2d51) + b) | 0;
      b = (Math.imul(b ^ wordOf(view, at + 4, end), 0x1b873593) + c) | 0;
      c = (Math.imul(c ^ wordOf(view, at + 8, end), 0x85ebca6b) + d) | 0;
      d ^= wordOf(view, at + 12, end);
    }
    const high = (finish(a ^ (end - start)) + b) | 0;
    const low = (finish(b ^ high) + c) | 0;
    this.high = (finish(high ^ c) + low) | 0;
    this.low = (finish(low ^ d) + this.high) | 0;
    return this;
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

/** Mixes in names and values, in their order. */
export const mixPairs = (token: Token, pairs: Pairs): void => {
  const { keys, bufs, starts, ends, count } = pairs;
  for (let i = 0; i < count; i++) {
    const { bytes } = keys[i] as Key;
    token.bytes(bytes, 0, bytes.length);
    token.bytes(bufs[i] as Uint8Array, starts[i] as number, ends[i] as number);
  }
};

/** The word at `at` of what ends at `end`; zeros stand for what is not there. */
const wordOf = (view: DataView, at: number, end: number): number => {
  if (at + 4 <= end) return view.getInt32(at, true);
  let word = 0;
  for (let i = at, shift = 0; i < end; i++, shift += 8) word |= view.getUint8(i) << shift;
  return word;
};

/** MurmurHash3's finalizer (Appleby, public domain). */
const finish = (word: number): number => {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
};

const encoder = new TextEncoder();
