import { expect, test } from 'vitest';
import { must } from '../model/errors.ts';
import { parseLayout } from '../model/layout.ts';
import { jsonLabelsOf } from './layout-labels.ts';

const labelsOf = (text: string): Record<string, string> | undefined => {
  const found = jsonLabelsOf(must(parseLayout(text), text));
  if (found === undefined) return undefined;
  const shown = [...found.labels].map(([name, source]): [string, string] => [
    name,
    source.type === 'literal' ? source.text : source.type,
  ]);
  return Object.fromEntries(shown);
};

test.each<[string, Record<string, string>]>([
  ['{}', {}],
  ['{"level":"<severity_text>","n":1,"on":true}', { level: 'printed', n: '1', on: 'true' }],
  ['{"status":<status:number>,"user":<attributes.user>}', { status: 'printed', user: 'value' }],
  ['{"a":{"b.c":"<body>","d":null},"tags":[1]} ', { a_b_c: 'printed' }],
  ['{"where":"<attributes.file>:<attributes.at>"}', { where: 'mixed' }],
  ['{"a":"<body>","a":"x"}', { a: 'mixed' }],
  // A backslash of the line's own is written twice in a layout.
  ['{"a":"\\\\"","b":"<body:json>"}', { a: '"', b: 'printed' }],
])('| json of %j', (layout, labels) => {
  expect(labelsOf(layout)).toEqual(labels);
});

test.each([
  // No object, an object and more, an open object, names that are values.
  'level=<severity_text> status=<status:number>',
  '<timestamp:time T.9Z> stdout F {"a":"<body>"}',
  '{"a":"<body>"} <attributes.b>',
  '{"a":"<body>"',
  '{"<attributes.key>":"<body>"}',
])('| json of %j is parsed line by line', (layout) => {
  expect(labelsOf(layout)).toBeUndefined();
});
