import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createNormalize } from '../ingest/normalize/recognise.ts';
import { C, COLUMNS } from '../model/columns.ts';
import { bytesOf, fillLine, parseLayout, type RowValues } from '../model/layout.ts';
import { startTestEngine } from '../storage/engine/testing.ts';
import { Pipeline } from './pipeline.ts';

/**
 * What is stored suffices: the columns of an export, read as text from a file after the engine has
 * ended, give every line back, and nothing else of the program is asked.
 */
const FIXTURES = join(import.meta.dirname, '../../fixtures/normalize');
const directory = mkdtempSync(join(tmpdir(), 'meshtrail-rebuilt-'));
const OBSERVED_NS = 1_763_632_800_000_000_000n;

const linesOfFixtures = (): Buffer[] =>
  readdirSync(FIXTURES).flatMap((format) =>
    readdirSync(join(FIXTURES, format))
      .filter((file) => file.endsWith('.in'))
      .map((file) => readFileSync(join(FIXTURES, format, file))),
  );

const ODD = [
  '{"raw\xff":"\xfe\xff","msg":"not UTF-8"}',
  '{"a<b>":{"c:d\\\\":"\\u0000"},"msg":"x\\/y"}',
  '{"dup":1,"dup":2}',
  'no structure at all',
  '',
].map((text) => Buffer.from(text, 'latin1'));

/** One exported row: by column, bytes as hexadecimal text, numbers and nanoseconds as decimals. */
type Exported = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

const exportSql = (): string => {
  const columns = COLUMNS.map(({ name, kind }) => {
    if (kind === 'map')
      return `mapApply((k, v) -> (hex(toString(k)), hex(v)), ${name}) AS ${name}_hex`;
    if (kind === 'time') return `toString(toUnixTimestamp64Nano(${name}))`;
    return kind === 'name' || kind === 'text' ? `hex(${name})` : `toString(${name})`;
  });
  return `SELECT ${columns.join(', ')} FROM meshtrail.logs ORDER BY seq`;
};

/** A row of the file as the values that holes are filled from. */
const valuesOf = (row: Exported): RowValues => {
  const text = (column: number): string => row[COLUMNS[column]?.name ?? ''] as string;
  return {
    text: (column) => Buffer.from(text(column), 'hex'),
    number: (column) => Number(text(column)),
    time: (column) => BigInt(text(column)),
    pair: (column, key) => {
      const map = row[COLUMNS[column]?.name ?? ''] as Readonly<Record<string, string>>;
      const hex = Buffer.from(bytesOf(key)).toString('hex').toUpperCase();
      return Buffer.from(map[hex] ?? '', 'hex');
    },
  };
};

const rebuilt = (row: Exported): Buffer => {
  const values = valuesOf(row);
  const text = Buffer.from(values.text(C.layout)).toString('latin1');
  if (text === '') {
    const line = values.text(C.line);
    return Buffer.from(line.length > 0 ? line : values.text(C.body));
  }
  const layout = parseLayout(text);
  if (layout === undefined) throw new Error(`no layout: ${text}`);
  return Buffer.from(fillLine(layout, values));
};

test('lines are rebuilt from an export alone', async () => {
  const lines = [...linesOfFixtures(), ...ODD, ...linesOfFixtures()];
  const file = join(directory, 'export.ndjson');
  const pipeline = new Pipeline(createNormalize(), () => undefined);
  pipeline.from('default', 'test', '', OBSERVED_NS);
  for (const line of lines) {
    pipeline.begin().setLine(line, 0, line.length);
    pipeline.commit();
  }
  pipeline.close();
  const running = await startTestEngine(join(directory, 'data'));
  try {
    for (const batch of pipeline.batches) await running.store(batch);
    const rows = await running.engine.reader.rows(exportSql());
    const records = rows.map((row) =>
      JSON.stringify(Object.fromEntries(COLUMNS.map(({ name }, i) => [name, row[i]]))),
    );
    writeFileSync(file, records.join('\n'));
  } finally {
    await running.engine.stop();
  }
  const exported = readFileSync(file, 'utf8')
    .split('\n')
    .map((record) => JSON.parse(record) as Exported);
  rmSync(directory, { recursive: true, force: true });
  expect(exported).toHaveLength(lines.length);
  exported.forEach((row, i) => {
    expect(rebuilt(row).toString('latin1')).toBe(lines[i]?.toString('latin1'));
  });
  const whole = exported.filter((row) => row['line'] !== '').length;
  expect(whole).toBeLessThan(5);
}, 120_000);
