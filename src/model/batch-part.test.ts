import fc from 'fast-check';
import { expect, test } from 'vitest';
import { partOf } from './batch-part.ts';
import { RecordBatch, type Batch } from './batch.ts';
import { C } from './columns.ts';
import { NativeReader } from './native-reader.ts';
import { LogRecord } from './record.ts';

interface Row {
  readonly line: string;
  readonly service: string;
  readonly severity: number;
  readonly pairs: readonly (readonly [string, string])[];
  readonly token: number;
}

const text = fc.string({ maxLength: 8 });
const row: fc.Arbitrary<Row> = fc.record({
  line: text,
  service: fc.constantFrom('a', 'b', ''),
  severity: fc.nat(24),
  pairs: fc.array(fc.tuple(fc.constantFrom('k', 'l', 'm'), text), { maxLength: 3 }),
  token: fc.nat(3),
});

const encode = (rows: readonly Row[]): Batch => {
  const batch = new RecordBatch();
  batch.begin(1_700_000_000_000_000_000n);
  const record = new LogRecord();
  rows.forEach(({ line, service, severity, pairs, token }, at) => {
    record.reset();
    record.setTime(1_700_000_000 + at, at);
    record.setText(C.body, line);
    if (service !== '') record.setText(C.service, service);
    record.numbers[C.severity] = severity;
    for (const [name, value] of pairs) record.metadata.putText(name, value);
    record.token.low = token;
    batch.append(record);
  });
  batch.rawBytes = rows.length * 10;
  return batch.take('acme', 'test');
};

const decoder = new TextDecoder();

const decode = (batch: Batch): object[] => {
  const reader = new NativeReader(batch.data, batch.columns, batch.rows);
  return Array.from({ length: batch.rows }, (_, at) => {
    const pairs: string[] = [];
    reader.pairs(C.metadata, at, (name, value) => {
      pairs.push(`${decoder.decode(name)}=${decoder.decode(value)}`);
    });
    return {
      time: reader.time(C.timestamp, at),
      line: decoder.decode(reader.text(C.body, at)),
      service: decoder.decode(reader.text(C.service, at)),
      severity: reader.number(C.severity, at),
      pairs,
      token: batch.tokens?.[2 * at + 1] ?? 0,
    };
  });
};

test('a part has the rows that it keeps, whatever they hold', () => {
  const some = fc.array(fc.tuple(row, fc.boolean()), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(some, (rows) => {
      const whole = encode(rows.map(([one]) => one));
      const kept = rows.map(([, keep], at) => keep || at === rows.length - 1);
      const part = partOf(whole, (at) => kept[at] === true);
      expect(decode(part)).toEqual(decode(whole).filter((_, at) => kept[at]));
      expect(part.rawBytes).toBe(10 * part.rows);
      expect([part.minNs, part.maxNs]).toEqual([whole.minNs, whole.maxNs]);
    }),
  );
});

test('the whole stays what it is', () => {
  const whole = encode([{ line: 'x', service: 'a', severity: 9, pairs: [], token: 1 }]);
  expect(partOf(whole, () => true)).toBe(whole);
});
