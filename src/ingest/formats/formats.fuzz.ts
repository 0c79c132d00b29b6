import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineKeeper } from '../normalize/kept-line.ts';
import { createNormalize } from '../normalize/recognise.ts';
import { compileFormat, type Definition } from './compile.ts';
import type { Compiled, FieldValues } from './compiled.ts';
import type { Field } from './field.ts';
import { KNOWN } from './known-definitions.ts';

/**
 * Laws: a line printed from random values parses back to those values; and every line that a
 * format takes comes back byte for byte from what is kept of it.
 */

const known: Definition[] = [
  ...([KNOWN.envoy, KNOWN.istio, KNOWN.istioOlder, KNOWN.istioJson] as const).map((format) => ({
    kind: 'istio' as const,
    format,
  })),
  ...([KNOWN.kumaHttp, KNOWN.kumaTcp] as const).map((format) => ({
    kind: 'kuma' as const,
    format,
  })),
];
const written: Definition[] = [
  {
    kind: 'envoy',
    format:
      '%REQ(A)% %DURATION% "%REQ(B)%" %PROTOCOL%|%RESP(C)%|%UPSTREAM_HOST% 100%% %TRAILER(D)%',
  },
  {
    kind: 'envoy',
    format:
      '{"a": {"b": "%DURATION%", "c": "%REQ(C)%"}, "d": "%START_TIME%", "x": "%REQ(A)% %REQ(B)%"}',
  },
];
const proxies: Definition[] = [
  { kind: 'nginx', format: KNOWN.nginxCombined },
  { kind: 'nginx', format: KNOWN.ingressNginx },
  {
    kind: 'nginx',
    format: `escape=json {"a":"$uri","b":$status,"c":"$http_x","d":"$upstream_addr"}`,
  },
  { kind: 'nginx', format: 'escape=none $msec|$http_x|$remote_user|$request_time' },
  { kind: 'haproxy', format: KNOWN.haproxyHttp },
  { kind: 'haproxy', format: KNOWN.haproxyTcp },
  { kind: 'haproxy', format: '%{+Q}o %[ssl_fc_protocol] %HM %{-Q}ST %ID %Ta' },
  { kind: 'apache', format: KNOWN.apacheCombined },
  { kind: 'apache', format: '%v:%p %a %>s %D %{X}o "%{Y}i" <%U%q>' },
];
const others: Definition[] = [
  { kind: 'traefik', format: 'StartUTC,Duration,RequestMethod,DownstreamStatus,request_X-A' },
  { kind: 'dissect', format: '%{ts} [%{level}] %{thread} - %{msg}' },
  { kind: 'dissect', format: '<%{a}>|%{b}|%{c},%{d}' },
  { kind: 'csv', format: 'time,level,msg,x' },
  { kind: 'csv', format: 'separator=\\t a\tb' },
];
/** Definitions that do not say what stands between values, and lines of them. */
const READING: readonly (readonly [Definition, string])[] = [
  [
    { kind: 'grok', format: '%{TIMESTAMP_ISO8601:ts} %{LOGLEVEL:level} %{GREEDYDATA:msg}' },
    '2025-11-20T10:00:00.123Z WARN it: x',
  ],
  [
    { kind: 'grok', format: '%{COMBINEDAPACHELOG}' },
    '10.0.0.1 - me [20/Nov/2025:10:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl/8"',
  ],
  [
    { kind: 'regex', format: '(?P<a>\\w+)=(?P<b>(?P<c>.)[^ ]*)(?: (?P<level>\\w+))?' },
    'x a=bc info.',
  ],
  [{ kind: 'csv', format: 'time,level,msg,x' }, '2025-11-20T10:00:00Z,warn,"a, ""b""",'],
  [{ kind: 'kv', format: 'pair=", " value=":"' }, 'a:1, msg:"x, y", level:info, a:'],
];
const DEFINITIONS = [...known, ...written, ...proxies, ...others];

const word = fc.oneof(
  fc.constantFrom('GET', '/a/b?c=d', 'HTTP/1.1', '10.0.0.1:80', 'via_upstream', 'é', 'x:y|z'),
  fc
    .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 8 })
    .map((s) => s.replaceAll(/\s/g, '_')),
);
const text = fc.oneof(
  word,
  fc.constantFrom('Mozilla/5.0 (X11; Linux)', 'a "quoted" word', '{"a":1}', 'x, y : z', '\\', '😀'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
);
const SHAPES: Readonly<Record<Field['shape'], fc.Arbitrary<string>>> = {
  number: fc.oneof(fc.nat().map(String), fc.constantFrom('0', '0.125', '-1', '+3', '007', '1.50')),
  word,
  list: fc
    .array(
      word.map((s) => s.replaceAll(/[,:]/g, '.')),
      { minLength: 1, maxLength: 3 },
    )
    .map((words) => words.join(', ')),
  any: text,
  request: fc.tuple(word, text).map(([a, b]) => `GET ${a}${b} HTTP/1.1`),
};
const times = fc
  .date({ min: new Date(0), max: new Date('2200-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());

/** Values for the fields of a format; undefined now and then, where a field is absent. */
const valuesOf = (fields: readonly Field[]): fc.Arbitrary<FieldValues> =>
  fc.tuple(
    ...fields.map((field) => {
      const value = /time/.test(field.name) && field.shape === 'word' ? times : SHAPES[field.shape];
      const some = field.time === undefined ? value : fc.constant(undefined);
      return field.dash === true ? some : fc.option(some, { nil: undefined, freq: 4 });
    }),
  );

type Printing = Compiled & Required<Pick<Compiled, 'print'>>;

/** A format that prints: its definition says all that stands in a line. */
function printing(definition: Definition): Printing {
  const compiled = compileFormat(definition);
  expect(compiled.print).toBeDefined();
  return compiled as Printing;
}

/** Whether a value may be printed: it must not stand for none, nor hold what ends it. */
const isFair = (compiled: Printing, values: FieldValues): boolean => {
  const line = compiled.print(values);
  if (line.includes(10) || line.includes(13)) return false;
  return values.every((value, i) => {
    if (value === undefined) return true;
    const field = compiled.fields[i] as Field;
    if (value === '-' || value.trim() !== value) return false;
    return field.shape !== 'word' || !/[\s"()[\]]/.test(value);
  });
};

describe.each(DEFINITIONS)('$kind $format', (definition) => {
  const compiled = printing(definition);
  const keeper = new LineKeeper(createNormalize({ override: { '': compiled } }));

  it('prints what it reads', () => {
    fc.assert(
      fc.property(valuesOf(compiled.fields), (values) => {
        fc.pre(isFair(compiled, values));
        const line = compiled.print(values);
        const read = compiled.read(line);
        expect(read, compiled.why(line)).toBeDefined();
        // Printing again is the law for every line; the values are the same unless one holds the
        // text that ends it.
        expect(Buffer.from(compiled.print(read as FieldValues))).toEqual(Buffer.from(line));
        if (!holdsEnds(compiled, values)) expect(read).toEqual(values);
      }),
    );
  });

  it('keeps every byte', () => {
    fc.assert(
      fc.property(valuesOf(compiled.fields), fc.nat(), fc.nat(255), (values, at, byte) => {
        const line = Buffer.from(compiled.print(values));
        const changed = Buffer.from(line);
        changed[at % line.length] = byte;
        for (const bytes of [line, changed]) {
          const kept = keeper.keep(bytes);
          if (kept !== undefined && 'line' in kept)
            expect(kept.line).toBe(bytes.toString('latin1'));
        }
      }),
    );
  });
});

describe.each(READING)('%o', (definition, line) => {
  const compiled = compileFormat(definition);
  const keeper = new LineKeeper(createNormalize({ override: { '': compiled } }));

  it('keeps every byte of lines like its own', () => {
    expect(keeper.keep(Buffer.from(line))).toBeDefined();
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(line.length), fc.nat(3), fc.uint8Array({ maxLength: 3 }))),
        (edits) => {
          let bytes = Buffer.from(line);
          for (const [at, size, put] of edits)
            bytes = Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + size)]);
          const kept = keeper.keep(bytes);
          if (kept !== undefined && 'line' in kept)
            expect(kept.line).toBe(bytes.toString('latin1'));
        },
      ),
    );
  });
});

/** Whether a value holds characters that stand between values, so that its end may be another. */
function holdsEnds(compiled: Compiled, values: FieldValues): boolean {
  return values.some((value, i) => {
    const { shape, escaped } = compiled.fields[i] as Field;
    return value !== undefined && escaped !== true && shape !== 'number' && /[^\w.-]/.test(value);
  });
}
