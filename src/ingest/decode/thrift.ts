import { LIMITS } from '../../model/limits.ts';
import { quickly, textOf } from './span-text.ts';

/**
 * Apache Thrift's two wire protocols (apache/thrift, doc/specs/thrift-binary-protocol.md and
 * thrift-compact-protocol.md) read in place behind one interface. Hostile input: a malformed byte
 * sets `bad` and moves `pos` to the end of everything, so that all loops end; a count of more
 * elements than there are bytes left, and nesting beyond `LIMITS.thriftDepth`, are malformed.
 */
export const TYPE = {
  stop: 0,
  bool: 2,
  byte: 3,
  double: 4,
  i16: 6,
  i32: 8,
  i64: 10,
  binary: 11,
  struct: 12,
  map: 13,
  set: 14,
  list: 15,
  uuid: 16,
} as const;

export const CALL = 1;
export const ONEWAY = 4;

export interface ThriftReader {
  readonly buf: Uint8Array;
  pos: number;
  bad: boolean;
  /** Of the field that `field` gave last. */
  id: number;
  /** Of the elements of the list or set that `list` gave last. */
  elements: number;
  fail(): void;
  /** A message's name and type (`CALL`, `ONEWAY` ...); its arguments follow as a struct. */
  message(): { readonly name: string; readonly type: number };
  /** Between `begin` and `end` of a struct, `field` gives types until `TYPE.stop`. */
  begin(): void;
  field(): number;
  end(): void;
  /** The number of elements. */
  list(): number;
  bool(): boolean;
  /** Any of byte, i16, i32. */
  int(type: number): number;
  i64(): bigint;
  double(): number;
  /** A view of the bytes. */
  binary(): Uint8Array;
  text(): string;
  /** Steps over a value of the type. */
  skip(type: number): void;
}

const NOTHING = new Uint8Array(0);

/** What both protocols share. */
abstract class Reader {
  readonly buf: Uint8Array;
  pos = 0;
  bad = false;
  id = 0;
  elements = 0;
  protected readonly view: DataView;
  private depth = 0;

  constructor(buf: Uint8Array) {
    this.buf = quickly(buf);
    this.view = new DataView(buf.buffer, buf.byteOffset, buf.byteLength);
  }

  fail(): void {
    this.bad = true;
    this.pos = this.buf.length;
  }

  /** Moves over `size` bytes; gives where they begin, or -1. */
  protected take(size: number): number {
    const at = this.pos;
    if (this.bad || size < 0 || at + size > this.buf.length) {
      this.fail();
      return -1;
    }
    this.pos = at + size;
    return at;
  }

  protected u8(): number {
    const at = this.take(1);
    return at < 0 ? 0 : this.view.getUint8(at);
  }

  protected range(size: number): Uint8Array {
    const at = this.take(size);
    return at < 0 ? NOTHING : this.buf.subarray(at, at + size);
  }

  /** The size in front of bytes or text. */
  protected abstract length(): number;
  abstract begin(): void;
  abstract field(): number;
  abstract end(): void;
  abstract list(): number;
  abstract bool(): boolean;
  abstract int(type: number): number;
  abstract i64(): bigint;
  abstract double(): number;
  /** Key and value types of a map, and how many pairs. */
  protected abstract map(): { key: number; value: number; count: number };

  binary(): Uint8Array {
    return this.range(this.length());
  }

  text(): string {
    const size = this.length();
    const at = this.take(size);
    return at < 0 ? '' : textOf(this.buf, at, at + size);
  }

  /** Elements take a byte at least: more of them than bytes are a lie. */
  protected counted(count: number): number {
    if (count >= 0 && count <= this.buf.length - this.pos && !this.bad) return count;
    this.fail();
    return 0;
  }

  skip(type: number): void {
    switch (type) {
      case TYPE.bool:
        this.bool();
        return;
      case TYPE.byte:
      case TYPE.i16:
      case TYPE.i32:
        this.int(type);
        return;
      case TYPE.i64:
        this.i64();
        return;
      case TYPE.double:
        this.double();
        return;
      case TYPE.binary:
        this.binary();
        return;
      case TYPE.uuid:
        this.take(16);
        return;
      default:
        this.skipContainer(type);
    }
  }

  private skipContainer(type: number): void {
    if (this.depth >= LIMITS.thriftDepth) {
      this.fail();
      return;
    }
    this.depth++;
    if (type === TYPE.struct) {
      this.begin();
      for (let at = this.field(); at !== TYPE.stop; at = this.field()) this.skip(at);
      this.end();
    } else if (type === TYPE.list || type === TYPE.set) {
      const count = this.list();
      const { elements } = this;
      for (let i = 0; i < count && !this.bad; i++) this.skip(elements);
    } else if (type === TYPE.map) {
      const { key, value, count } = this.map();
      for (let i = 0; i < count && !this.bad; i++) {
        this.skip(key);
        this.skip(value);
      }
    } else this.fail();
    this.depth--;
  }
}

/** TBinaryProtocol: big-endian, fixed sizes. */
class BinaryReader extends Reader implements ThriftReader {
  message(): { name: string; type: number } {
    const head = this.int(TYPE.i32);
    // Strict messages start with a version, those of old writers with the length of the name.
    if (head >= 0) {
      const at = this.take(head);
      const name = at < 0 ? '' : textOf(this.buf, at, at + head);
      const type = this.u8();
      this.int(TYPE.i32);
      return { name, type };
    }
    if ((head & 0xffff0000) !== (0x80010000 | 0)) this.fail();
    const name = this.text();
    this.int(TYPE.i32);
    return { name, type: head & 0xff };
  }

  begin(): void {
    // Nothing stands before the fields.
  }

  end(): void {
    // Nor behind the stop.
  }

  field(): number {
    const type = this.u8();
    if (type !== TYPE.stop) this.id = this.int(TYPE.i16);
    return this.bad ? TYPE.stop : type;
  }

  list(): number {
    this.elements = this.u8();
    return this.counted(this.int(TYPE.i32));
  }

  protected map(): { key: number; value: number; count: number } {
    const key = this.u8();
    const value = this.u8();
    return { key, value, count: this.counted(this.int(TYPE.i32)) };
  }

  bool(): boolean {
    return this.u8() !== 0;
  }

  int(type: number): number {
    const at = this.take(type === TYPE.byte ? 1 : type === TYPE.i16 ? 2 : 4);
    if (at < 0) return 0;
    if (type === TYPE.byte) return this.view.getInt8(at);
    return type === TYPE.i16 ? this.view.getInt16(at) : this.view.getInt32(at);
  }

  i64(): bigint {
    const at = this.take(8);
    return at < 0 ? 0n : this.view.getBigInt64(at);
  }

  double(): number {
    const at = this.take(8);
    return at < 0 ? 0 : this.view.getFloat64(at);
  }

  protected length(): number {
    return this.int(TYPE.i32);
  }
}

/** The compact protocol's types in the binary one's numbers; 1 and 2 are true and false. */
const COMPACT_TYPES = [
  TYPE.stop,
  TYPE.bool,
  TYPE.bool,
  TYPE.byte,
  TYPE.i16,
  TYPE.i32,
  TYPE.i64,
  TYPE.double,
  TYPE.binary,
  TYPE.list,
  TYPE.set,
  TYPE.map,
  TYPE.struct,
  TYPE.uuid,
];

/** TCompactProtocol: variable sizes, field numbers as differences, booleans within the field. */
class CompactReader extends Reader implements ThriftReader {
  /** Field numbers of the structs around this one. */
  private readonly outer: number[] = [];
  /** A boolean that its field's header held. */
  private held: boolean | undefined;

  message(): { name: string; type: number } {
    const mark = this.u8();
    const head = this.u8();
    if (mark !== 0x82 || (head & 0x1f) !== 1) this.fail();
    this.varint();
    return { name: this.text(), type: head >>> 5 };
  }

  begin(): void {
    if (this.outer.length > LIMITS.thriftDepth) this.fail();
    else this.outer.push(this.id);
    this.id = 0;
  }

  end(): void {
    this.id = this.outer.pop() ?? 0;
  }

  field(): number {
    const head = this.u8();
    this.held = undefined;
    if (head === 0) return TYPE.stop;
    const type = this.typeOf(head & 0x0f);
    const step = head >>> 4;
    this.id = step === 0 ? this.int(TYPE.i16) : this.id + step;
    if (type === TYPE.bool) this.held = (head & 0x0f) === 1;
    return this.bad ? TYPE.stop : type;
  }

  private typeOf(compact: number): number {
    const type = COMPACT_TYPES[compact];
    if (type === undefined || type === TYPE.stop) this.fail();
    return type ?? TYPE.stop;
  }

  list(): number {
    const head = this.u8();
    this.elements = this.typeOf(head & 0x0f);
    const size = head >>> 4;
    return this.counted(size === 15 ? this.length() : size);
  }

  protected map(): { key: number; value: number; count: number } {
    const count = this.counted(this.length());
    if (count === 0) return { key: 0, value: 0, count };
    const types = this.u8();
    return { key: this.typeOf(types >>> 4), value: this.typeOf(types & 0x0f), count };
  }

  bool(): boolean {
    const { held } = this;
    this.held = undefined;
    return held ?? this.u8() === 1;
  }

  int(type: number): number {
    if (type === TYPE.byte) return (this.u8() << 24) >> 24;
    const value = this.i64();
    const bits = type === TYPE.i16 ? 16 : 32;
    if (BigInt.asIntN(bits, value) !== value) this.fail();
    return Number(BigInt.asIntN(bits, value));
  }

  i64(): bigint {
    const zigzag = this.varint();
    return (zigzag >> 1n) ^ -(zigzag & 1n);
  }

  double(): number {
    const at = this.take(8);
    return at < 0 ? 0 : this.view.getFloat64(at, true);
  }

  /** 32 bits, of which more than there are bytes is refused by who asks. */
  protected length(): number {
    const size = this.varint();
    return size > 0x7fffffffn ? -1 : Number(size);
  }

  /** Up to 64 bits, seven a byte, least first. */
  private varint(): bigint {
    let low = 0;
    for (let i = 0; i < 4; i++) {
      const byte = this.u8();
      low |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    this.fail();
    return 0n;
  }
}

export const readBinary = (bytes: Uint8Array): ThriftReader => new BinaryReader(bytes);
export const readCompact = (bytes: Uint8Array): ThriftReader => new CompactReader(bytes);
