import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../../model/limits.ts';
import { KIND, type MsgpackReader } from './forward-msgpack.ts';

/**
 * MessagePack values as JSON text: text and bytes that are UTF-8 as strings, other bytes as base64,
 * floats with a point (as Fluentd and Fluent Bit print them), integers of 64 bits with all their
 * digits, times (type 0) as seconds with nanoseconds, other extensions as
 * `{"type":5,"data":"base64"}`, numbers that are none as strings.
 */
export class JsonText {
  buf = Buffer.allocUnsafeSlow(65_536);
  /** The text written last goes from `start` to `used`. */
  start = 0;
  used = 0;
  /** Whether the text is whole: not too long, and not nested too deep. */
  ok = true;
  /** Whether the bytes written last became base64. */
  isBase64 = false;

  /** Lets go of the texts of the record before, and of unusual room. */
  reset(): void {
    this.start = 0;
    this.used = 0;
    if (this.buf.length > LIMITS.scratchKeptBytes) this.buf = Buffer.allocUnsafeSlow(65_536);
  }

  /** Begins a text behind those that are still in use. */
  begin(): void {
    this.start = this.used;
    this.ok = true;
  }

  /** Writes the value that the reader has read the head of, with all it holds. */
  value(reader: MsgpackReader, depth = 0): void {
    switch (reader.kind) {
      case KIND.nil:
        return this.ascii('null');
      case KIND.boolean:
        return this.ascii(reader.value === 1 ? 'true' : 'false');
      case KIND.integer:
        return this.ascii(String(reader.wide ?? reader.value));
      case KIND.float:
        return this.float(reader.value);
      case KIND.text:
        return this.string(reader.buf, reader.start, reader.stop);
      case KIND.bytes:
        return this.bytes(reader.buf, reader.start, reader.stop);
      case KIND.extension:
        return this.extension(reader);
      case KIND.array:
      case KIND.map:
        return this.container(reader, depth);
    }
  }

  ascii(text: string): void {
    if (!this.room(text.length)) return;
    for (let i = 0; i < text.length; i++) this.buf[this.used++] = text.charCodeAt(i);
  }

  /** A string in quotes; bytes beyond ASCII stay as they are. */
  string(buf: Uint8Array, start: number, stop: number): void {
    const size = stop - start;
    const needed = size < SHORT ? size * 6 : size + escapes(buf, start, stop) * 5;
    if (!this.room(needed + 2)) return;
    const out = this.buf;
    let to = this.used;
    out[to++] = 0x22;
    for (let at = start; at < stop; at++) {
      const byte = buf[at] as number;
      if (byte >= 0x20 && byte !== 0x22 && byte !== 0x5c) out[to++] = byte;
      else to = escape(out, to, byte);
    }
    out[to++] = 0x22;
    this.used = to;
  }

  private float(value: number): void {
    if (!Number.isFinite(value)) this.ascii(`"${String(value)}"`);
    else if (Object.is(value, -0)) this.ascii('-0.0');
    else {
      const text = String(value);
      this.ascii(Number.isInteger(value) && !text.includes('e') ? `${text}.0` : text);
    }
  }

  private bytes(buf: Buffer, start: number, stop: number): void {
    this.isBase64 = !isUtf8(buf.subarray(start, stop));
    if (!this.isBase64) this.string(buf, start, stop);
    else if (this.fits(stop - start)) this.ascii(`"${buf.toString('base64', start, stop)}"`);
  }

  private extension({ buf, start, stop, type }: MsgpackReader): void {
    if (type === 0 && stop - start === 8) {
      const nanos = buf.readUInt32BE(start + 4);
      this.ascii(`${buf.readUInt32BE(start)}.${String(nanos).padStart(9, '0')}`);
    } else if (this.fits(stop - start)) {
      this.ascii(`{"type":${type},"data":"${buf.toString('base64', start, stop)}"}`);
    }
  }

  private container(reader: MsgpackReader, depth: number): void {
    const { kind, count } = reader;
    if (depth >= LIMITS.msgpackDepth) this.ok = false;
    if (!this.ok) return reader.skip();
    this.ascii(kind === KIND.map ? '{' : '[');
    for (let i = 0; i < count; i++) {
      if (i > 0) this.ascii(',');
      if (kind === KIND.map) {
        reader.next();
        this.name(reader);
        this.ascii(':');
      }
      reader.next();
      this.value(reader, depth + 1);
    }
    this.ascii(kind === KIND.map ? '}' : ']');
  }

  /** A map's key as text; a key that is an array or a map makes no JSON. */
  private name(reader: MsgpackReader): void {
    const { kind } = reader;
    if (kind === KIND.text || kind === KIND.bytes) return this.value(reader);
    if (kind === KIND.array || kind === KIND.map || kind === KIND.extension) {
      this.ok = false;
      reader.skip();
    } else if (kind === KIND.float && !Number.isFinite(reader.value)) this.float(reader.value);
    else {
      this.ascii('"');
      this.value(reader);
      this.ascii('"');
    }
    return undefined;
  }

  private fits(bytes: number): boolean {
    return this.room(bytes * 2 + 64);
  }

  /** Makes room for so many bytes; the texts handed out before stay where they are. */
  private room(bytes: number): boolean {
    if (!this.ok) return false;
    if (this.used + bytes <= this.buf.length) return true;
    const size = this.used - this.start;
    if (size + bytes > LIMITS.recordBytes) this.ok = false;
    if (!this.ok) return false;
    const grown = Buffer.allocUnsafeSlow(Math.max(65_536, (size + bytes) * 2));
    grown.set(this.buf.subarray(this.start, this.used));
    this.buf = grown;
    this.start = 0;
    this.used = size;
    return true;
  }
}

/** Strings below this are given room for the worst case; longer ones are looked through first. */
const SHORT = 1_024;

/** Bytes that a JSON string cannot hold as they are. */
const escapes = (buf: Uint8Array, start: number, stop: number): number => {
  let count = 0;
  for (let at = start; at < stop; at++) {
    const byte = buf[at] as number;
    if (byte < 0x20 || byte === 0x22 || byte === 0x5c) count++;
  }
  return count;
};

const LETTERS: Readonly<Record<number, number>> = {
  8: 0x62,
  9: 0x74,
  10: 0x6e,
  12: 0x66,
  13: 0x72,
};
const HEX = '0123456789abcdef';

const escape = (out: Uint8Array, to: number, byte: number): number => {
  out[to++] = 0x5c;
  const letter = byte < 0x20 ? LETTERS[byte] : byte;
  if (letter !== undefined) {
    out[to++] = letter;
    return to;
  }
  for (const char of `u00${byte >> 4}`) out[to++] = char.charCodeAt(0);
  out[to++] = HEX.charCodeAt(byte & 15);
  return to;
};
