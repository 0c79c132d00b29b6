import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordBatch, type Batch } from './batch.ts';
import { C, COLUMNS } from './columns.ts';
import { KeyTable } from './key.ts';
import { LogRecord } from './record.ts';

/** Reads ClickHouse's Native form back, independently of the code that writes it. */
class NativeReader {
  private at = 0;
  private readonly data: Buffer;
  private readonly rows: number;

  constructor(batch: Batch) {
    this.data = Buffer.from(batch.data);
    this.rows = batch.rows;
  }

  get ended(): boolean {
    return this.at === this.data.length;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.data.readUInt8(this.at++);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  bytes(): string {
    const size = this.varint();
    expect(this.at + size).toBeLessThanOrEqual(this.data.length);
    this.at += size;
    return this.data.toString('latin1', this.at - size, this.at);
  }

  u64(): bigint {
    this.at += 8;
    return this.data.readBigUInt64LE(this.at - 8);
  }

  lowCardinality(count: number): string[] {
    if (count === 0) return [];
    const flags = this.u64();
    expect(flags & 0xf00n).toBe(0x600n);
    const size = Number(this.u64());
    const values = Array.from({ length: size }, () => this.bytes());
    expect(Number(this.u64())).toBe(count);
    const width = 1 << Number(flags & 0xffn);
    return Array.from({ length: count }, () => {
      this.at += width;
      const index = this.data.readUIntLE(this.at - width, width);
      expect(index).toBeLessThan(size);
      return values[index] as string;
    });
  }

  column(type: string): unknown[] {
    const { rows } = this;
    const times = <T>(read: () => T): T[] => Array.from({ length: rows }, read);
    if (type === 'DateTime64(9)' || type === 'UInt64') return times(() => this.u64());
    if (type === 'UInt8') return times(() => this.data.readUInt8(this.at++));
    if (type === 'UInt16') return times(() => this.data.readUInt16LE((this.at += 2) - 2));
    if (type === 'String') return times(() => this.bytes());
    expect(this.u64()).toBe(1n);
    if (type === 'LowCardinality(String)') return this.lowCardinality(rows);
    expect(type).toBe('Map(LowCardinality(String), String)');
    const ends = times(() => Number(this.u64()));
    const count = ends.at(-1) ?? 0;
    const names = this.lowCardinality(count);
    const values = Array.from({ length: count }, () => this.bytes());
    return ends.map((end, row) => {
      const from = row === 0 ? 0 : (ends[row - 1] as number);
      return names.slice(from, end).map((name, i) => [name, values[from + i]]);
    });
  }
}

const decode = (batch: Batch): Record<string, unknown>[] => {
  const reader = new NativeReader(batch);
  const rows: Record<string, unknown>[] = Array.from({ length: batch.rows }, () => ({}));
  for (let i = 0; i < batch.columns; i++) {
    const name = reader.bytes();
    reader.column(reader.bytes()).forEach((value, row) => {
      (rows[row] as Record<string, unknown>)[name] = value;
    });
  }
  expect(reader.ended).toBe(true);
  return rows;
};

interface Row {
  readonly time: number | undefined;
  readonly texts: Readonly<Record<string, string>>;
  readonly numbers: Readonly<Record<string, number>>;
  readonly maps: Readonly<Record<string, readonly (readonly [string, string])[]>>;
}

const OBSERVED = 1_763_632_800_123_456_789n;
const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');

const put = (record: LogRecord, row: Row): void => {
  record.reset();
  if (row.time !== undefined) record.setTime(row.time, 999_999_999);
  for (const [name, value] of Object.entries(row.texts)) {
    const bytes = latin1(`<${value}>`);
    record.set(C[name as 'body'], bytes, 1, bytes.length - 1);
  }
  for (const [name, value] of Object.entries(row.numbers))
    record.numbers[C[name as 'status']] = value;
  for (const name of ['labels', 'metadata', 'attributes'] as const)
    for (const [key, value] of row.maps[name] ?? []) record[name].putText(key, value);
};

const expected = (row: Row, used: ReadonlySet<string>): Record<string, unknown> => {
  const out: Record<string, unknown> = {
    timestamp: row.time === undefined ? OBSERVED : BigInt(row.time) * 10n ** 9n + 999_999_999n,
    observed_at: OBSERVED,
  };
  for (const { name, kind } of COLUMNS) {
    if (!used.has(name)) continue;
    if (kind === 'name' || kind === 'text') out[name] = row.texts[name] ?? '';
    else if (kind === 'u64') out[name] = BigInt(row.numbers[name] ?? 0);
    else if (kind === 'map')
      out[name] = (row.maps[name] ?? []).map(([key, value]) => [
        Buffer.from(key).toString('latin1'),
        Buffer.from(value).toString('latin1'),
      ]);
    else if (kind !== 'time') out[name] = row.numbers[name] ?? 0;
  }
  return out;
};

const encode = (rows: readonly Row[], batch = new RecordBatch()): Batch => {
  const record = new LogRecord();
  batch.begin(OBSERVED);
  for (const row of rows) {
    put(record, row);
    batch.append(record);
  }
  return batch.take('default', 'test');
};

const namesOf = (...kinds: string[]): string[] =>
  COLUMNS.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name);

const anyText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('', 'a', 'ab', 'abc', 'cart', 'checkout', 'GET') },
  fc.string({ unit: 'binary-ascii', maxLength: 40 }),
  fc.integer({ min: 120, max: 400 }).map((length) => 'x'.repeat(length)),
);
const anyMap = fc.array(fc.tuple(fc.constantFrom('k', 'k8s.pod', 'é', ''), anyText), {
  maxLength: 4,
});
const anyRow: fc.Arbitrary<Row> = fc.record({
  time: fc.option(fc.integer({ min: 0, max: 9_223_372_034 }), { nil: undefined }),
  texts: fc.dictionary(fc.constantFrom(...namesOf('name', 'text')), anyText, { maxKeys: 9 }),
  numbers: fc.dictionary(
    fc.constantFrom(...namesOf('u8', 'u16', 'u64')),
    fc.integer({ min: 0, max: 255 }),
    { maxKeys: 4 },
  ),
  maps: fc.dictionary(fc.constantFrom('labels', 'metadata', 'attributes'), anyMap),
});

describe('a batch', () => {
  it('decodes to the rows that were appended, whatever they hold, also when reused', () => {
    const batch = new RecordBatch();
    fc.assert(
      fc.property(fc.array(anyRow, { maxLength: 30 }), (rows) => {
        const decoded = decode(encode(rows, batch));
        const used = new Set(decoded.flatMap((row) => Object.keys(row)));
        expect(decoded).toEqual(rows.map((row) => expected(row, used)));
        for (const row of rows)
          for (const [name, value] of Object.entries(row.texts))
            if (value !== '') expect(used).toContain(name);
      }),
    );
  });

  it('widens its indices as distinct values grow past one and two bytes', () => {
    for (const count of [255, 256, 257, 65_536]) {
      const rows = Array.from({ length: count }, (_, i) => ({
        time: i,
        texts: { service: `s${i}`, pod: `pod-${i % 7}` },
        numbers: { bytes_out: 2 ** 53 - 1 - i, status: 65_535, severity: i % 25 },
        maps: { attributes: [[`k${i % 300}`, 'v']] as const },
      }));
      const used = new Set(['service', 'pod', 'bytes_out', 'status', 'severity', 'attributes']);
      const decoded = decode(encode(rows));
      expect(decoded.map(({ service }) => service)).toEqual(rows.map(({ texts }) => texts.service));
      // Comparing whole rows takes longer than making them: a few stand for all.
      for (let i = 0; i < count; i += Math.ceil(count / 500))
        expect(decoded[i]).toEqual(expected(rows[i] as Row, used));
    }
  });

  it('leaves out columns without values, and tells the range of its times', () => {
    const row = { texts: { body: 'x' }, numbers: {}, maps: {} };
    const batch = encode(
      [5, 3, undefined, 9_223_372_035, 9_223_372_036].map((time) => ({ ...row, time })),
    );
    expect(Object.keys(decode(batch)[0] as object)).toEqual(['timestamp', 'observed_at', 'body']);
    expect(batch.minNs).toBe(3_999_999_999n);
    expect(batch.maxNs).toBe(9_223_372_035_999_999_999n);
    expect(encode([])).toMatchObject({ rows: 0, columns: 2, minNs: OBSERVED, maxNs: OBSERVED });
  });

  it('keeps names that the key table had no room for', () => {
    const small = new KeyTable();
    const record = new LogRecord();
    const batch = new RecordBatch();
    batch.begin(OBSERVED);
    const long = 'n'.repeat(300);
    for (let i = 0; i < 3; i++) {
      record.reset();
      record.attributes.put(small.of(long), latin1(`v${i}`), 0, 2);
      expect(record.attributes.keys[0]?.id).toBe(-1);
      batch.append(record);
    }
    expect(decode(batch.take('default', 'test')).map((row) => row['attributes'])).toEqual([
      [[long, 'v0']],
      [[long, 'v1']],
      [[long, 'v2']],
    ]);
  });

  it('stays quick and right when a sender makes values collide', () => {
    // Equal first and last words, so that the short look-up always fails.
    const rows = Array.from({ length: 20_000 }, (_, i) => ({
      time: 1,
      texts: { path: 'p', authority: `same${String(i).padStart(8, '0')}same` },
      numbers: {},
      maps: {},
    }));
    const values = decode(encode(rows)).map((row) => row['authority']);
    expect(values).toEqual(rows.map((row) => row.texts.authority));
  });
});

describe('notes of rows', () => {
  const appended = (batch: RecordBatch, rows: readonly ((record: LogRecord) => void)[]): Batch => {
    const record = new LogRecord();
    batch.begin(OBSERVED);
    for (const set of rows) {
      record.reset();
      set(record);
      batch.append(record);
    }
    return batch.take('default', 'test');
  };
  const token = (high: number, low: number) => (record: LogRecord) => {
    record.token.high = high;
    record.token.low = low;
  };
  const nothing = (): void => undefined;

  it('has tokens only where a row has one, and nothing of the batch before', () => {
    const batch = new RecordBatch();
    expect(appended(batch, [token(1, 2), token(3, -4), nothing]).tokens).toEqual(
      Uint32Array.of(1, 2, 3, 0xfffffffc, 0, 0),
    );
    expect(appended(batch, [nothing, nothing])).not.toHaveProperty('tokens');
    expect(appended(batch, [nothing, nothing, token(0, 7)]).tokens).toEqual(
      Uint32Array.of(0, 0, 0, 0, 0, 7),
    );
    const many = Array.from({ length: 3_000 }, (_, i) => (i % 2 === 1 ? token(i, i) : nothing));
    const { tokens } = appended(batch, many);
    expect(tokens).toHaveLength(6_000);
    expect(many.every((_, i) => tokens?.[2 * i + 1] === (i % 2) * i)).toBe(true);
  });

  it('joins the numbers of a source that follow one another', () => {
    const one = { agent: 'a', source: 'x' };
    const other = { agent: 'a', source: 'y' };
    const from = (of: typeof one, number: number) => (record: LogRecord) => {
      record.origin = of;
      record.originNumber = number;
    };
    const batch = new RecordBatch();
    const rows = [from(one, 4), from(one, 5), nothing, from(one, 6), from(one, 8), from(other, 9)];
    expect(appended(batch, rows).origins).toEqual([
      { ...one, from: 4, to: 6 },
      { ...one, from: 8, to: 8 },
      { ...other, from: 9, to: 9 },
    ]);
    expect(appended(batch, [nothing])).not.toHaveProperty('origins');
  });
});
