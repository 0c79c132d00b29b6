import { expect, test } from 'vitest';
import type { Stage } from './logql/ast.ts';
import { LogqlError } from './logql/errors.ts';
import { parseLogql } from './logql/parser.ts';
import { explainSplit, splitStages } from './split.ts';

test.each([
  ['', 'in the engine: nothing; in process: nothing'],
  ['|= "a" !~ "b"', 'in the engine: line_filter, line_filter; in process: nothing'],
  ['| trace_id="x" |= "a"', 'in the engine: labels, line_filter; in process: nothing'],
  ['| a="x" and b=~"y"', 'in the engine: labels; in process: nothing'],
  ['| a="x" or b="y"', 'in the engine: labels; in process: nothing'],
  // Labels do not change the line.
  ['|= "a" | json |= "b"', 'in the engine: line_filter, line_filter; in process: json'],
  ['| decolorize |= "b"', 'in the engine: nothing; in process: decolorize, line_filter'],
  // Texts that are no plain numbers are decided here.
  ['| a > 5 | b="x"', 'in the engine: labels, labels; in process: label_filter'],
  // What a parser adds only our process knows.
  ['| json | a="x"', 'in the engine: nothing; in process: json, label_filter'],
  // `| record` adds what the tables hold.
  ['| record | trace_id="x"', 'in the engine: labels; in process: record'],
  [
    '| a="x" | record | status >= 500 |= "b"',
    'in the engine: labels, labels, line_filter; in process: record, label_filter',
  ],
  ['| record | body=~"a.*"', 'in the engine: labels; in process: record, label_filter'],
  ['| record | json | a="x"', 'in the engine: nothing; in process: record, json, label_filter'],
  // Which line stays depends on those before it.
  ['| distinct a |= "b"', 'in the engine: nothing; in process: distinct, line_filter'],
  // Names that only LogQL makes.
  ['| app_extracted="x"', 'in the engine: nothing; in process: label_filter'],
  ['| __error__="x"', 'in the engine: nothing; in process: label_filter'],
  ['|> "a <_>"', 'in the engine: nothing; in process: line_filter'],
  ['|= ip("10.0.0.1")', 'in the engine: nothing; in process: line_filter'],
])('%j runs %s', (stages, expected) => {
  expect(explainSplit(splitStages(stagesOf(stages), []))).toBe(expected);
});

test.each([
  ['', true, 'stored'],
  ['| a > 5', false, 'stored'],
  ['| a > 5 | __error__=""', false, 'stored'],
  ['| record | path="/" and status=503', false, 'record'],
  ['| record | path="/"', true, 'record'],
  ['| json', true, undefined],
  ['| json | a="x"', false, undefined],
  ['|= ip("10.0.0.1")', false, undefined],
  ['| decolorize', true, undefined],
])('%j: rows are decided %j, labels %j', (stages, decided, labels) => {
  expect(splitStages(stagesOf(stages), [])).toMatchObject({ decided, labels });
});

const stagesOf = (stages: string): readonly Stage[] => {
  const expr = parseLogql(`{app="x"} ${stages}`);
  if (expr instanceof LogqlError || expr.type !== 'log') throw new Error(`no query: ${stages}`);
  return expr.stages;
};
