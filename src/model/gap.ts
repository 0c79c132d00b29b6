import { copyOf } from './bytes.ts';
import { keys, type Key } from './key.ts';
import { LIMITS } from './limits.ts';

/**
 * What stands in a line before a value (or after the last one): the bytes of a layout's literal,
 * and the field's name. Lines of one look have the same gaps, and the same objects.
 */
export interface Gap {
  readonly bytes: Uint8Array;
  readonly key: Key;
  /** False where it is too long to be kept: each such line then has its own. */
  readonly isKept: boolean;
  /** The way that ended here last: see layout-finder.ts. */
  way: object | undefined;
}

const decoder = new TextDecoder('latin1');
const encoder = new TextEncoder();
const known = new Map<string, Gap>();

/**
 * The gap of these bytes and this name. At most `LIMITS.gapsKept` are kept: then all are forgotten,
 * which costs time and nothing else.
 */
export const gapOf = (buf: Uint8Array, start: number, end: number, key: Key): Gap => {
  if (end - start > LIMITS.scannerGlueBytes)
    return { bytes: buf.subarray(start, end), key, isKept: false, way: undefined };
  const id = `${key.id}:${key.id < 0 ? key.text : ''}:${decoder.decode(buf.subarray(start, end))}`;
  let gap = known.get(id);
  if (gap === undefined) {
    if (known.size >= LIMITS.gapsKept) known.clear();
    gap = { bytes: copyOf(buf, start, end), key, isKept: true, way: undefined };
    known.set(id, gap);
  }
  return gap;
};

/** A gap of our own making. */
export const fixedGap = (text: string, name = ''): Gap => ({
  bytes: encoder.encode(text),
  key: keys.of(name),
  isKept: true,
  way: undefined,
});

export const NO_GAP: Gap = fixedGap('');
