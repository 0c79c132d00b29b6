import { describe, expect, test } from 'vitest';

import { LogqlError } from './errors.ts';
import { parseLogql } from './parser.ts';

const NOTHING_SELECTED =
  'parse error : queries require at least one regexp or equality matcher that does not have an ' +
  'empty-compatible value. For instance, app=~".*" does not meet this requirement, but app=~".+" ' +
  'will';

/** Query and the whole message, which is Loki's. */
const meaning: readonly (readonly [query: string, message: string])[] = [
  ['{}', NOTHING_SELECTED],
  ['{a=""}', NOTHING_SELECTED],
  ['{a!="b"}', NOTHING_SELECTED],
  ['{a=~".*"}', NOTHING_SELECTED],
  ['{a=~"b|"}', NOTHING_SELECTED],
  ['{a!~"b"}', NOTHING_SELECTED],
  ['{a=~"x?", c!="d"}', NOTHING_SELECTED],
  ['rate({}[5m])', NOTHING_SELECTED],
  ['vector(1) + rate({a=""}[5m])', NOTHING_SELECTED],
  ['sum(rate({a!="b"}[5m]))', NOTHING_SELECTED],
  ['{a=~"("}', 'parse error : error parsing regexp: missing closing ): `(`'],
  ['{a!~"[z-a]"}', 'parse error : error parsing regexp: invalid character class range: `z-a`'],
  [
    '{a="b"} | x=~"*"',
    'parse error : error parsing regexp: missing argument to repetition operator: `*`',
  ],
  [
    '{a="b"} |~ "("',
    'parse error : stage \'|~ "("\' : error parsing regexp: missing closing ): `(`',
  ],
  [
    '{a="b"} |= "x" | json |~ "(" != "y"',
    'parse error : stage \'|= "x" |~ "(" != "y"\' : error parsing regexp: missing closing ): `(`',
  ],
  [
    '{a="b"} !~ "a**"',
    'parse error : stage \'!~ "a**"\' : error parsing regexp: invalid nested repetition operator: `**`',
  ],
  ['{a="b"} | drop x=~"("', 'parse error : error parsing regexp: missing closing ): `(`'],
  [
    '{a="b"} | regexp "("',
    'parse error : invalid regexp parser: error parsing regexp: missing closing ): `(`',
  ],
  [
    '{a="b"} | regexp "x"',
    'parse error : invalid regexp parser: at least one named capture must be supplied',
  ],
  [
    '{a="b"} | regexp "(x)"',
    'parse error : invalid regexp parser: at least one named capture must be supplied',
  ],
  [
    '{a="b"} | regexp "(?P<x>a)(?P<x>b)"',
    "parse error : invalid regexp parser: duplicate extracted label name 'x'",
  ],
  [
    '{a="b"} | pattern ""',
    'parse error : invalid pattern parser: parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL',
  ],
  [
    '{a="b"} | pattern "x"',
    'parse error : invalid pattern parser: at least one capture is required',
  ],
  [
    '{a="b"} | pattern "<_>"',
    'parse error : invalid pattern parser: at least one capture is required',
  ],
  [
    '{a="b"} | pattern "<x><y>"',
    "parse error : invalid pattern parser: found consecutive capture '<x><y>': invalid expression",
  ],
  [
    '{a="b"} | pattern "<x> <x>"',
    'parse error : invalid pattern parser: duplicate capture name (x): invalid expression',
  ],
  [
    '{a="b"} |> "<x>"',
    "parse error : stage '|> \"<x>\"' : named captures are not allowed: found '<x>'",
  ],
  [
    '{a="b"} !> "<_><_>"',
    "parse error : stage '!> \"<_><_>\"' : found consecutive capture '<_><_>': invalid expression",
  ],
  [
    '{a="b"} | json x=""',
    'parse error : stage \'| json x=""\' : cannot parse expression []: syntax error: unexpected $end, expecting LSB or FIELD',
  ],
  [
    '{a="b"} | json x="a."',
    'parse error : stage \'| json x="a."\' : cannot parse expression [a.]: syntax error: unexpected $end, expecting FIELD',
  ],
  [
    '{a="b"} | json x="a[b]"',
    'parse error : stage \'| json x="a[b]"\' : cannot parse expression [a[b]]: syntax error: unexpected FIELD, expecting STRING or INDEX',
  ],
  [
    '{a="b"} | json x="a-b"',
    'parse error : stage \'| json x="a-b"\' : cannot parse expression [a-b]: unexpected char -',
  ],
  [
    '{a="b"} | logfmt x="a.b"',
    'parse error : stage \'| logfmt x="a.b"\' : cannot parse expression [a.b]: unexpected char .',
  ],
  [
    '{a="b"} | logfmt x="a b"',
    'parse error : stage \'| logfmt x="a b"\' : cannot parse expression [a b]: syntax error: unexpected KEY',
  ],
  [
    '{a="b"} | label_format x=y,x=z',
    "parse error : stage '| label_format x=y,x=z' : multiple label name 'x' not allowed in a single format operation",
  ],
  [
    '{a="b"} | label_format __error__=y',
    "parse error : stage '| label_format __error__=y' : __error__ cannot be formatted",
  ],
  ['{a="b"} |= ip("x")', 'parse error : stage \'|= ip("x")\' : ip: invalid pattern: "x"'],
  ['{a="b"} |~ ip("1.1.1.1")', 'parse error : stage \'|~ ip("1.1.1.1")\' : ip: invalid operation'],
  [
    '{a="b"} | x=ip("1.1.1.1/33")',
    'parse error : stage \'| x=ip("1.1.1.1/33")\' : ip: invalid pattern: "1.1.1.1/33"',
  ],
  ['sum_over_time({a="b"}[5m])', 'parse error : invalid aggregation sum_over_time without unwrap'],
  [
    'quantile_over_time(0.5, {a="b"}[5m])',
    'parse error : invalid aggregation quantile_over_time without unwrap',
  ],
  [
    'count_over_time({a="b"} | unwrap x [5m])',
    'parse error : invalid aggregation count_over_time with unwrap',
  ],
  [
    'bytes_rate({a="b"} | unwrap x [5m])',
    'parse error : invalid aggregation bytes_rate with unwrap',
  ],
  [
    'quantile_over_time({a="b"} | unwrap x [5m])',
    'parse error : parameter required for operation quantile_over_time',
  ],
  [
    'sum_over_time(5, {a="b"} | unwrap x [5m])',
    'parse error : parameter 5 not supported for operation sum_over_time',
  ],
  ['rate(0.5, {a="b"}[5m])', 'parse error : parameter 0.5 not supported for operation rate'],
  ['rate({a="b"}[5m]) by (x)', 'parse error : grouping not allowed for rate aggregation'],
  [
    'sum_over_time({a="b"} | unwrap x [5m]) by (x)',
    'parse error : grouping not allowed for sum_over_time aggregation',
  ],
  [
    'absent_over_time({a="b"}[5m]) without (x)',
    'parse error : grouping not allowed for absent_over_time aggregation',
  ],
  [
    'quantile_over_time(1e400, {a="b"} | unwrap x [5m])',
    'parse error : invalid parameter for operation quantile_over_time: strconv.ParseFloat: parsing "1e400": value out of range',
  ],
  ['topk(vector(1))', 'parse error : parameter required for operation topk'],
  ['topk(0, vector(1))', 'parse error : invalid parameter (must be greater than 0) topk(0'],
  ['topk(1.5, vector(1))', 'parse error : invalid parameter topk(1.5,'],
  ['bottomk(1e3, vector(1))', 'parse error : invalid parameter bottomk(1e3,'],
  ['sum(3, vector(1))', 'parse error : unsupported parameter for operation sum(3,'],
  [
    'approx_topk(3, vector(1)) by (x)',
    'parse error : grouping not allowed for approx_topk aggregation',
  ],
  ['approx_topk(vector(1))', 'parse error : parameter required for operation approx_topk'],
  ['sort by (x) (vector(1))', "parse error : sort and sort_desc doesn't allow grouping by "],
  [
    'sort_desc(vector(1)) without (x)',
    "parse error : sort and sort_desc doesn't allow grouping by ",
  ],
  [
    '{a="b"} + 1',
    'parse error : unexpected type for left leg of binary operation (+): *syntax.MatchersExpr',
  ],
  [
    '1 + {a="b"}',
    'parse error : unexpected type for right leg of binary operation (+): *syntax.MatchersExpr',
  ],
  [
    '{a="b"} |= "x" / vector(1)',
    'parse error : unexpected type for left leg of binary operation (/): *syntax.PipelineExpr',
  ],
  [
    'vector(1) and 1',
    'parse error : unexpected literal for right leg of logical/set binary operation (and): 1.000000',
  ],
  [
    '1 or vector(1)',
    'parse error : unexpected literal for left leg of logical/set binary operation (or): 1.000000',
  ],
  [
    '1 unless 2',
    'parse error : unexpected literal for left leg of logical/set binary operation (unless): 1.000000',
  ],
  [
    'label_replace(vector(1), "a", "b", "c", "(")',
    'parse error : invalid regex in label_replace: error parsing regexp: missing closing ): `^(?:()$`',
  ],
];

describe.each([['meaning', meaning]] as const)('%s', (_, rows) => {
  test.each(rows)('%j', (query, message) => {
    const refusal = parseLogql(query);
    expect(refusal).toBeInstanceOf(LogqlError);
    expect((refusal as LogqlError).message).toBe(message);
  });
});
