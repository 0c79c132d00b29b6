import { Bytes } from '../../model/bytes.ts';

const HEX = '0123456789abcdef';
/** What is escaped in short: backspace, tab, line feed, form feed, carriage return. */
const SHORT: Readonly<Record<number, number>> = { 8: 98, 9: 116, 10: 110, 12: 102, 13: 114 };

/** JSON text that is put together from bytes. */
export class JsonText extends Bytes {
  byte(byte: number): void {
    this.reserve(1);
    this.buf[this.length++] = byte;
  }

  /** A few bytes of which there are many buffers: views of them would push out useful ones. */
  few(bytes: Uint8Array): void {
    const { length } = bytes;
    this.reserve(length);
    const { buf } = this;
    for (let i = 0; i < length; i++) buf[this.length + i] = bytes[i] as number;
    this.length += length;
  }

  ascii(text: string): void {
    const { length } = text;
    this.reserve(length);
    for (let i = 0; i < length; i++) this.buf[this.length + i] = text.charCodeAt(i);
    this.length += length;
  }

  /** A number below 10^`width` with zeros in front; of larger ones the last digits. */
  digits(value: number, width: number): void {
    this.reserve(width);
    let rest = value;
    for (let at = this.length + width - 1; at >= this.length; at--) {
      this.buf[at] = 0x30 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    this.length += width;
  }

  /** As ProtoJSON has it: what JSON has no number for is a string. */
  double(value: number): void {
    if (Object.is(value, -0)) this.ascii('-0');
    else this.ascii(Number.isFinite(value) ? String(value) : `"${String(value)}"`);
  }

  /** A string in the shortest escapes; bytes that are no UTF-8 stay what they are. */
  quoted(from: Uint8Array, start: number, end: number): void {
    this.reserve(6 * (end - start) + 2);
    const { buf } = this;
    let at = this.length;
    buf[at++] = 0x22;
    for (let i = start; i < end; i++) {
      const byte = from[i] as number;
      if (byte >= 0x20 && byte !== 0x22 && byte !== 0x5c) {
        buf[at++] = byte;
        continue;
      }
      buf[at++] = 0x5c;
      const short = byte < 0x20 ? SHORT[byte] : byte;
      if (short !== undefined) buf[at++] = short;
      else {
        const escape = `u00${HEX[byte >> 4] ?? ''}${HEX[byte & 15] ?? ''}`;
        for (let j = 0; j < escape.length; j++) buf[at++] = escape.charCodeAt(j);
      }
    }
    buf[at++] = 0x22;
    this.length = at;
  }

  /** Bytes as a string in base64. */
  base64(from: Uint8Array, start: number, end: number): void {
    const bytes = Buffer.from(from.buffer, from.byteOffset + start, end - start);
    this.ascii(`"${bytes.toString('base64')}"`);
  }
}
