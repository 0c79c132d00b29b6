import { describe, expect, test } from 'vitest';

import { LogqlError } from './errors.ts';
import { parseLogql } from './parser.ts';
import { printLogql } from './printer.ts';

/** Query and its canonical text, whose parentheses show what binds to what. */
const selectors: readonly (readonly [query: string, canonical: string])[] = [
  ['{app="a"}', '{app="a"}'],
  ['{app="a", env!="b"}', '{app="a", env!="b"}'],
  ['{app=`a`}', '{app="a"}'],
  ['{app=~"a.+", env!~"x|y"}', '{app=~"a.+", env!~"x|y"}'],
  ['{ app = "a" , env = "" }', '{app="a", env=""}'],
  [String.raw`{app="\"q\"\\\n\t"}`, String.raw`{app="\"q\"\\\n\t"}`],
  [String.raw`{app="\u00e9\x41\101"}`, '{app="éAA"}'],
  ['{app="é"}', '{app="é"}'],
  ['{app=`a"b`}', String.raw`{app="a\"b"}`],
  ['{_x9="1"}', '{_x9="1"}'],
  ['{app="a",app=~"b.+"}', '{app="a", app=~"b.+"}'],
  ['({app="a"})', '{app="a"}'],
  ['((({app="a"} |= "x")))', '{app="a"} |= "x"'],
  ['{job="a"} # comment', '{job="a"}'],
  ['# first\n{app="a"}\n# last', '{app="a"}'],
  ['{app="a"} // c\n/* d */ |= "x"', '{app="a"} |= "x"'],
  ['{app="#"}', '{app="#"}'],
  ['{app=~".+"}', '{app=~".+"}'],
  ['{by_="x"}', '{by_="x"}'],
  ['{rate="x", sum="y", ip="z"}', '{rate="x", sum="y", ip="z"}'],
  ['\ufeff{app="a"}', '{app="a"}'],
  ['{été="1"}', '{été="1"}'],
];

const lineFilters: readonly (readonly [query: string, canonical: string])[] = [
  ['{a="b"} |= "x"', '{a="b"} |= "x"'],
  ['{a="b"}|="x"!="y"|~"z"!~"w"', '{a="b"} |= "x" != "y" |~ "z" !~ "w"'],
  ['{a="b"} |> "<_> x" !> "<_>y<_>"', '{a="b"} |> "<_> x" !> "<_>y<_>"'],
  ['{a="b"} |= "x" or "y" or "z"', '{a="b"} |= "x" or "y" or "z"'],
  ['{a="b"} != "x" or "y"', '{a="b"} != "x" != "y"'],
  ['{a="b"} !~ "x" or "y" or "z"', '{a="b"} !~ "x" !~ "y" !~ "z"'],
  ['{a="b"} |= ip("10.0.0.1")', '{a="b"} |= ip("10.0.0.1")'],
  ['{a="b"} != ip("10.0.0.0/8") |= "x"', '{a="b"} != ip("10.0.0.0/8") |= "x"'],
  ['{a="b"} |= "x" or ip("::1") or "y"', '{a="b"} |= "x" or ip("::1") or "y"'],
  ['{a="b"} |= ""', '{a="b"} |= ""'],
  ['{a="b"} |~ `\\d+`', String.raw`{a="b"} |~ "\\d+"`],
  ['{a="b"} |= ip("1.1.1.1-1.1.1.9")', '{a="b"} |= ip("1.1.1.1-1.1.1.9")'],
  ['{a="b"} |> ""', '{a="b"} |> ""'],
  ['{a="b"} |= "x" |= "y" or "z" != "w"', '{a="b"} |= "x" |= "y" or "z" != "w"'],
];

const parsers: readonly (readonly [query: string, canonical: string])[] = [
  ['{a="b"} | json', '{a="b"} | json'],
  ['{a="b"} | JSON', '{a="b"} | json'],
  ['{a="b"} | json x', '{a="b"} | json x="x"'],
  [
    String.raw`{a="b"} | json x="a.b[0][\"c d\"]", y`,
    String.raw`{a="b"} | json x="a.b[0][\"c d\"]",y="y"`,
  ],
  ['{a="b"} | logfmt', '{a="b"} | logfmt'],
  ['{a="b"} | logfmt --strict', '{a="b"} | logfmt --strict'],
  [
    '{a="b"} | logfmt --keep-empty --strict x, y="z"',
    '{a="b"} | logfmt --strict --keep-empty x="x",y="z"',
  ],
  [String.raw`{a="b"} | logfmt x="\"a.b\""`, String.raw`{a="b"} | logfmt x="\"a.b\""`],
  ['{a="b"} | pattern "<ip> - <_> [<ts>]"', '{a="b"} | pattern "<ip> - <_> [<ts>]"'],
  [
    String.raw`{a="b"} | regexp "(?P<x>\\d+) (?P<y>.*)"`,
    String.raw`{a="b"} | regexp "(?P<x>\\d+) (?P<y>.*)"`,
  ],
  ['{a="b"} | regexp `(?<x>a)`', '{a="b"} | regexp "(?<x>a)"'],
  ['{a="b"} | unpack', '{a="b"} | unpack'],
  ['{a="b"} | decolorize', '{a="b"} | decolorize'],
  ['{a="b"} | json | logfmt | unpack |= "x"', '{a="b"} | json | logfmt | unpack |= "x"'],
  ['{a="b"} | record', '{a="b"} | record'],
  ['{a="b"} | Record() | status >= 500', '{a="b"} | record | status>=500'],
  ['{a="b"} | record() != "x"', '{a="b"} | record() != "x"'],
  ['{a="b"} | record |= "x"', '{a="b"} | record |= "x"'],
  ['{a="b"} | record != "x"', '{a="b"} | record!="x"'],
  ['{a="b"} | record="x"', '{a="b"} | record="x"'],
  ['{a="b"} | distinct x', '{a="b"} | distinct x'],
  ['{a="b"} | distinct x, y != "z"', '{a="b"} | distinct x,y != "z"'],
  ['{a="b"} | distinct="x"', '{a="b"} | distinct="x"'],
];

const labelFilters: readonly (readonly [query: string, canonical: string])[] = [
  ['{a="b"} | x="y"', '{a="b"} | x="y"'],
  ['{a="b"} | x=~"y.*" | z!~"w"', '{a="b"} | x=~"y.*" | z!~"w"'],
  ['{a="b"} | x=5', '{a="b"} | x==5'],
  ['{a="b"} | x==5', '{a="b"} | x==5'],
  ['{a="b"} | x!=5.50', '{a="b"} | x!=5.5'],
  ['{a="b"} | x>-1', '{a="b"} | x>-1'],
  ['{a="b"} | x<=+1e3', '{a="b"} | x<=1000'],
  ['{a="b"} | x>=.5', '{a="b"} | x>=0.5'],
  ['{a="b"} | x<1e-7', '{a="b"} | x<0.0000001'],
  ['{a="b"} | d>1h30m', '{a="b"} | d>1h30m0s'],
  ['{a="b"} | d==250ms', '{a="b"} | d==250ms'],
  ['{a="b"} | d>1.5s', '{a="b"} | d>1.5s'],
  ['{a="b"} | d<=1d12h', '{a="b"} | d<=36h0m0s'],
  ['{a="b"} | d!=-5m', '{a="b"} | d!=-5m0s'],
  ['{a="b"} | d=10µs', '{a="b"} | d==10µs'],
  ['{a="b"} | d<5us', '{a="b"} | d<5µs'],
  ['{a="b"} | d>=1w', '{a="b"} | d>=168h0m0s'],
  ['{a="b"} | s>20MB', '{a="b"} | s>20MB'],
  ['{a="b"} | s<=1.5GiB', '{a="b"} | s<=1536MiB'],
  ['{a="b"} | s==5B', '{a="b"} | s==5B'],
  ['{a="b"} | s>5k', '{a="b"} | s>5.0kB'],
  ['{a="b"} | s!=200MiB', '{a="b"} | s!=200MiB'],
  ['{a="b"} | s=1.5kB', '{a="b"} | s==1.5kB'],
  ['{a="b"} | s<0B', '{a="b"} | s<0B'],
  ['{a="b"} | x=ip("10.0.0.0/8")', '{a="b"} | x=ip("10.0.0.0/8")'],
  ['{a="b"} | x!=ip("::1-::ff")', '{a="b"} | x!=ip("::1-::ff")'],
  ['{a="b"} | x=1 and y=2', '{a="b"} | ( x==1 , y==2 )'],
  ['{a="b"} | x=1 or y=2 and z=3', '{a="b"} | ( x==1 or ( y==2 , z==3 ) )'],
  ['{a="b"} | x=1 and y=2 or z=3', '{a="b"} | ( ( x==1 , y==2 ) or z==3 )'],
  ['{a="b"} | (x=1 or y=2) and z=3', '{a="b"} | ( ( x==1 or y==2 ) , z==3 )'],
  ['{a="b"} | x=1, y=2, z=3', '{a="b"} | ( x==1 , ( y==2 , z==3 ) )'],
  ['{a="b"} | x=1, y=2 or z=3', '{a="b"} | ( x==1 , ( y==2 or z==3 ) )'],
  ['{a="b"} | x=1 or y=2, z=3', '{a="b"} | ( x==1 or ( y==2 , z==3 ) )'],
  ['{a="b"} | x=1 y="2"', '{a="b"} | ( x==1 , y="2" )'],
  ['{a="b"} | x=1 (y="2" or z=3)', '{a="b"} | ( x==1 , ( y="2" or z==3 ) )'],
  ['{a="b"} | ((x=1))', '{a="b"} | x==1'],
  ['{a="b"} | rate="b" | ip="c" | bytes>5', '{a="b"} | rate="b" | ip="c" | bytes>5'],
  ['{a="b"} | __error__=""', '{a="b"} | __error__=""'],
  ['{a="b"} | x=08.5', '{a="b"} | x==8.5'],
  ['{a="b"} | x=017', '{a="b"} | x==17'],
  ['{a="b"} | x=1_0', '{a="b"} | x==10'],
  ['{a="b"} | x=1 or y=ip("z")', '{a="b"} | ( x==1 or y=ip("z") )'],
  ['{a="b"} | x=0x1p4', '{a="b"} | x==16'],
  ['{a="b"} | x>5 != "y"', '{a="b"} | x>5 != "y"'],
];

const formattingAndLabels: readonly (readonly [query: string, canonical: string])[] = [
  ['{a="b"} | line_format "{{.x}}"', '{a="b"} | line_format "{{.x}}"'],
  ['{a="b"} | line_format `{{ .x }} "q"`', String.raw`{a="b"} | line_format "{{ .x }} \"q\""`],
  ['{a="b"} | label_format x=y', '{a="b"} | label_format x=y'],
  ['{a="b"} | label_format x="{{.y}}", z=w', '{a="b"} | label_format x="{{.y}}",z=w'],
  ['{a="b"} | drop x', '{a="b"} | drop x'],
  ['{a="b"} | drop x, y="z", w=~"v.*"', '{a="b"} | drop x,y="z",w=~"v.*"'],
  ['{a="b"} | keep x, y!="z"', '{a="b"} | keep x,y!="z"'],
  ['{a="b"} | label_format x=y != "z"', '{a="b"} | label_format x=y != "z"'],
  [
    '{a="b"} | json | drop __error__, __error_details__ | line_format "{{.x}}" |= "y"',
    '{a="b"} | json | drop __error__,__error_details__ | line_format "{{.x}}" |= "y"',
  ],
];

describe.each([
  ['selectors', selectors],
  ['line filters', lineFilters],
  ['parsers', parsers],
  ['label filters', labelFilters],
  ['formatting and labels', formattingAndLabels],
] as const)('%s', (_, rows) => {
  test.each(rows)('%s', (query, canonical) => {
    const expr = parseLogql(query);
    expect(expr instanceof LogqlError ? expr.message : printLogql(expr)).toBe(canonical);
  });
});
