import { equalViews } from './bytes.ts';
import type { Gap } from './gap.ts';
import { keys, type Key } from './key.ts';
import { LIMITS } from './limits.ts';

/** What the JSON scanner remembers of the objects it has seen: see json-scanner.ts. */

export const STRING = 0;
export const OTHER = 1;
export const EMPTY_OBJECT = 2;
export const END = 3;
export type MemberKind = typeof STRING | typeof OTHER | typeof EMPTY_OBJECT | typeof END;

/** The object that members are in: how deep, and the dotted name in front of theirs. */
export class Place {
  readonly parent: Place | undefined;
  readonly prefix: Uint8Array;
  readonly depth: number;
  readonly members = new Map<number, Member>();
  readonly children = new Map<number, Place>();

  constructor(parent: Place | undefined, prefix: Uint8Array) {
    this.parent = parent;
    this.prefix = prefix;
    this.depth = parent === undefined ? 1 : parent.depth + 1;
  }

  /** Objects inside this one are flattened, unless they are too deep or their names too long. */
  get opens(): boolean {
    return this.depth < LIMITS.jsonDepth && this.prefix.length <= LIMITS.internedKeyBytes;
  }
}

export class Member {
  readonly place: Place;
  readonly key: Key;
  readonly kind: MemberKind;
  /** Most recently taken first. */
  readonly edges: Edge[] = [];

  constructor(place: Place, key: Key, kind: MemberKind) {
    this.place = place;
    this.key = key;
    this.kind = kind;
  }
}

/** What stood between the end of one value and the start of the next. */
export class Edge implements Gap {
  readonly target: Member;
  readonly length: number;
  readonly glue: DataView;
  /** Bytes at the glue's end that are the value itself: an empty object's braces. */
  readonly inside: number;
  /** The glue before the value, and the value's name. */
  readonly bytes: Uint8Array;
  readonly key: Key;
  readonly isKept: boolean;
  way: object | undefined = undefined;

  constructor(target: Member, glue: Uint8Array, inside: number, isKept: boolean) {
    this.target = target;
    this.length = glue.length;
    this.glue = new DataView(glue.buffer, glue.byteOffset, glue.length);
    this.inside = inside;
    this.bytes = glue.subarray(0, glue.length - inside);
    this.key = target.key;
    this.isKept = isKept;
  }
}

export const NO_KEY = keys.of('');
export const NO_BYTES = new Uint8Array(0);

/** Whether the edge's glue stands at `at`. */
export const fits = (view: DataView, at: number, end: number, edge: Edge): boolean =>
  at + edge.length <= end && equalViews(view, at, edge.glue, 0, edge.length);
