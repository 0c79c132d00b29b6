import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RecordBatch } from '../../model/batch.ts';
import { C } from '../../model/columns.ts';
import { listFields } from '../../model/json-scanner.ts';
import { LayoutFinder } from '../../model/layout-finder.ts';
import { LogRecord, settleLine } from '../../model/record.ts';
import { createNormalize } from './recognise.ts';

/**
 * What a JSON line costs from its bytes to its columns, against bare `JSON.parse`:
 * `node src/ingest/normalize/json.bench.ts [NDJSON file]`. CPU time of the process (so that a busy
 * machine counts less), the third best of fifteen rounds each, all stages in turn.
 */

const FIXTURES = join(import.meta.dirname, '../../../fixtures/normalize/json');
const LINES = 30_000;
const OBSERVED = 1_763_632_800_000_000_000n;

/** Fixture lines with other ids, numbers and services in each: half of them access logs. */
const madeLines = (): string => {
  const [access, ...others] = ['014', '003', '007', '016', '009'].map((name) =>
    readFileSync(join(FIXTURES, `${name}.in`), 'utf8'),
  ) as [string, ...string[]];
  let seed = 42;
  const next = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const line = (i: number): string => {
    const text = i % 2 === 0 ? access : (others[next(others.length)] as string);
    const service = `svc${next(40)}`;
    return text
      .replaceAll('cart', service)
      .replace(/[0-9a-f]{12,}/g, (id) => id.replace(/[1-9]/g, () => String(1 + next(9))))
      .replace(/(?<=\.)\d{1,3}(?=[.:])/g, () => String(next(250)));
  };
  return `${Array.from({ length: LINES }, (_, i) => line(i)).join('\n')}\n`;
};

const file = process.argv[2];
const data = file === undefined ? Buffer.from(madeLines()) : readFileSync(file);
const starts: number[] = [];
const ends: number[] = [];
for (let at = 0; at < data.length;) {
  const end = data.indexOf(0x0a, at);
  if (end < 0) break;
  starts.push(at);
  ends.push(end);
  at = end + 1;
}

const record = new LogRecord();
const batch = new RecordBatch();
const normalize = createNormalize();
let sink = 0;

const eachLine = (run: (start: number, end: number) => void): void => {
  for (let i = 0; i < starts.length; i++) run(starts[i] as number, ends[i] as number);
};

const read = (start: number, end: number): void => {
  record.reset();
  record.setLine(data, start, end);
  normalize(record, 0);
};

const finder = new LayoutFinder();

/** The record's layout, where it has structure. */
const find = (): void => {
  if (!record.structured) return;
  const found = finder.find(record);
  if (typeof found !== 'string') record.layout = found;
};

const encode = (layouts: boolean): void => {
  batch.begin(OBSERVED);
  eachLine((start, end) => {
    read(start, end);
    if (layouts) find();
    settleLine(record);
    batch.append(record);
    if (!batch.full) return;
    sink += batch.take('default', 'bench').data.length;
    batch.begin(OBSERVED);
  });
  sink += batch.take('default', 'bench').data.length;
};

const STAGES: Readonly<Record<string, () => void>> = {
  'JSON.parse': () =>
    eachLine((start, end) => {
      const parsed = JSON.parse(data.toString('latin1', start, end)) as object;
      sink += 'level' in parsed ? 1 : 0;
    }),
  scan: () =>
    eachLine((start, end) => {
      record.reset();
      sink += listFields(data, start, end, record.scratch)?.count ?? 0;
    }),
  'scan, fields': () =>
    eachLine((start, end) => {
      read(start, end);
      sink += record.ends[C.body] as number;
    }),
  'scan, fields, layout': () =>
    eachLine((start, end) => {
      read(start, end);
      find();
      sink += record.layout === undefined ? 0 : 1;
    }),
  'scan, fields, layout, columns': () => {
    encode(true);
  },
  'scan, fields, columns, whole line': () => {
    encode(false);
  },
};

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

const rounds = new Map(Object.keys(STAGES).map((name): [string, number[]] => [name, []]));
for (let round = 0; round < 15; round++)
  for (const [name, run] of Object.entries(STAGES)) {
    const before = cpuMs();
    run();
    rounds.get(name)?.push(cpuMs() - before);
  }

const best = (name: string): number =>
  rounds.get(name)?.sort((a, b) => a - b)[2] ?? Number.POSITIVE_INFINITY;
const base = best('JSON.parse');
process.stdout.write(
  `${starts.length} lines, ${Math.round(data.length / starts.length)} bytes each\n`,
);
for (const name of rounds.keys()) {
  const ms = best(name);
  const us = ((ms * 1_000) / starts.length).toFixed(2);
  const rate = (data.length / 1_000 / ms).toFixed(0);
  process.stdout.write(
    `${name.padEnd(36)} ${us} us/line ${rate.padStart(5)} MB/s ${(base / ms).toFixed(2)}x\n`,
  );
}
if (Number.isNaN(sink)) process.stdout.write('nothing was measured\n');
