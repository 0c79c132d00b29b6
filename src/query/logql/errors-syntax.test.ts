import { describe, expect, test } from 'vitest';

import { LogqlError } from './errors.ts';
import { parseLogql } from './parser.ts';

/** Query and the whole message, which is Loki's. */
const syntax: readonly (readonly [query: string, message: string])[] = [
  ['', 'parse error : syntax error: unexpected $end'],
  [' ', 'parse error at line 1, col 2: syntax error: unexpected $end'],
  ['foo', 'parse error at line 1, col 1: syntax error: unexpected IDENTIFIER'],
  ['{', 'parse error at line 1, col 2: syntax error: unexpected $end, expecting IDENTIFIER or }'],
  ['}', 'parse error at line 1, col 1: syntax error: unexpected }'],
  [
    '{a',
    'parse error at line 1, col 3: syntax error: unexpected $end, expecting = or =~ or !~ or !=',
  ],
  [
    '{a}',
    'parse error at line 1, col 3: syntax error: unexpected }, expecting = or =~ or !~ or !=',
  ],
  ['{a=', 'parse error at line 1, col 4: syntax error: unexpected $end, expecting STRING'],
  ['{a=b}', 'parse error at line 1, col 4: syntax error: unexpected IDENTIFIER, expecting STRING'],
  [
    "{a='b'}",
    'parse error at line 1, col 4: syntax error: unexpected IDENTIFIER, expecting STRING',
  ],
  ['{a="b"', 'parse error at line 1, col 7: syntax error: unexpected $end, expecting } or ,'],
  ['{a="b",', 'parse error at line 1, col 8: syntax error: unexpected $end, expecting IDENTIFIER'],
  ['{a="b",}', 'parse error at line 1, col 8: syntax error: unexpected }, expecting IDENTIFIER'],
  [
    '{a="b" c="d"}',
    'parse error at line 1, col 8: syntax error: unexpected IDENTIFIER, expecting } or ,',
  ],
  [
    '{a.b="c"}',
    'parse error at line 1, col 3: syntax error: unexpected ., expecting = or =~ or !~ or !=',
  ],
  [
    '{"a"="b"}',
    'parse error at line 1, col 2: syntax error: unexpected STRING, expecting IDENTIFIER or }',
  ],
  [
    '{a=="b"}',
    'parse error at line 0, col 3: syntax error: unexpected ==, expecting = or =~ or !~ or !=',
  ],
  [
    '{a>"b"}',
    'parse error at line 1, col 3: syntax error: unexpected >, expecting = or =~ or !~ or !=',
  ],
  ['{a="b"} x', 'parse error at line 1, col 9: syntax error: unexpected IDENTIFIER'],
  ['{a="b"} "x"', 'parse error at line 1, col 9: syntax error: unexpected STRING'],
  ['{a="b"} {c="d"}', 'parse error at line 1, col 9: syntax error: unexpected {'],
  ['{a="b"} |', 'parse error at line 1, col 10: syntax error: unexpected $end'],
  ['{a="b"} | |', 'parse error at line 1, col 11: syntax error: unexpected |'],
  [
    '{a="b"} |=',
    'parse error at line 1, col 11: syntax error: unexpected $end, expecting STRING or ip',
  ],
  [
    '{a="b"} |= x',
    'parse error at line 1, col 12: syntax error: unexpected IDENTIFIER, expecting STRING or ip',
  ],
  [
    '{a="b"} |= 5',
    'parse error at line 1, col 12: syntax error: unexpected NUMBER, expecting STRING or ip',
  ],
  [
    '{a="b"} |= "x" or',
    'parse error at line 1, col 18: syntax error: unexpected $end, expecting STRING or ip',
  ],
  [
    '{a="b"} |= "x" or y',
    'parse error at line 1, col 19: syntax error: unexpected IDENTIFIER, expecting STRING or ip',
  ],
  [
    '{a="b"} |= ip',
    'parse error at line 1, col 12: syntax error: unexpected IDENTIFIER, expecting STRING or ip',
  ],
  [
    '{a="b"} |= ip(',
    'parse error at line 1, col 15: syntax error: unexpected $end, expecting STRING',
  ],
  [
    '{a="b"} |= ip("1.1.1.1"',
    'parse error at line 1, col 24: syntax error: unexpected $end, expecting )',
  ],
  [
    '{a="b"} |= ip(x)',
    'parse error at line 1, col 15: syntax error: unexpected IDENTIFIER, expecting STRING',
  ],
  ['{a="b"} or "x"', 'parse error at line 1, col 12: syntax error: unexpected STRING'],
  [
    '{a="b"} | json x=',
    'parse error at line 1, col 18: syntax error: unexpected $end, expecting STRING',
  ],
  [
    '{a="b"} | json x=y',
    'parse error at line 1, col 18: syntax error: unexpected IDENTIFIER, expecting STRING',
  ],
  [
    '{a="b"} | json x,',
    'parse error at line 1, col 18: syntax error: unexpected $end, expecting IDENTIFIER',
  ],
  ['{a="b"} | json x y', 'parse error at line 1, col 18: syntax error: unexpected IDENTIFIER'],
  [
    '{a="b"} | logfmt --other',
    'parse error at line 1, col 20: syntax error: unexpected IDENTIFIER, expecting NUMBER',
  ],
  [
    '{a="b"} | logfmt x --strict',
    'parse error at line 0, col 20: syntax error: unexpected FUNCTION_FLAG',
  ],
  [
    '{a="b"} | regexp',
    'parse error at line 1, col 17: syntax error: unexpected $end, expecting STRING',
  ],
  [
    '{a="b"} | pattern x',
    'parse error at line 1, col 19: syntax error: unexpected IDENTIFIER, expecting STRING',
  ],
  [
    '{a="b"} | line_format',
    'parse error at line 1, col 22: syntax error: unexpected $end, expecting STRING',
  ],
  [
    '{a="b"} | line_format {{.x}}',
    'parse error at line 1, col 23: syntax error: unexpected {, expecting STRING',
  ],
  [
    '{a="b"} | label_format',
    'parse error at line 1, col 23: syntax error: unexpected $end, expecting IDENTIFIER',
  ],
  [
    '{a="b"} | label_format x',
    'parse error at line 1, col 25: syntax error: unexpected $end, expecting =',
  ],
  [
    '{a="b"} | label_format x=',
    'parse error at line 1, col 26: syntax error: unexpected $end, expecting IDENTIFIER or STRING',
  ],
  [
    '{a="b"} | label_format x=5',
    'parse error at line 1, col 26: syntax error: unexpected NUMBER, expecting IDENTIFIER or STRING',
  ],
  [
    '{a="b"} | label_format x=y,',
    'parse error at line 1, col 28: syntax error: unexpected $end, expecting IDENTIFIER',
  ],
  [
    '{a="b"} | drop',
    'parse error at line 1, col 15: syntax error: unexpected $end, expecting IDENTIFIER',
  ],
  [
    '{a="b"} | drop x,',
    'parse error at line 1, col 18: syntax error: unexpected $end, expecting IDENTIFIER',
  ],
  [
    '{a="b"} | drop x=',
    'parse error at line 1, col 18: syntax error: unexpected $end, expecting STRING',
  ],
  [
    '{a="b"} | keep "x"',
    'parse error at line 1, col 16: syntax error: unexpected STRING, expecting IDENTIFIER',
  ],
  ['{a="b"} | x', 'parse error at line 1, col 12: syntax error: unexpected $end'],
  ['{a="b"} | x=', 'parse error at line 1, col 13: syntax error: unexpected $end'],
  [
    '{a="b"} | x=~5',
    'parse error at line 1, col 14: syntax error: unexpected NUMBER, expecting STRING',
  ],
  ['{a="b"} | x>"5"', 'parse error at line 1, col 13: syntax error: unexpected STRING'],
  ['{a="b"} | x>y', 'parse error at line 1, col 13: syntax error: unexpected IDENTIFIER'],
  [
    '{a="b"} | x=-',
    'parse error at line 1, col 14: syntax error: unexpected $end, expecting NUMBER',
  ],
  [
    '{a="b"} | x=5 and',
    'parse error at line 1, col 18: syntax error: unexpected $end, expecting IDENTIFIER or (',
  ],
  [
    '{a="b"} | x=5 and |',
    'parse error at line 1, col 19: syntax error: unexpected |, expecting IDENTIFIER or (',
  ],
  ['{a="b"} | (x=5', 'parse error at line 1, col 15: syntax error: unexpected $end'],
  ['{a="b"} | (x=5 |', 'parse error at line 1, col 16: syntax error: unexpected |'],
  ['{a="b"} | x=5)', 'parse error at line 1, col 14: syntax error: unexpected )'],
  [
    '{a="b"} | x=ip("1.1.1.1"',
    'parse error at line 1, col 25: syntax error: unexpected $end, expecting )',
  ],
  [
    '{a="b"} | x=~ip("1.1.1.1")',
    'parse error at line 1, col 14: syntax error: unexpected ip, expecting STRING',
  ],
  ['{a="b"} | unwrap x', 'parse error at line 1, col 11: syntax error: unexpected unwrap'],
  ['{a="b"} | bool="x"', 'parse error at line 1, col 11: syntax error: unexpected bool'],
  ['{a="b"} offset 5m', 'parse error at line 1, col 9: syntax error: unexpected offset'],
  ['({a="b"}) |= "x"', 'parse error at line 0, col 11: syntax error: unexpected |='],
  ['({a="b"}', 'parse error at line 1, col 9: syntax error: unexpected $end'],
  ['{a="b"} | record x', 'parse error at line 1, col 18: syntax error: unexpected IDENTIFIER'],
  ['{a="b"} | distinct', 'parse error at line 1, col 19: syntax error: unexpected $end'],
  [
    '{a="b"} | distinct x,',
    'parse error at line 1, col 22: syntax error: unexpected $end, expecting IDENTIFIER',
  ],
  ['@', 'parse error at line 1, col 1: syntax error: unexpected IDENTIFIER'],
  ['{a="b"} @ 5', 'parse error at line 1, col 9: syntax error: unexpected IDENTIFIER'],
];

describe.each([['syntax', syntax]] as const)('%s', (_, rows) => {
  test.each(rows)('%j', (query, message) => {
    const refusal = parseLogql(query);
    expect(refusal).toBeInstanceOf(LogqlError);
    expect((refusal as LogqlError).message).toBe(message);
  });
});
