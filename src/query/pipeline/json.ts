import { LIMITS } from '../../model/limits.ts';
import { must } from '../../model/errors.ts';
import type { JsonStage } from '../logql/ast.ts';
import { parseJsonPath, type JsonStep } from '../logql/json-path.ts';
import type { Entry } from './entry.ts';
import { JsonFault, JsonText, type JsonValue } from './json-text.ts';
import { joinKey } from './label-name.ts';
import type { Run } from './stage.ts';

const JSON_ERROR = 'JSONParserErr';

/**
 * `| json`: every string, number and boolean of the object becomes a label, nested names joined
 * with `_`, arrays and nulls left out. `| json a="path"` takes single values, objects and arrays as
 * text.
 */
export const json = (stage: JsonStage): Run => {
  if (stage.expressions.length === 0) return allFields;
  const wanted = stage.expressions.map(({ label, expression }) => {
    const path = parseJsonPath(expression);
    return { label, steps: must('steps' in path ? path.steps : undefined, 'a checked path') };
  });
  return (entry) => {
    if (entry.line === '') return true;
    if (!/^["{[]/.test(entry.line)) {
      entry.fail(JSON_ERROR, '');
      return true;
    }
    const text = new JsonText(entry.line);
    for (const { label, steps } of wanted) takePath(entry, text, label, steps);
    return true;
  };
};

const allFields: Run = (entry) => {
  guarded(entry, () => void takeMembers(entry, new JsonText(entry.line), 0, '', 0));
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
  text: JsonText,
  at: number,
  prefix: string,
  depth: number,
): number => {
  if (depth > LIMITS.queryJsonDepth) {
    throw new JsonFault(`nested deeper than ${LIMITS.queryJsonDepth}`);
  }
  return text.members(at, {
    value: (key, value) => {
      if (value.kind === 'array' || value.kind === 'null') return;
      const name = joinKey(prefix, key);
      if (name !== '') entry.extract(name, text.label(value));
    },
    object: (key, start) => takeMembers(entry, text, start, joinKey(prefix, key), depth + 1),
  });
};

const takePath = (
  entry: Entry,
  text: JsonText,
  label: string,
  steps: readonly JsonStep[],
): void => {
  let value: JsonValue | undefined;
  guarded(entry, () => {
    value = follow(text, steps);
  });
  if (value !== undefined) entry.set(entry.freeName(label), text.label(value));
  else if (entry.get(label) === undefined) entry.set(label, '');
};

/** The value at the path, `undefined` where there is none. */
const follow = (text: JsonText, steps: readonly JsonStep[]): JsonValue | undefined => {
  let value: JsonValue | undefined = text.valueAt(0);
  for (const step of steps) {
    if (value === undefined) return undefined;
    value = into(text, value, step);
  }
  return value;
};

const into = (
  text: JsonText,
  { kind, start }: JsonValue,
  step: JsonStep,
): JsonValue | undefined => {
  if (typeof step === 'number') return kind === 'array' ? text.element(start, step) : undefined;
  return kind === 'object' ? text.member(start, step) : undefined;
};
