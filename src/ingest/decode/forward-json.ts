import {
  isSpace,
  skipLiteral,
  skipNumber,
  stringEnd,
  unescapeInto,
} from '../../model/json-text.ts';
import { SCAN, type ScanResult } from './forward-msgpack.ts';
import { checkJson, isArray, isObject, isString, walkArray, walkObject } from './json-walk.ts';

/**
 * The forward protocol as JSON, which Fluentd takes where a connection begins with `{` or `[`: the
 * same messages, one JSON value each. They are turned into MessagePack, as Fluentd does; few
 * senders write it.
 */
export class JsonScan {
  /** Behind the value once it is whole. */
  at = 0;
  private start = 0;
  private depth = 0;
  private quoted = false;
  private escaped = false;

  begin(at: number): void {
    this.at = at;
    this.start = at;
    this.depth = 0;
    this.quoted = false;
    this.escaped = false;
  }

  moved(by: number): void {
    this.at -= by;
    this.start -= by;
  }

  /** Finds the end of an array or object; whether it is JSON is not looked at. */
  run(buf: Uint8Array, end: number, most: number): ScanResult {
    const last = this.start + most;
    while (this.at < end) {
      if (this.at >= last) return SCAN.large;
      const byte = buf[this.at++] as number;
      if (this.quoted) {
        if (this.escaped) this.escaped = false;
        else if (byte === 0x5c) this.escaped = true;
        else if (byte === 0x22) this.quoted = false;
      } else if (byte === 0x22) this.quoted = true;
      else if (byte === 0x7b || byte === 0x5b) this.depth++;
      else if (byte === 0x7d || byte === 0x5d) {
        if (--this.depth <= 0) return SCAN.whole;
      }
      if (this.depth === 0) return SCAN.broken;
    }
    return SCAN.short;
  }
}

/** Behind white space. */
export const skipBlank = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end && isSpace(buf[at] as number)) at++;
  return at;
};

/** One JSON value as MessagePack; undefined where it is none. */
export const toMsgpack = (json: Uint8Array): Buffer | undefined => {
  const at = checkJson(json);
  if (at < 0) return undefined;
  const writer = new Writer(json);
  writer.value(at);
  return writer.out.subarray(0, writer.used);
};

class Writer {
  /** Two bytes (`[]` and a comma are three) become five at most. */
  readonly out: Buffer;
  used = 0;
  private readonly json: Uint8Array;

  constructor(json: Uint8Array) {
    this.json = json;
    this.out = Buffer.allocUnsafeSlow(json.length * 3 + 16);
  }

  /** Writes the value at `at`; gives the position after it. */
  value(at: number): number {
    const { json } = this;
    if (isArray(json, at)) {
      const head = this.head(0xdd);
      let count = 0;
      const end = walkArray(json, at, (item) => {
        count++;
        return this.value(item);
      });
      this.out.writeUInt32BE(count, head);
      return end;
    }
    if (isObject(json, at)) {
      const head = this.head(0xdf);
      let count = 0;
      const end = walkObject(json, at, (name, item) => {
        count++;
        this.string(name.buf, name.start, name.end, false);
        return this.value(item);
      });
      this.out.writeUInt32BE(count, head);
      return end;
    }
    if (isString(json, at)) {
      const quote = stringEnd(json, at + 1, json.length);
      this.string(json, at + 1, quote, true);
      return quote + 1;
    }
    return this.scalar(at);
  }

  private scalar(at: number): number {
    const { json } = this;
    const first = json[at] as number;
    if (first === 0x2d || (first >= 0x30 && first <= 0x39)) {
      const end = skipNumber(json, at, json.length);
      this.number(Buffer.from(json.buffer, json.byteOffset + at, end - at).toString('latin1'));
      return end;
    }
    this.out[this.used++] = first === 0x6e ? 0xc0 : first === 0x74 ? 0xc3 : 0xc2;
    return skipLiteral(json, at, json.length);
  }

  /** Where the count of a container goes. */
  private head(byte: number): number {
    this.out[this.used] = byte;
    this.used += 5;
    return this.used - 4;
  }

  private string(buf: Uint8Array, start: number, end: number, isEscaped: boolean): void {
    const size = end - start;
    // The head that the longest text needs: names and short strings stay short.
    const head = size < 32 ? 1 : size < 256 ? 2 : size < 65_536 ? 3 : 5;
    const from = this.used + head;
    let to = from;
    if (isEscaped) to = unescapeInto(this.out, from, buf, start, end);
    else for (let i = start; i < end; i++) this.out[to++] = buf[i] as number;
    const length = to - from;
    if (head === 1) this.out[this.used] = 0xa0 | length;
    else if (head === 2) {
      this.out[this.used] = 0xd9;
      this.out[this.used + 1] = length;
    } else if (head === 3) {
      this.out[this.used] = 0xda;
      this.out.writeUInt16BE(length, this.used + 1);
    } else {
      this.out[this.used] = 0xdb;
      this.out.writeUInt32BE(length, this.used + 1);
    }
    this.used = to;
  }

  private number(digits: string): void {
    const { out } = this;
    const value = Number(digits);
    const isWhole = /^-?\d+$/.test(digits) && digits !== '-0';
    if (isWhole && value >= 0 && value < 128) out[this.used++] = value;
    else if (isWhole && value >= 0 && value <= 0xffffffff) {
      out[this.used] = 0xce;
      this.used = out.writeUInt32BE(value, this.used + 1);
    } else if (isWhole && digits.length <= 20) this.long(BigInt(digits));
    else this.float(value);
  }

  private long(value: bigint): void {
    const { out } = this;
    const isSigned = value < 0n;
    if (value < -(2n ** 63n) || value >= 2n ** 64n) return this.float(Number(value));
    out[this.used] = isSigned ? 0xd3 : 0xcf;
    this.used = isSigned
      ? out.writeBigInt64BE(value, this.used + 1)
      : out.writeBigUInt64BE(value, this.used + 1);
    return undefined;
  }

  private float(value: number): void {
    this.out[this.used] = 0xcb;
    this.used = this.out.writeDoubleBE(value, this.used + 1);
  }
}
