import type { DropStage, KeepStage, LabelTarget } from '../logql/ast.ts';
import { ERROR_DETAILS_LABEL, ERROR_LABEL } from './entry.ts';
import { textTest } from './label-filter.ts';
import type { Run } from './stage.ts';

interface Target {
  readonly name: string;
  readonly test: ((value: string) => boolean) | undefined;
}

const target = (label: LabelTarget): Target => ({
  name: label.name,
  test: label.type === 'matcher' ? textTest(label) : undefined,
});

/** `| drop a, b="x"`: takes labels away, with a matcher only where their value matches. */
export const drop = (stage: DropStage): Run => {
  const targets = stage.labels.map(target);
  return (entry) => {
    for (const { name, test } of targets) {
      if (test === undefined || test(entry.value(name))) entry.drop(name);
    }
    return true;
  };
};

/** `| keep a, b="x"`: takes all other labels away; errors stay. */
export const keep = (stage: KeepStage): Run => {
  const targets = stage.labels.map(target);
  return (entry) => {
    for (const [name, value] of entry.all()) {
      if (name === ERROR_LABEL || name === ERROR_DETAILS_LABEL) continue;
      const kept = targets.some((one) => one.name === name && (one.test?.(value) ?? true));
      if (!kept) entry.remove(name);
    }
    return true;
  };
};
