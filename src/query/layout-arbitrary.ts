import fc from 'fast-check';
import { C, COLUMNS, type ColumnName } from '../model/columns.ts';
import { DIALECT } from '../model/layout-json.ts';
import { DASH_FORM, NUMBER_FORM, TEXT_FORM, type Form } from '../model/layout-form.ts';
import { TIME_STYLES } from '../model/layout-time.ts';
import { binary, makeLayout, type Hole, type Layout } from '../model/layout.ts';
import type { TestRecord, TestValue } from './testing.ts';
import { toUtf8 } from './utf8.ts';

/** Layouts of every form, and records whose values may stand in their holes: for fuzz tests. */

export const ATTRIBUTE_KEYS = ['a', 'b', 'x.y', 'é', "o'k"] as const;
const TEXTS = ['body', 'path', 'trace_id', 'severity_text', 'user_agent', 'pod'] as const;
const NUMBERS = ['status', 'duration_ns', 'bytes_in', 'severity'] as const;

const ZONES = [
  ['', 0],
  ['Z', 0],
  ['+01:00', 3_600],
  [' -0330', -12_600],
  [' UTC', 0],
] as const;

const time: fc.Arbitrary<Form> = fc.oneof(
  fc
    .record({
      style: fc.constantFrom(...TIME_STYLES),
      digits: fc.constantFrom(0, 1, 3, 6, 9),
      mark: fc.constantFrom('.', ','),
      zone: fc.constantFrom(...ZONES),
    })
    .map(({ style, digits, mark, zone }): Form => ({
      kind: 'time',
      // As a layout's text would be read: no fraction has no mark.
      time: { style, digits, mark: digits > 0 ? mark : '.', zone: zone[0], offsetSec: zone[1] },
    })),
  fc
    .record({
      exponent: fc.constantFrom(0, 3, 6, 9),
      decimals: fc.constantFrom(0, 0, 1, 3, 6, 9),
    })
    .map(({ exponent, decimals }): Form => ({
      kind: 'time',
      time: { style: 'epoch', exponent, decimals },
    })),
  fc.constant<Form>({ kind: 'time', time: { style: 'nano' } }),
);

const dialect = fc.oneof(
  fc.constantFrom(0, DIALECT.html | DIALECT.lines, DIALECT.ascii, DIALECT.slash | DIALECT.ascii),
  fc.integer({ min: 0, max: 1_023 }),
);
const textForm: fc.Arbitrary<Form> = fc.oneof(
  fc.constant(TEXT_FORM),
  fc.constant(DASH_FORM),
  dialect.map((bits): Form => ({ kind: 'json', dialect: bits })),
);
const scaled: fc.Arbitrary<Form> = fc
  .record({
    unit: fc.constantFrom('s', 'ms', 'us'),
    decimals: fc.constantFrom(-1, -1, 0, 1, 3, 6, 9),
  })
  .map((form): Form => ({ kind: 'scaled', ...form }));

const holeOf = (column: ColumnName, key: string, form: Form): Hole => ({
  column: C[column],
  key,
  form,
});

const hole: fc.Arbitrary<Hole> = fc
  .oneof(
    { weight: 3, arbitrary: fc.tuple(fc.constantFrom(...TEXTS), textForm) },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom(...NUMBERS), fc.constant(NUMBER_FORM)) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom<ColumnName>('duration_ns', 'bytes_in'), scaled),
    },
    { weight: 1, arbitrary: fc.tuple(fc.constant<ColumnName>('timestamp'), time) },
    {
      weight: 3,
      arbitrary: fc.tuple(fc.constantFrom<ColumnName>('attributes', 'metadata'), textForm),
    },
  )
  .chain(([column, form]) =>
    COLUMNS[C[column]]?.kind === 'map'
      ? fc.constantFrom(...ATTRIBUTE_KEYS).map((key) => holeOf(column, binary(toUtf8(key)), form))
      : fc.constant(holeOf(column, '', form)),
  );

/** What stands between values, and bytes that need care somewhere. */
const literal = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('"', '","', ' ', ':', '{"level":"', '}', '', '') },
  { weight: 1, arbitrary: fc.constantFrom("'", '\\', '\\n', '<', '\n', '{p0:String}', '50', '3') },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 3 }).map(binary) },
);

export const layoutArbitrary: fc.Arbitrary<Layout> = fc
  .array(fc.tuple(literal, hole), { minLength: 1, maxLength: 6 })
  .chain((parts) =>
    literal.map((last) =>
      makeLayout(
        [...parts.map(([text]) => text), last],
        parts.map(([, one]) => one),
      ),
    ),
  );

const PIECES = ['error', 'a', ' ', '\n', '"', '\\', '/', '<', '=', "'", '0', '50', '3', '.', '-'];
const RARE = ['\u0000', '\t', '\b', '\f', '\r', '\u001b', '\u007f', 'é', '日', '😀', '\u2028'];
const piece = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...PIECES).map(toUtf8) },
  { weight: 2, arbitrary: fc.constantFrom(...RARE).map(toUtf8) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 4 }) },
);

/** Bytes of any kind, often such that need escapes. */
export const valueArbitrary: fc.Arbitrary<Uint8Array> = fc
  .array(piece, { maxLength: 5 })
  .map((parts) => Buffer.concat(parts));

const number = (max: number): fc.Arbitrary<number> =>
  fc.oneof(
    fc.constantFrom(0, 3, 50, 200, 503).map((value) => Math.min(value, max)),
    fc.integer({ min: 0, max }),
  );

/** Values for all holes that `layoutArbitrary` makes, and a time. */
export const valuesArbitrary: fc.Arbitrary<TestRecord> = fc
  .record({
    timestampNs: fc.oneof(
      fc.bigInt({ min: 0n, max: 9_223_372_035_999_999_999n }),
      fc.bigInt({ min: 0n, max: 400n }).map((second) => (1_793_700_000n + second) * 1_000_000_000n),
    ),
    columns: fc.record(
      Object.fromEntries(TEXTS.map((name) => [name, valueArbitrary])) as {
        [N in (typeof TEXTS)[number]]: fc.Arbitrary<TestValue>;
      },
      { requiredKeys: [] },
    ),
    numbers: fc.record({
      status: number(65_535),
      bytes_in: number(Number.MAX_SAFE_INTEGER),
      duration_ns: fc.oneof(
        number(Number.MAX_SAFE_INTEGER),
        number(1_000_000).map((value) => value * 1_000),
      ),
    }),
    severity: number(255),
    attributes: fc.dictionary(fc.constantFrom(...ATTRIBUTE_KEYS), valueArbitrary),
    metadata: fc.dictionary(fc.constantFrom(...ATTRIBUTE_KEYS), valueArbitrary),
  })
  .map((values) => ({ ...values, line: '' }));
