import { RE2JS } from 're2js';
import type { RegexpStage } from '../logql/ast.ts';
import { sanitizeKey } from './label-name.ts';
import type { Run } from './stage.ts';

/** `| regexp "(?P<name>...)"`: named groups of the first match; groups that took no part are ''. */
export const regexp = (stage: RegexpStage): Run => {
  const compiled = RE2JS.compile(stage.regex);
  const groups = Object.entries(compiled.namedGroups())
    .map(([name, index]) => ({ label: sanitizeKey(name), index }))
    .sort((a, b) => a.index - b.index);
  return (entry) => {
    const matcher = compiled.matcher(entry.matchable);
    if (!matcher.find()) return true;
    for (const { label, index } of groups) entry.extract(label, matcher.group(index) ?? '');
    return true;
  };
};
