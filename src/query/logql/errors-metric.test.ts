import { describe, expect, test } from 'vitest';

import { LogqlError } from './errors.ts';
import { parseLogql } from './parser.ts';

/** Query and the whole message, which is Loki's. */
const syntaxOfMetrics: readonly (readonly [query: string, message: string])[] = [
  ['rate', 'parse error at line 1, col 1: syntax error: unexpected IDENTIFIER'],
  [
    'rate(',
    'parse error at line 1, col 6: syntax error: unexpected $end, expecting NUMBER or { or (',
  ],
  [
    'rate()',
    'parse error at line 1, col 6: syntax error: unexpected ), expecting NUMBER or { or (',
  ],
  ['rate({a="b"})', 'parse error at line 1, col 13: syntax error: unexpected )'],
  ['rate({a="b"} |= "x")', 'parse error at line 1, col 20: syntax error: unexpected )'],
  ['rate({a="b"}[5m]', 'parse error at line 1, col 17: syntax error: unexpected $end, expecting )'],
  [
    'rate({a="b"}[5m] foo)',
    'parse error at line 1, col 18: syntax error: unexpected IDENTIFIER, expecting )',
  ],
  [
    'rate({a="b"}[5m]) by (x',
    'parse error at line 1, col 24: syntax error: unexpected $end, expecting , or )',
  ],
  [
    'rate({a="b"}[5m] offset)',
    'parse error at line 1, col 24: syntax error: unexpected ), expecting DURATION',
  ],
  [
    'rate({a="b"}[5m] offset 5)',
    'parse error at line 1, col 25: syntax error: unexpected NUMBER, expecting DURATION',
  ],
  [
    'rate({a="b"}[5m] [5m])',
    'parse error at line 0, col 18: syntax error: unexpected RANGE, expecting )',
  ],
  [
    'rate({a="b"} | unwrap)',
    'parse error at line 1, col 22: syntax error: unexpected ), expecting IDENTIFIER or BYTES_CONV or DURATION_CONV or DURATION_SECONDS_CONV',
  ],
  [
    'rate({a="b"} | unwrap x)',
    'parse error at line 1, col 24: syntax error: unexpected ), expecting RANGE or |',
  ],
  [
    'rate({a="b"} | unwrap x | json [5m])',
    'parse error at line 1, col 27: syntax error: unexpected json, expecting IDENTIFIER or (',
  ],
  [
    'rate(({a="b"} | unwrap x [5m])',
    'parse error at line 1, col 31: syntax error: unexpected $end, expecting )',
  ],
  [
    'rate(({a="b"} | unwrap x) y',
    'parse error at line 1, col 27: syntax error: unexpected IDENTIFIER, expecting RANGE',
  ],
  [
    'rate({a="b"} | unwrap foo(x) [5m])',
    'parse error at line 1, col 26: syntax error: unexpected (, expecting RANGE or |',
  ],
  [
    'rate({a="b"} | unwrap bytes x [5m])',
    'parse error at line 1, col 29: syntax error: unexpected IDENTIFIER, expecting RANGE or |',
  ],
  ['rate(5 {a="b"}[5m])', 'parse error at line 1, col 8: syntax error: unexpected {, expecting ,'],
  [
    'quantile_over_time(0.5 {a="b"}[5m])',
    'parse error at line 1, col 24: syntax error: unexpected {, expecting ,',
  ],
  [
    'quantile_over_time(-1, {a="b"} | unwrap x[5m])',
    'parse error at line 1, col 20: syntax error: unexpected -, expecting NUMBER or { or (',
  ],
  [
    'quantile_over_time(foo, {a="b"} | unwrap x[5m])',
    'parse error at line 1, col 20: syntax error: unexpected IDENTIFIER, expecting NUMBER or { or (',
  ],
  ['sum', 'parse error at line 1, col 1: syntax error: unexpected IDENTIFIER'],
  ['sum(', 'parse error at line 1, col 5: syntax error: unexpected $end'],
  ['sum()', 'parse error at line 1, col 5: syntax error: unexpected )'],
  ['sum({a="b"})', 'parse error at line 1, col 12: syntax error: unexpected )'],
  ['sum(({a="b"}))', 'parse error at line 1, col 14: syntax error: unexpected )'],
  ['sum(rate({a="b"}[5m])', 'parse error at line 1, col 22: syntax error: unexpected $end'],
  [
    'sum(rate({a="b"}[5m]) foo',
    'parse error at line 1, col 23: syntax error: unexpected IDENTIFIER',
  ],
  [
    'sum by x (rate({a="b"}[5m]))',
    'parse error at line 1, col 1: syntax error: unexpected IDENTIFIER',
  ],
  ['sum by (x', 'parse error at line 1, col 10: syntax error: unexpected $end, expecting , or )'],
  [
    'sum by (x,) (vector(1))',
    'parse error at line 1, col 11: syntax error: unexpected ), expecting IDENTIFIER',
  ],
  [
    'sum by ("x") (vector(1))',
    'parse error at line 1, col 9: syntax error: unexpected STRING, expecting IDENTIFIER or )',
  ],
  ['sum by (x) (vector(1)) by (y)', 'parse error at line 1, col 24: syntax error: unexpected by'],
  [
    'sum(vector(1)) by x',
    'parse error at line 1, col 19: syntax error: unexpected IDENTIFIER, expecting (',
  ],
  ['topk(5 vector(1))', 'parse error at line 1, col 8: syntax error: unexpected VECTOR'],
  ['topk(-5, vector(1))', 'parse error at line 1, col 8: syntax error: unexpected ,'],
  ['topk(5, {a="b"})', 'parse error at line 1, col 16: syntax error: unexpected )'],
  ['foo(vector(1))', 'parse error at line 1, col 1: syntax error: unexpected IDENTIFIER'],
  [
    'count_values("x", vector(1))',
    'parse error at line 1, col 1: syntax error: unexpected IDENTIFIER',
  ],
  ['vector()', 'parse error at line 1, col 8: syntax error: unexpected ), expecting NUMBER'],
  [
    'vector(x)',
    'parse error at line 1, col 8: syntax error: unexpected IDENTIFIER, expecting NUMBER',
  ],
  ['vector(-1)', 'parse error at line 1, col 8: syntax error: unexpected -, expecting NUMBER'],
  ['vector(1', 'parse error at line 1, col 9: syntax error: unexpected $end, expecting )'],
  ['label_replace(vector(1))', 'parse error at line 1, col 24: syntax error: unexpected )'],
  [
    'label_replace(vector(1), "a", "b", "c")',
    'parse error at line 1, col 39: syntax error: unexpected ), expecting ,',
  ],
  [
    'label_replace(vector(1), a, "b", "c", "d")',
    'parse error at line 1, col 26: syntax error: unexpected IDENTIFIER, expecting STRING',
  ],
  [
    'label_replace({a="b"}, "a", "b", "c", "d")',
    'parse error at line 1, col 22: syntax error: unexpected ,',
  ],
  ['vector(1) +', 'parse error at line 1, col 12: syntax error: unexpected $end'],
  ['vector(1) + )', 'parse error at line 1, col 13: syntax error: unexpected )'],
  [
    'vector(1) * on vector(2)',
    'parse error at line 1, col 16: syntax error: unexpected VECTOR, expecting (',
  ],
  [
    'vector(1) * on (x',
    'parse error at line 1, col 18: syntax error: unexpected $end, expecting , or )',
  ],
  [
    'vector(1) * on (rate({a="b"}[5m])) vector(2)',
    'parse error at line 1, col 17: syntax error: unexpected RATE, expecting IDENTIFIER or )',
  ],
  [
    'vector(1) * group_left vector(2)',
    'parse error at line 1, col 13: syntax error: unexpected group_left',
  ],
  [
    'vector(1) * on (x) group_left (5) vector(2)',
    'parse error at line 1, col 32: syntax error: unexpected NUMBER, expecting IDENTIFIER or )',
  ],
  ['bool', 'parse error at line 1, col 1: syntax error: unexpected bool'],
  ['1 +', 'parse error at line 1, col 4: syntax error: unexpected $end'],
  ['* 1', 'parse error at line 1, col 1: syntax error: unexpected *'],
  ['1 1', 'parse error at line 1, col 3: syntax error: unexpected NUMBER'],
  ['- x', 'parse error at line 1, col 3: syntax error: unexpected IDENTIFIER, expecting NUMBER'],
  ['(1', 'parse error at line 1, col 3: syntax error: unexpected $end'],
  ['1)', 'parse error at line 1, col 2: syntax error: unexpected )'],
  ['()', 'parse error at line 1, col 2: syntax error: unexpected )'],
  ['rate({a="b"}[5m]) @ 5', 'parse error at line 1, col 19: syntax error: unexpected IDENTIFIER'],
  ['vector(1) != "x"', 'parse error at line 1, col 14: syntax error: unexpected STRING'],
  [
    '{a="b"} != {c="d"}',
    'parse error at line 1, col 12: syntax error: unexpected {, expecting STRING or ip',
  ],
];

const literals: readonly (readonly [query: string, message: string])[] = [
  ['{a="b', 'parse error at line 1, col 4: literal not terminated'],
  ['{a=`b', 'parse error at line 1, col 4: literal not terminated'],
  ['{a="b\n"}', 'parse error at line 1, col 4: literal not terminated'],
  [String.raw`{a="\q"}`, 'parse error at line 1, col 4: invalid char escape'],
  [String.raw`{a="\x4"}`, 'parse error at line 1, col 4: invalid char escape'],
  [String.raw`{a="\400"}`, 'parse error at line 1, col 4: invalid syntax'],
  [String.raw`{a="\U00110000"}`, 'parse error at line 1, col 4: invalid syntax'],
  [String.raw`{a="\'"}`, 'parse error at line 1, col 4: invalid char escape'],
  ["{a='bc'}", 'parse error at line 1, col 4: invalid char literal'],
  ["{a='b", 'parse error at line 1, col 4: literal not terminated'],
  ['rate({a="b"}[5m', "parse error at line 0, col 13: missing closing ']' in duration"],
  ['rate({a="b"}[])', 'parse error at line 0, col 13: empty duration string'],
  ['rate({a="b"}[5])', 'parse error at line 0, col 13: not a valid duration string: "5"'],
  ['rate({a="b"}[5 m])', 'parse error at line 0, col 13: unknown unit " m" in duration "5 m"'],
  ['rate({a="b"}[-5m])', 'parse error at line 0, col 13: not a valid duration string: "-5m"'],
  ['rate({a="b"}[1.5h])', 'parse error at line 0, col 13: unknown unit "." in duration "1.5h"'],
  [
    'rate({a="b"}[5minutes])',
    'parse error at line 0, col 13: unknown unit "minutes" in duration "5minutes"',
  ],
  ['rate({a="b"}[5m1h])', 'parse error at line 0, col 13: not a valid duration string: "5m1h"'],
  ['rate({a="b"}[300y])', 'parse error at line 0, col 13: duration out of range'],
  ['{a="b"} /* x', 'parse error at line 1, col 9: comment not terminated'],
  ['{a="b"} | x=1e', 'parse error at line 1, col 13: exponent has no digits'],
  ['{a="b"} | x=0x', 'parse error at line 1, col 13: hexadecimal literal has no digits'],
  ['{a="b"} | x=0o9', "parse error at line 1, col 13: invalid digit '9' in octal literal"],
  ['{a="b"} | x=08', "parse error at line 1, col 13: invalid digit '8' in octal literal"],
  ['{a="b"} | x=1__0', "parse error at line 1, col 13: '_' must separate successive digits"],
  [
    '{a="b"} | x=0x1.8',
    "parse error at line 1, col 13: hexadecimal mantissa requires a 'p' exponent",
  ],
  [
    '{a="b"} | x=1e400',
    'parse error : unable to parse literal as a float: strconv.ParseFloat: parsing "1e400": value out of range',
  ],
  [
    '{a="b"} | x=0x10',
    'parse error : unable to parse literal as a float: strconv.ParseFloat: parsing "0x10": invalid syntax',
  ],
  [
    '1e400',
    'parse error : unable to parse literal as a float: strconv.ParseFloat: parsing "1e400": value out of range',
  ],
  [
    'vector(1e400)',
    'parse error : unable to parse vectorExpr as a float: strconv.ParseFloat: parsing "1e400": value out of range',
  ],
  ['{a="b"} | x=5EB', 'parse error at line 1, col 13: exponent has no digits'],
  ['{a="b"} | x=1.5d', 'parse error at line 1, col 17: syntax error: unexpected $end'],
  [
    '{a="b"} | x=-5MB',
    'parse error at line 0, col 14: syntax error: unexpected BYTES, expecting NUMBER',
  ],
  ['{a="\u0000"}', 'parse error at line 1, col 5: invalid character NUL'],
  ['{a="\ud800"}', 'parse error at line 1, col 5: invalid UTF-8 encoding'],
];

describe.each([
  ['syntax of metrics', syntaxOfMetrics],
  ['literals', literals],
] as const)('%s', (_, rows) => {
  test.each(rows)('%j', (query, message) => {
    const refusal = parseLogql(query);
    expect(refusal).toBeInstanceOf(LogqlError);
    expect((refusal as LogqlError).message).toBe(message);
  });
});
