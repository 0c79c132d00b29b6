import { expect, test } from 'vitest';
import { LogqlError } from './logql/errors.ts';
import { parseLogql } from './logql/parser.ts';
import { explainSplit, splitStages } from './split.ts';

test.each([
  ['', 'in the engine: nothing; in process: nothing'],
  ['|= "a" !~ "b"', 'in the engine: line_filter, line_filter; in process: nothing'],
  ['| trace_id="x" |= "a"', 'in the engine: labels, line_filter; in process: nothing'],
  ['|= "a" | json |= "b"', 'in the engine: line_filter; in process: json, line_filter'],
  ['| a="x" and b=~"y"', 'in the engine: labels; in process: nothing'],
  // Numbers, alternatives, and names that only LogQL makes are decided here.
  ['| a > 5', 'in the engine: nothing; in process: label_filter'],
  ['| a="x" or b="y"', 'in the engine: nothing; in process: label_filter'],
  ['| app_extracted="x"', 'in the engine: nothing; in process: label_filter'],
  ['| __error__=""', 'in the engine: nothing; in process: label_filter'],
  ['|> "a <_>"', 'in the engine: nothing; in process: line_filter'],
  ['|= ip("10.0.0.1")', 'in the engine: nothing; in process: line_filter'],
])('%j runs %s', (stages, expected) => {
  const expr = parseLogql(`{app="x"} ${stages}`);
  if (expr instanceof LogqlError || expr.type !== 'log') throw new Error(`no query: ${stages}`);
  expect(explainSplit(splitStages(expr.stages))).toBe(expected);
});
