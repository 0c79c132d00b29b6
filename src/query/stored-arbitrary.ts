import fc from 'fast-check';
import { layoutArbitrary, valuesArbitrary } from './layout-arbitrary.ts';
import { laidOut, type TestRecord } from './testing.ts';
import { toUtf8 } from './utf8.ts';

/** Records as tables hold them, stored in every way, with hostile values and lines. */

/** 2026-11-03T10:00:00Z; records are of the 400 seconds after it. */
export const T0 = 1_793_700_000n * 1_000_000_000n;

/** Pieces that lines, labels and needles are made of, so that they often meet. */
const PIECES = [
  'error',
  'ERROR',
  'a',
  'b',
  ' ',
  '\n',
  '\t',
  '"',
  '\\',
  "'",
  '%',
  '_',
  '{',
  '}',
  '0',
  '\u0000',
  'é',
  'ß',
  '日本',
  '😀',
  '\ufffd',
  '.',
  '*',
  '/path',
  '=',
  'K',
  '\u212a',
  '\r\n',
  '$1',
  '--',
  ';',
];
export const piece = fc.constantFrom(...PIECES);
export const text = fc.array(piece, { maxLength: 8 }).map((parts) => parts.join(''));
/** Lines also hold bytes that are no UTF-8. */
const hostile = fc
  .array(fc.oneof({ weight: 6, arbitrary: piece.map(toUtf8) }, fc.uint8Array({ maxLength: 4 })), {
    maxLength: 8,
  })
  .map((parts) => Buffer.concat(parts) as Uint8Array);
export const value = fc.constantFrom('', 'a', 'b', 'shop', 'pay', 'a.b', 'é', 'line\nbreak', 'A');
const map = (names: readonly string[]): fc.Arbitrary<Record<string, string>> =>
  fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 3 });
export const LABELS = ['app', 'service_name', 'pod', 'namespace', 'detected_level', 'trace_id'];
const METADATA = ['trace_id', 'trace.id', 'app', 'k8s.pod', 'k8s_pod', '9lives', 'detected_level'];

/** Where a record's line is kept, if it is the line of no layout. */
const plain = fc.record({ line: hostile, structured: fc.boolean() });

/** A handful of layouts, as a table has them. */
const LAYOUTS = fc.sample(layoutArbitrary, { numRuns: 8, seed: 11 });

const base = fc
  .record({
    second: fc.integer({ min: 0, max: 400 }),
    nano: fc.constantFrom(0n, 0n, 1n, 120_000_000n, 123_456_789n),
    loki: fc.boolean(),
    severity: fc.constantFrom(0, 1, 5, 9, 13, 17, 20, 21, 24),
    severityText: fc.constantFrom('', 'FATAL', 'CRIT', 'critical', 'Emerg'),
    labels: map(LABELS),
    metadata: map(METADATA),
    columns: map(['service', 'namespace', 'pod', 'mesh', 'kind', 'cluster']),
  })
  .map(({ second, nano, loki, severity, severityText, labels, metadata, columns }) => ({
    timestampNs: T0 + BigInt(second) * 1_000_000_000n + nano,
    severity,
    labels,
    metadata,
    columns: {
      receiver: loki ? 'loki' : 'otlp',
      severity_text: severityText,
      ...columns,
      // What ingest guarantees of Loki's streams.
      ...(loki && { service: labels['service_name'] ?? '' }),
    },
  }));

/** Records of all three kinds: lines of layouts, whole beside their values, and without any. */
export const record: fc.Arbitrary<TestRecord> = fc
  .record({
    base,
    plain,
    values: valuesArbitrary,
    layout: fc.option(fc.constantFrom(...LAYOUTS), { freq: 3 }),
  })
  .map(({ base: common, plain: kept, values, layout }) => {
    const { path, trace_id, user_agent, body } = values.columns ?? {};
    const columns = {
      ...common.columns,
      ...(path !== undefined && { path }),
      ...(trace_id !== undefined && { trace_id }),
      ...(user_agent !== undefined && { user_agent }),
    };
    const { numbers = {}, attributes = {} } = values;
    const one = { ...common, columns, numbers, attributes };
    if (layout === null) return { ...one, ...kept };
    return laidOut(
      { ...one, columns: { ...columns, ...(body !== undefined && { body }) }, line: '' },
      layout,
    );
  });
