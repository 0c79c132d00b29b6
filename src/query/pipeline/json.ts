import { LIMITS } from '../../model/limits.ts';
import { must } from '../../model/errors.ts';
import type { JsonStage } from '../logql/ast.ts';
import { parseJsonPath, type JsonStep } from '../logql/json-path.ts';
import type { Entry } from './entry.ts';
import {
  JsonFault,
  jsonElements,
  jsonMembers,
  jsonText,
  jsonValueAt,
  type JsonValue,
} from './json-text.ts';
import { joinKey } from './label-name.ts';
import type { Run } from './stage.ts';

const JSON_ERROR = 'JSONParserErr';

/**
 * `| json`: every string, number and boolean of the object becomes a label, nested names joined
 * with `_`, arrays and nulls left out. `| json a="path"` takes single values, objects and arrays
 * as text.
 */
export const json = (stage: JsonStage): Run => {
  if (stage.expressions.length === 0) return allFields;
  const wanted = stage.expressions.map(({ label, expression }) => {
    const path = parseJsonPath(expression);
    return { label, steps: must('steps' in path ? path.steps : undefined, 'a checked path') };
  });
  return (entry) => {
    const { line } = entry;
    if (line === '') return true;
    if (!/^["{[]/.test(line)) entry.fail(JSON_ERROR, '');
    else for (const { label, steps } of wanted) takePath(entry, line, label, steps);
    return true;
  };
};

const allFields: Run = (entry) => {
  guarded(entry, () => takeMembers(entry, entry.line, 0, '', 0));
  return true;
};

/** Runs and turns a fault into the entry's error; labels found before it stay. */
export const guarded = (entry: Entry, run: () => void): void => {
  try {
    run();
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    entry.fail(JSON_ERROR, error.message);
  }
};

const takeMembers = (
  entry: Entry,
  text: string,
  at: number,
  prefix: string,
  depth: number,
): void => {
  if (depth > LIMITS.queryJsonDepth) {
    throw new JsonFault(`nested deeper than ${LIMITS.queryJsonDepth}`);
  }
  for (const [key, value] of jsonMembers(text, at)) {
    const { kind } = value;
    if (kind === 'object') takeMembers(entry, text, value.start, joinKey(prefix, key), depth + 1);
    else if (kind !== 'array' && kind !== 'null') {
      const name = joinKey(prefix, key);
      if (name !== '') entry.extract(name, jsonText(text, value));
    }
  }
};

const takePath = (entry: Entry, text: string, label: string, steps: readonly JsonStep[]): void => {
  let value: JsonValue | undefined;
  guarded(entry, () => {
    value = follow(text, steps);
  });
  if (value !== undefined) entry.set(entry.freeName(label), jsonText(text, value));
  else if (entry.get(label) === undefined) entry.set(label, '');
};

/** The value at the path, `undefined` where there is none. */
const follow = (text: string, steps: readonly JsonStep[]): JsonValue | undefined => {
  let value: JsonValue | undefined = jsonValueAt(text, 0);
  for (const step of steps) {
    if (value === undefined) return undefined;
    value = typeof step === 'number' ? element(text, value, step) : member(text, value, step);
  }
  return value;
};

const member = (text: string, object: JsonValue, name: string): JsonValue | undefined => {
  if (object.kind !== 'object') return undefined;
  for (const [key, value] of jsonMembers(text, object.start)) if (key === name) return value;
  return undefined;
};

const element = (text: string, array: JsonValue, index: number): JsonValue | undefined => {
  if (array.kind !== 'array') return undefined;
  let i = 0;
  for (const value of jsonElements(text, array.start)) if (i++ === index) return value;
  return undefined;
};
