import { copyOf, viewOf } from './bytes.ts';
import { VALUE, type ValueKind } from './fields.ts';
import {
  isSpace,
  skipLiteral,
  skipNumber,
  skipSpace,
  skipValue,
  stringEnd,
  stringStop,
  unescape,
  unescapeInto,
} from './json-text.ts';
import { FieldList } from './json-fields.ts';
import {
  Edge,
  EMPTY_OBJECT,
  END,
  fits,
  Member,
  NO_BYTES,
  NO_KEY,
  OTHER,
  Place,
  STRING,
  type MemberKind,
} from './json-graph.ts';
import { keys, type Key } from './key.ts';
import { dialectOf } from './layout-json.ts';
import { LIMITS } from './limits.ts';
import type { Scratch } from './record.ts';

/**
 * A scanner over one JSON object (RFC 8259, strict) that makes no strings and no objects per value.
 *
 * Lines of one logger repeat: after the value of `"level"` comes `","trace_id":"` again and again.
 * The scanner keeps a graph of the members seen, and on each edge the exact bytes that stood
 * between two values (the glue: quotes, commas, braces, whitespace, the next name). On the hot path
 * a value's end is followed by one comparison with the glue of the edge taken last, which gives the
 * next member's interned key, its depth and where its value starts. Where no glue fits, the bytes
 * are read one by one and a new edge is made. The graph changes speed only, never the outcome.
 */

/** Told of each value in order. `key` is the full dotted path (`k8s.labels.app`). */
export interface ValueVisitor {
  /**
   * Strings come unescaped without quotes (in `buf` as received, or in the scratch where they held
   * escapes); everything else comes as written. Arrays, empty objects and objects nested deeper
   * than
   * `LIMITS.jsonDepth` come whole.
   */
  value(key: Key, kind: ValueKind, buf: Uint8Array, start: number, end: number): void;
}

class JsonScanner {
  private root = new Place(undefined, NO_BYTES);
  private start = new Member(this.root, NO_KEY, OTHER);
  private readonly finish = new Member(this.root, NO_KEY, END);
  private members = 0;
  private name = new Uint8Array(1_024);

  scan(buf: Uint8Array, start: number, end: number, scratch: Scratch, list: FieldList): boolean {
    list.begin(buf);
    list.start = start;
    const whole = this.walk(buf, start, end, scratch, list);
    if (whole) list.end = end;
    return whole;
  }

  private walk(
    buf: Uint8Array,
    start: number,
    end: number,
    scratch: Scratch,
    list: FieldList,
  ): boolean {
    if (this.members > LIMITS.scannerMembers) this.forget();
    const view = viewOf(buf);
    let member = this.start;
    let at = start;
    for (;;) {
      const edge = predict(view, member, at, end) ?? this.read(buf, member, at, end);
      if (edge === undefined) return false;
      at += edge.length;
      member = edge.target;
      const { kind } = member;
      if (kind === STRING) {
        const stop = stringStop(view, at, end);
        if (stop >= end) return false;
        if (view.getUint8(stop) === 0x22) {
          list.add(edge, VALUE.string, buf, at, stop);
          at = stop;
        } else {
          const quote = stringEnd(buf, stop, end);
          if (quote < 0) return false;
          const from = unescape(scratch, buf, at, quote);
          list.add(edge, VALUE.string, scratch.buf, from, scratch.used);
          list.escaped(dialectOf(buf, at, quote, scratch.buf.subarray(from, scratch.used)));
          at = quote;
        }
      } else if (kind === OTHER) {
        at = readOther(edge, buf, at, end, list);
        if (at < 0) return false;
      } else if (kind === EMPTY_OBJECT) {
        list.add(edge, VALUE.object, buf, at - edge.inside, at);
      } else {
        list.tail = edge;
        return true;
      }
    }
  }

  private forget(): void {
    this.root = new Place(undefined, NO_BYTES);
    this.start = new Member(this.root, NO_KEY, OTHER);
    this.members = 0;
  }

  /** Reads from the end of one value to the start of the next, and remembers the way. */
  private read(buf: Uint8Array, from: Member, start: number, end: number): Edge | undefined {
    let place: Place | undefined = from.place;
    let at = start;
    if (from === this.start) {
      at = skipSpace(buf, at, end);
      if (at >= end || buf[at] !== 0x7b) return undefined;
      at = skipSpace(buf, at + 1, end);
      if (at < end && buf[at] === 0x7d)
        return this.remember(buf, from, start, at + 1, this.finish, 0, end);
    } else {
      if (from.kind === STRING) at++;
      for (;;) {
        at = skipSpace(buf, at, end);
        if (at >= end) return undefined;
        if (buf[at] !== 0x7d) break;
        at++;
        place = place.parent;
        if (place === undefined) return this.remember(buf, from, start, at, this.finish, 0, end);
      }
      if (buf[at] !== 0x2c) return undefined;
      at = skipSpace(buf, at + 1, end);
    }
    return this.readMember(buf, from, start, at, end, place);
  }

  /** Reads names, down through opening braces, until a value starts. */
  private readMember(
    buf: Uint8Array,
    from: Member,
    start: number,
    at: number,
    end: number,
    place: Place,
  ): Edge | undefined {
    for (;;) {
      if (at >= end || buf[at] !== 0x22) return undefined;
      const quote = stringEnd(buf, at + 1, end);
      if (quote < 0) return undefined;
      const key = this.fullKey(place, buf, at + 1, quote);
      at = skipSpace(buf, quote + 1, end);
      if (at >= end || buf[at] !== 0x3a) return undefined;
      at = skipSpace(buf, at + 1, end);
      if (at >= end) return undefined;
      const byte = buf[at] as number;
      if (byte === 0x22)
        return this.remember(buf, from, start, at + 1, this.memberOf(place, key, STRING), 0, end);
      if (byte !== 0x7b || !place.opens || opensData(viewOf(buf), at, end))
        return this.remember(buf, from, start, at, this.memberOf(place, key, OTHER), 0, end);
      const inner = skipSpace(buf, at + 1, end);
      if (inner < end && buf[inner] === 0x7d) {
        const empty = this.memberOf(place, key, EMPTY_OBJECT);
        return this.remember(buf, from, start, inner + 1, empty, inner + 1 - at, end);
      }
      at = inner;
      place = this.childOf(place, key);
    }
  }

  private remember(
    buf: Uint8Array,
    from: Member,
    start: number,
    at: number,
    target: Member,
    inside: number,
    end: number,
  ): Edge | undefined {
    if (target === this.finish) {
      // Blanks behind the object belong to the line too.
      at = skipSpace(buf, at, end);
      if (at !== end) return undefined;
    }
    const isKept = at - start <= LIMITS.scannerGlueBytes;
    const edge = new Edge(target, copyOf(buf, start, at), inside, isKept);
    if (!isKept) return edge;
    const { edges } = from;
    if (edges.length >= LIMITS.scannerFollowers) edges.pop();
    else this.members++;
    edges.unshift(edge);
    return edge;
  }

  private memberOf(place: Place, key: Key, kind: MemberKind): Member {
    const id = key.id * 4 + kind;
    const found = key.id < 0 ? undefined : place.members.get(id);
    if (found !== undefined) return found;
    const member = new Member(place, key, kind);
    this.members++;
    if (key.id >= 0) place.members.set(id, member);
    return member;
  }

  private childOf(place: Place, key: Key): Place {
    const found = key.id < 0 ? undefined : place.children.get(key.id);
    if (found !== undefined) return found;
    const child = new Place(place, key.bytes);
    this.members++;
    if (key.id >= 0) place.children.set(key.id, child);
    return child;
  }

  /** The dotted name of a member; dots inside a name are taken as they are. */
  private fullKey(place: Place, buf: Uint8Array, start: number, end: number): Key {
    const { prefix } = place;
    const room = prefix.length + 1 + end - start;
    if (this.name.length < room) this.name = new Uint8Array(room * 2);
    const { name } = this;
    let at = 0;
    if (place.parent !== undefined) {
      name.set(prefix);
      at = prefix.length;
      name[at++] = 0x2e;
    }
    return keys.intern(name, 0, unescapeInto(name, at, buf, start, end));
  }
}

/** Longest name that is looked at, bytes: identifiers are shorter. */
const DATA_NAME_BYTES = 64;

/**
 * Whether the object at `at` is named by data, as far as its first name tells: a number, or mostly
 * digits (`{"4711":3,"4712":1}`, ids, addresses, days). Such an object is one value: its names
 * would make ever more fields and layouts.
 */
const opensData = (view: DataView, at: number, end: number): boolean => {
  at++;
  while (at < end && isSpace(view.getUint8(at))) at++;
  if (at >= end || view.getUint8(at) !== 0x22) return false;
  const start = at + 1;
  const stop = Math.min(end, start + DATA_NAME_BYTES);
  let digits = 0;
  for (at = start; at < stop; at++) {
    const byte = view.getUint8(at);
    if (byte === 0x22) break;
    if (byte >= 0x30 && byte <= 0x39) digits++;
  }
  const size = at - start;
  return digits > 0 && (digits === size || (digits >= 4 && digits * 2 >= size));
};

/** The edge whose glue follows, if it was seen before. */
const predict = (view: DataView, from: Member, at: number, end: number): Edge | undefined => {
  const { edges } = from;
  for (let i = 0; i < edges.length; i++) {
    const edge = edges[i] as Edge;
    if (!fits(view, at, end, edge)) continue;
    const { target } = edge;
    const next = at + edge.length;
    if (target.kind === OTHER) {
      if (next >= end) continue;
      const byte = view.getUint8(next);
      if (byte === 0x22 || byte <= 0x20) continue;
      if (byte === 0x7b && target.place.opens && !opensData(view, next, end)) continue;
    } else if (target.kind === END && next !== end) continue;
    if (i > 0) {
      edges[i] = edges[0] as Edge;
      edges[0] = edge;
    }
    return edge;
  }
  return undefined;
};

const readOther = (
  edge: Edge,
  buf: Uint8Array,
  at: number,
  end: number,
  list: FieldList,
): number => {
  const byte = buf[at] as number;
  let kind: ValueKind;
  let stop: number;
  if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
    kind = VALUE.number;
    stop = skipNumber(buf, at, end);
  } else if (byte === 0x5b || byte === 0x7b) {
    kind = byte === 0x5b ? VALUE.array : VALUE.object;
    stop = skipValue(buf, at, end);
  } else {
    kind = byte === 0x6e ? VALUE.null : VALUE.boolean;
    stop = skipLiteral(buf, at, end);
  }
  if (stop >= 0) list.add(edge, kind, buf, at, stop);
  return stop;
};

const scanner = new JsonScanner();

/**
 * Lists the values of the JSON object in `buf` from `start` to `end` (spaces around it allowed)
 * under their full dotted names. Names that hold dots are taken as they are, so `{"a.b":1}` and
 * `{"a":{"b":1}}` are listed alike; repeated names are listed each time.
 *
 * @returns the scratch's list, good until the scratch is used for the next object or the record is
 * reset; undefined where the bytes are not one JSON object.
 */
export const listFields = (
  buf: Uint8Array,
  start: number,
  end: number,
  scratch: Scratch,
): FieldList | undefined => {
  const list = scratch.fields;
  return scanner.scan(buf, start, end, scratch, list) ? list : undefined;
};

/**
 * Tells `visitor` of each value that `listFields` would list, once the object is known to be whole.
 * The visitor may scan further objects with the same scratch.
 *
 * @returns false, with nothing told, where the bytes are not one JSON object.
 */
export const scanObject = (
  buf: Uint8Array,
  start: number,
  end: number,
  scratch: Scratch,
  visitor: ValueVisitor,
): boolean => {
  const list = scratch.fields.busy ? new FieldList() : scratch.fields;
  if (!scanner.scan(buf, start, end, scratch, list)) return false;
  list.busy = true;
  try {
    const { count, gaps, bufs, kinds, starts, ends } = list;
    for (let i = 0; i < count; i++)
      visitor.value(
        (gaps[i] as Edge).key,
        kinds[i] as ValueKind,
        bufs[i] as Uint8Array,
        starts[i] as number,
        ends[i] as number,
      );
  } finally {
    list.busy = false;
  }
  return true;
};
