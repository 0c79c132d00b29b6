import { VALUE, type ValueKind } from './fields.ts';
import { keys } from './key.ts';
import type { Pairs, Scratch } from './record.ts';
import type { SpanAttribute, SpanValue } from './span.ts';

/**
 * A span's attributes as pairs of texts, and what the values were before they were texts (see
 * `value_types` in span-columns.ts).
 */

/** How a value that is no string is noted. */
export type ValueType = 'string' | 'int' | 'double' | 'bool' | 'json';

const encoder = new TextEncoder();
const WORDS: Readonly<Record<ValueType, Uint8Array>> = {
  string: encoder.encode('string'),
  int: encoder.encode('int'),
  double: encoder.encode('double'),
  bool: encoder.encode('bool'),
  json: encoder.encode('json'),
};

/** Up to this length characters are copied one by one: a call of the encoder costs more. */
const SHORT = 48;

/** Writes text as UTF-8 behind what the scratch holds; gives where it starts in `scratch.buf`. */
export const writeText = (scratch: Scratch, text: string): number => {
  const { length } = text;
  scratch.reserve(3 * length);
  const { buf, used } = scratch;
  let at = used;
  if (length <= SHORT) {
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        at = -1;
        break;
      }
      buf[at++] = code;
    }
  } else at = -1;
  scratch.used = at >= 0 ? at : used + encoder.encodeInto(text, buf.subarray(used)).written;
  return used;
};

const typeOf = (value: SpanValue): ValueType => {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'boolean':
      return 'bool';
    default:
      return 'json';
  }
};

const textOf = (value: SpanValue): string => {
  if (typeof value === 'string') return value;
  if (typeof value === 'object') return value.json;
  return Object.is(value, -0) ? '-0' : String(value);
};

const KINDS: Readonly<Record<ValueType, ValueKind>> = {
  string: VALUE.string,
  int: VALUE.number,
  double: VALUE.number,
  bool: VALUE.boolean,
  json: VALUE.object,
};

/** What kind of value the field-name table is told of. */
export const kindOfValue = (value: SpanValue): ValueKind => KINDS[typeOf(value)];

/** Up to so many names are compared with each other: that costs less than a set. */
const FEW = 12;

const repeats = (attributes: readonly SpanAttribute[]): boolean => {
  for (let i = 1; i < attributes.length; i++) {
    const { key } = attributes[i] as SpanAttribute;
    for (let j = 0; j < i; j++) if ((attributes[j] as SpanAttribute).key === key) return true;
  }
  return false;
};

/** Names that come more than once, in lists where one does. */
const repeatedNames = (attributes: readonly SpanAttribute[]): ReadonlySet<string> | undefined => {
  const { length } = attributes;
  if (length <= FEW && !repeats(attributes)) return undefined;
  const names = new Set<string>();
  for (const { key } of attributes) names.add(key);
  if (names.size === length) return undefined;
  const repeated = new Set<string>();
  names.clear();
  for (const { key } of attributes) (names.has(key) ? repeated : names).add(key);
  return repeated;
};

/**
 * Puts attributes into `pairs` and the types of those that need one into `types`, under `prefix`
 * (`a:`, `r:` or `s:`). The texts are in the scratch.
 */
export const putAttributes = (
  attributes: readonly SpanAttribute[],
  prefix: 'a:' | 'r:' | 's:',
  pairs: Pairs,
  types: Pairs,
  scratch: Scratch,
): void => {
  if (attributes.length === 0) return;
  const repeated = repeatedNames(attributes);
  for (const { key, value } of attributes) {
    // Prefix and name first: where the scratch must grow, it does not grow between them.
    const at = writeText(scratch, prefix + key);
    const keyBuf = scratch.buf;
    const keyEnd = scratch.used;
    const type = typeOf(value);
    const start = writeText(scratch, textOf(value));
    pairs.put(keys.intern(keyBuf, at + 2, keyEnd), scratch.buf, start, scratch.used);
    if (type === 'string' && repeated?.has(key) !== true) continue;
    const word = WORDS[type];
    types.put(keys.intern(keyBuf, at, keyEnd), word, 0, word.length);
  }
};

/** Pairs as they come back from the engine or a batch. */
export type TextPairs = readonly (readonly [key: string, value: string])[];

/** The types of a row's values: by prefix and name, in the order of the values. */
export const typesOf = (pairs: TextPairs): Map<string, string[]> => {
  const types = new Map<string, string[]>();
  for (const [key, type] of pairs) {
    const held = types.get(key);
    if (held === undefined) types.set(key, [type]);
    else held.push(type);
  }
  return types;
};

/** The attributes that were put into these pairs. Takes what it uses out of `types`. */
export const attributesOf = (
  pairs: TextPairs,
  prefix: 'a:' | 'r:' | 's:',
  types: Map<string, string[]>,
): SpanAttribute[] =>
  pairs.map(([key, text]) => ({ key, value: valueOf(text, types.get(prefix + key)?.shift()) }));

const valueOf = (text: string, type: string | undefined): SpanValue => {
  switch (type) {
    case 'int':
      return BigInt(text);
    case 'double':
      return Number(text);
    case 'bool':
      return text === 'true';
    case 'json':
      return { json: text };
    default:
      return text;
  }
};
