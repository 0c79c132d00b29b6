import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogRecord } from '../../model/record.ts';
import { LineKeeper } from './kept-line.ts';

/**
 * Law: what is kept of a line gives the line, byte for byte. Lines come in runs of one look with
 * changing values, so that layouts are proven on one line and used for others unseen.
 */

const word = fc.constantFrom('a', 'b', 'GET', 'x y', 'info', 'é', '😀', '-', '', 'a.b', '0', '"');
const text = fc.oneof(
  word,
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('</script>', 'a/b', "it's", 'k=v', '\u2028', '\u007f', '\b\f\n\r\t\u0001', '\\'),
);
const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...names()) },
  { weight: 1, arbitrary: text },
);
const time = fc
  .date({ min: new Date(0), max: new Date('2200-01-01'), noInvalidDate: true })
  .chain((date) => fc.constantFrom(...times(date)));
const number = fc.oneof(
  fc.nat().map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.constantFrom('0', '-0', '0.0', '1.50', '200', '1e3', '12.5', '007', '1E+2', '1763632800.123'),
);

function names(): string[] {
  return (
    'ts time level severity severity_number msg message event log body service version trace_id ' +
    'traceId span_id request_id method path url status response_code duration duration_ms ' +
    'request_time bytes_sent response_flags user_agent stream instant.epochSecond ' +
    'instant.nanoOfSecond k8s.pod.name k8s.labels.app pod a b c upstream_cluster traceparent'
  ).split(' ');
}

function times(date: Date): string[] {
  const iso = date.toISOString();
  return [
    iso,
    iso.replace('T', ' ').replace('Z', ''),
    iso.replace('.', ','),
    iso.replace(/\..*/, 'Z'),
    iso.replace('Z', '+01:00'),
    iso.replace('Z', '456789Z'),
    iso.replace('Z', '1234567890Z'),
    String(date.getTime()),
    String(date.getTime() / 1000),
    String(Math.floor(date.getTime() / 1000)),
    date.toUTCString(),
  ];
}

/** A string as some writer escapes it. */
const escaped = fc.tuple(text, fc.nat(4)).map(([value, writer]) => {
  const json = JSON.stringify(value);
  if (writer === 1) return json.replaceAll('/', '\\/');
  if (writer === 2) return json.replaceAll(/[<>&]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
  if (writer === 3)
    return json.replaceAll(
      /[^\x20-\x7e]/g,
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  return json;
});

const scalar = fc.oneof(
  escaped,
  number,
  time.map((value) => JSON.stringify(value)),
  time,
  fc.constantFrom('null', 'true', 'false', '[]', '{}', '{ }', '[1, {"a":null}]'),
);

interface Look {
  readonly build: (values: readonly string[]) => string;
  readonly holes: number;
}

const space = fc.constantFrom('', '', '', ' ', '  ', '\t');

/** The text of a JSON object with `%` for each scalar, and how many there are. */
const object: fc.Arbitrary<string> = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, fc.constant('%'), fc.constant('%'), tie('object')),
  object: fc
    .tuple(fc.array(fc.tuple(name, tie('value'), space, space), { maxLength: 6 }), space)
    .map(([members, last]) => {
      const parts = members.map(
        ([key, value, before, after]) =>
          `${before}${JSON.stringify(key).replaceAll('%', '')}${after}:${before}${value}`,
      );
      return `{${parts.join(',')}${last}}`;
    }),
})).object;

const lookOf = (pattern: string): Look => {
  const parts = pattern.split('%');
  return {
    holes: parts.length - 1,
    build: (values) => parts.map((part, i) => part + (values[i] ?? '')).join(''),
  };
};

const bare = fc.stringMatching(/^[a-z0-9.:/_-]{0,8}$/);
const proxyValue = fc.oneof(fc.constant('-'), bare, number, time);

const PATTERNS = [
  'ts=% level=% msg="%" x=%',
  'level=% msg=% duration=%',
  '[%] "GET /% HTTP/1.1" 200 - % % % % "%" "%" "%" "%" "%"',
  '% - - [%] "GET /% HTTP/1.1" 200 % "%" "%"',
  '2025-11-20T10:00:00.1Z stdout F {"level":"%","msg":"%","n":"%"}',
  '2025-11-20T10:00:00.1Z stderr P %',
  'I1120 10:00:00.000000       1 main.go:7] %',
  '[%] default "GET /% HTTP/1.1" 200 - % % % % "%" "%" "%" "%" "%" "%" "%" "%" "%"',
  '[%] - % %(%)->%(%) took %ms, sent % bytes, received: % bytes',
  '10.42.0.63:51160 % - [%] "GET /% HTTP/2.0" 200',
  '[     0.001000s]  INFO ThreadId(01) %: %: %',
  '% info access connection complete src.identity="%" dst.identity="%" direction="%" bytes_sent=% bytes_recv=% error="%"',
  '{"log":"%\\n","stream":"stdout","time":"%"}',
  '{"log":"{\\"level\\":\\"%\\",\\"msg\\":\\"%\\"}\\n","stream":"stdout","time":"2025-11-20T10:00:00.5Z"}',
];

/** Objects that have normalizers of their own, with `%` for a JSON value. */
const OBJECTS = [
  '{"client.addr":%,"client.id":%,"host":%,"status":%,"timestamp":%,"trace_id":%,"version":%}',
  '{"timestamp":%,"level":%,"fields":{"message":%},"target":"linkerd2_proxy","threadId":%}',
  '{"level":%,"time":%,"scope":"access","message":"connection complete","src.identity":%,' +
    '"direction":%,"bytes_sent":%,"bytes_recv":%,"error":%}',
  '{"flow":{"time":%,"verdict":%,"source":{"identity":%,"workloads":%},"is_reply":%,' +
    '"l7":{"http":{"url":%,"protocol":%}},"traffic_direction":%,"Summary":%},"node_name":%,"time":%}',
  '{"time":%,"verdict":"DROPPED","destination":{"workloads":[{"name":%}]},"Type":%,"Summary":%}',
];

const run = (line: string, keeper: LineKeeper, envelope?: (record: LogRecord) => void): boolean => {
  const bytes = Buffer.from(line);
  const kept = keeper.keep(bytes, envelope);
  if (kept === undefined || 'whole' in kept) return false;
  expect(kept.line).toBe(bytes.toString('latin1'));
  return true;
};

const ENVELOPES: readonly (((record: LogRecord) => void) | undefined)[] = [
  undefined,
  undefined,
  (record) => {
    record.setTime(1_763_632_800, 123_000_000);
    record.setText(4, 'a');
  },
  (record) => {
    record.numbers[29] = 200;
    record.setText(18, 'info');
    record.attributes.putText('a', 'from elsewhere');
  },
];

test('JSON lines', () => {
  let layouts = 0;
  fc.assert(
    fc.property(
      object.chain((pattern) => {
        const { holes } = lookOf(pattern);
        const values = fc.array(scalar, { minLength: holes, maxLength: holes });
        return fc.tuple(fc.constant(pattern), fc.array(values, { minLength: 1, maxLength: 4 }));
      }),
      fc.constantFrom(...ENVELOPES),
      ([pattern, rows], envelope) => {
        const keeper = new LineKeeper();
        const look = lookOf(pattern);
        for (const values of [...rows, ...rows]) {
          if (run(look.build(values), keeper, envelope)) layouts++;
        }
      },
    ),
    { numRuns: 4_000 },
  );
  expect(layouts).toBeGreaterThan(1_000);
});

test('objects of the meshes', () => {
  let layouts = 0;
  const own = fc.constantFrom(
    '"-"',
    '"unknown"',
    '"DROPPED"',
    '"INGRESS"',
    '"outbound"',
    '"[ 1s]"',
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...OBJECTS).chain((pattern) => {
        const { holes } = lookOf(pattern);
        const value = fc.oneof(
          scalar,
          own,
          fc.constant('[{"name":"a"}]'),
          fc.constant('"Root=1-x"'),
        );
        const values = fc.array(value, { minLength: holes, maxLength: holes });
        return fc.tuple(fc.constant(pattern), fc.array(values, { minLength: 1, maxLength: 6 }));
      }),
      fc.constantFrom(...ENVELOPES),
      ([pattern, rows], envelope) => {
        const keeper = new LineKeeper();
        const look = lookOf(pattern);
        for (const values of [...rows, ...rows]) {
          if (run(look.build(values), keeper, envelope)) layouts++;
        }
      },
    ),
    { numRuns: 4_000 },
  );
  expect(layouts).toBeGreaterThan(1_000);
});

test('logfmt, proxies, klog, wrappers', () => {
  let layouts = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...PATTERNS).chain((pattern) => {
        const { holes } = lookOf(pattern);
        const value = fc.oneof(
          proxyValue,
          escaped.map((json) => json.slice(1, -1)),
        );
        const values = fc.array(value, { minLength: holes, maxLength: holes });
        return fc.tuple(fc.constant(pattern), fc.array(values, { minLength: 1, maxLength: 6 }));
      }),
      fc.constantFrom(...ENVELOPES),
      ([pattern, rows], envelope) => {
        const keeper = new LineKeeper();
        const look = lookOf(pattern);
        for (const values of [...rows, ...rows]) {
          if (run(look.build(values), keeper, envelope)) layouts++;
        }
      },
    ),
    { numRuns: 4_000 },
  );
  expect(layouts).toBeGreaterThan(1_000);
});

test('cut and broken lines', () => {
  const keeper = new LineKeeper();
  fc.assert(
    fc.property(object, fc.array(scalar, { minLength: 4 }), fc.nat(), fc.nat(255), (...all) => {
      const [pattern, values, at, byte] = all;
      const line = Buffer.from(lookOf(pattern).build(values));
      line[at % line.length] = byte;
      for (const bytes of [line, line.subarray(0, at % line.length)]) {
        const kept = keeper.keep(bytes);
        if (kept !== undefined && 'line' in kept) expect(kept.line).toBe(bytes.toString('latin1'));
      }
    }),
    { numRuns: 4_000 },
  );
});
