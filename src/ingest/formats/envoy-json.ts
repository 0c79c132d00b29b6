import { parse, YAMLParseError } from 'yaml';
import { VALUE, type ValueKind } from '../../model/fields.ts';
import type { Gap } from '../../model/gap.ts';
import type { FieldList } from '../../model/json-fields.ts';
import { listFields } from '../../model/json-scanner.ts';
import { keys, type Key } from '../../model/key.ts';
import { escapedPlace, PLACE } from '../../model/placement.ts';
import { Scratch, type LogRecord } from '../../model/record.ts';
import type { Compiled } from './compiled.ts';
import { concludeOf, envoyPieces, type EnvoyKind } from './envoy-format.ts';
import { formatFault } from './fault.ts';
import { hasColumn, type Field } from './field.ts';
import { putPlain } from './put-value.ts';

/** A value of the dictionary: its dotted name, and the field where it is of operators. */
export interface Leaf {
  readonly path: readonly string[];
  readonly key: Key;
  readonly field: Field | undefined;
  /** What stands there where it is of no operator. */
  readonly constant: unknown;
}

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The leaves of a dictionary, nested names joined by dots as in every JSON line. */
const leavesOf = (definition: string, node: Node, path: readonly string[]): Leaf[] =>
  Object.entries(node).flatMap(([name, value]): Leaf[] => {
    const at = [...path, name];
    if (isNode(value)) return leavesOf(definition, value, at);
    return [leafOf(definition, at, value)];
  });

const leafOf = (definition: string, path: readonly string[], value: unknown): Leaf => {
  const dotted = path.join('.');
  const constant = { path, key: keys.of(dotted), field: undefined, constant: value };
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (!text.includes('%')) return constant;
  const at = Math.max(0, definition.indexOf(text));
  // The faults of a value are told where it stands in the whole.
  const pieces = envoyPieces(definition.slice(0, at).replaceAll('%', ' ') + text);
  const fields = pieces.filter((piece) => typeof piece !== 'string');
  const [first] = fields;
  if (first === undefined) return constant;
  const isSole = typeof value === 'string' && first.operator === value;
  if (!isSole) {
    const field: Field = { name: dotted, operator: text, at, shape: 'any' };
    return { ...constant, field };
  }
  const name = hasColumn(first) ? first.name : dotted;
  return { ...constant, key: keys.of(name), field: { ...first, name } };
};

/** The dictionary of a `json_format`, as JSON or YAML. */
const dictionaryOf = (definition: string): Node => {
  let value: unknown;
  try {
    value = parse(definition);
  } catch (error) {
    const at = error instanceof YAMLParseError ? error.pos[0] : 0;
    const what = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
    throw formatFault(definition, at, what, 'a dictionary is JSON or YAML');
  }
  if (!isNode(value))
    throw formatFault(definition, 0, 'this is no dictionary', 'for example {"s": "%PROTOCOL%"}');
  const inside = value['json_format'] ?? value['jsonFormat'];
  return isNode(inside) ? inside : value;
};

/** By a gap of a line and the name under which its value is put. */
const renamedGaps = new WeakMap<Gap, Gap>();

const renamed = (gap: Gap, key: Key): Gap => {
  if (gap.key === key) return gap;
  let found = renamedGaps.get(gap);
  if (found?.key !== key) {
    found = { ...gap, key, way: undefined };
    renamedGaps.set(gap, found);
  }
  return found;
};

const putLeaf = (record: LogRecord, { field, key }: Leaf, list: FieldList, i: number): number => {
  const kind = list.kinds[i] as ValueKind;
  if (kind === VALUE.null && field !== undefined && hasColumn(field)) return PLACE.null;
  const start = list.starts[i] as number;
  const end = list.ends[i] as number;
  return putPlain(record, field ?? {}, key, list.bufs[i] as Uint8Array, start, end, kind);
};

/** Puts a dictionary's line; false, and nothing put, where a name is not of the definition. */
const putLine = (record: LogRecord, leaves: ReadonlyMap<string, Leaf>): boolean => {
  const { lineBuf, lineStart, lineEnd, scratch } = record;
  const list = listFields(lineBuf, lineStart, lineEnd, scratch);
  if (list === undefined || list.count === 0) return false;
  const { gaps, count } = list;
  for (let i = 0; i < count; i++) if (!leaves.has((gaps[i] as Gap).key.text)) return false;
  const first = record.steps;
  for (let i = 0; i < count; i++) {
    const gap = gaps[i] as Gap;
    const leaf = leaves.get(gap.key.text) as Leaf;
    record.step(renamed(gap, leaf.key), putLeaf(record, leaf, list, i));
  }
  for (let i = 0; i < list.escapes; i++) {
    const at = first + (list.escapedAt[i] as number);
    record.places[at] = escapedPlace(record.places[at] as number, list.dialects[i] as number);
  }
  record.tail = list.tail;
  list.forget();
  return true;
};

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/;

/** The value of a leaf in a printed line. */
const printed = ({ field, constant }: Leaf, text: string | undefined): unknown => {
  if (field === undefined) return constant;
  if (text === undefined) return null;
  const isNumber = field.shape === 'number' && NUMBER.test(text) && String(Number(text)) === text;
  return isNumber ? Number(text) : text;
};

const setIn = (into: Record<string, unknown>, path: readonly string[], value: unknown): void => {
  let at = into;
  for (const step of path.slice(0, -1)) at = (at[step] ??= {}) as Record<string, unknown>;
  at[path.at(-1) as string] = value;
};

/** Envoy's `json_format`: each name of the dictionary is one of the line's, in any order. */
export const envoyJson = (kind: EnvoyKind, definition: string): Compiled => {
  const all = leavesOf(definition, dictionaryOf(definition), []);
  if (all.every(({ field }) => field === undefined))
    throw formatFault(definition, 0, 'there is no value in it', 'name at least one %OPERATOR%');
  return jsonCompiled(kind, all, concludeOf(kind));
};

/** A format of JSON lines whose names are known. */
export const jsonCompiled = (
  kind: string,
  all: readonly Leaf[],
  conclude: (record: LogRecord) => void,
): Compiled => {
  const leaves = new Map(all.map((leaf) => [leaf.path.join('.'), leaf]));
  const valued = all.filter(({ field }) => field !== undefined);
  const scratch = new Scratch();
  const listOf = (line: Uint8Array): FieldList | undefined => {
    scratch.used = 0;
    return listFields(line, 0, line.length, scratch);
  };
  const stranger = (list: FieldList): string | undefined => {
    for (let i = 0; i < list.count; i++) {
      const name = (list.gaps[i] as Gap).key.text;
      if (!leaves.has(name)) return name;
    }
    return undefined;
  };
  return {
    name: kind,
    fields: valued.map(({ field }) => field as Field),
    recognises: () => true,

    normalize(record) {
      if (!putLine(record, leaves)) return false;
      conclude(record);
      record.structured = true;
      return true;
    },

    read(line) {
      const list = listOf(line);
      if (list === undefined || list.count === 0 || stranger(list) !== undefined) return undefined;
      const texts = new Map<string, string>();
      for (let i = 0; i < list.count; i++) {
        if (list.kinds[i] === VALUE.null) continue;
        const bytes = (list.bufs[i] as Uint8Array).subarray(list.starts[i], list.ends[i]);
        texts.set((list.gaps[i] as Gap).key.text, decoder.decode(bytes));
      }
      return valued.map(({ path }) => texts.get(path.join('.')));
    },

    print(values) {
      const line: Record<string, unknown> = {};
      const texts = new Map(valued.map((leaf, i) => [leaf, values[i]]));
      for (const leaf of all) setIn(line, leaf.path, printed(leaf, texts.get(leaf)));
      return encoder.encode(JSON.stringify(line));
    },

    why(line) {
      const list = listOf(line);
      if (list === undefined) return 'column 1: expected a JSON object';
      return list.count === 0
        ? 'the object is empty'
        : `'${stranger(list) ?? ''}' is not of the definition`;
    },
  };
};
