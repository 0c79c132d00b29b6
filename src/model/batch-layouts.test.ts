import { expect, it } from 'vitest';
import { RecordBatch } from './batch.ts';
import { C } from './columns.ts';
import { must } from './errors.ts';
import { parseLayout } from './layout.ts';
import { KnownLayout } from './layout-finder.ts';
import { NativeReader } from './native-reader.ts';
import { LogRecord } from './record.ts';

const layoutOf = (text: string): KnownLayout => new KnownLayout(must(parseLayout(text), text));

it('a batch tells its layouts, with the services of the rows that have them', () => {
  const batch = new RecordBatch();
  const even = layoutOf('{"a":<attributes.a>}');
  const first = layoutOf('{"b":<attributes.b>}');
  for (const turn of ['one', 'two']) {
    batch.begin(1_763_632_800_000_000_000n);
    for (let row = 0; row < 400; row++) {
      const record = new LogRecord();
      record.setText(C.service, `${turn}-${row % 200}`);
      record.layout = row % 2 === 0 ? even : row === 1 && turn === 'one' ? first : undefined;
      batch.append(record);
    }
    const { layouts, data, columns, rows } = batch.take('default', 'test');
    const uses = new Map(layouts.map(({ text, services }) => [text, [...services].sort()]));
    const evens = Array.from({ length: 100 }, (_, i) => `${turn}-${2 * i}`);
    expect(uses.get(even.text)).toEqual(evens.sort());
    expect(uses.get(first.text)).toEqual(turn === 'one' ? ['one-1'] : undefined);
    const reader = new NativeReader(data, columns, rows);
    const texts = [0, 1, 2, 3].map((row) => Buffer.from(reader.text(C.layout, row)).toString());
    expect(texts).toEqual([even.text, turn === 'one' ? first.text : '', even.text, '']);
  }
});
