import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LayoutFinder } from '../../model/layout-finder.ts';
import { LogRecord } from '../../model/record.ts';
import { NORMALIZERS } from './all.ts';
import { createNormalize } from './recognise.ts';

/**
 * What a line of each format costs from its bytes to its fields and layout, over the fixtures, each
 * in a run of its own: `node src/ingest/normalize/recognise.bench.ts [FORMAT ...]`. Once as from a
 * source whose format is known, once as if each line were a new source's first. CPU time of the
 * process, the third best of nine rounds.
 */

const FIXTURES = join(import.meta.dirname, '../../../fixtures/normalize');
const LINES = 6_000;
const ROUNDS = 9;

const record = new LogRecord();
const finder = new LayoutFinder();
let sink = 0;

const linesOf = (format: string): Buffer[] => {
  const folder = join(FIXTURES, format);
  return readdirSync(folder)
    .filter((file) => file.endsWith('.in'))
    .map((file) => readFileSync(join(folder, file)));
};

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

/** Microseconds a line; `isNew` where each line is to be a new source's. */
const cost = (lines: readonly Buffer[], isNew: boolean): number => {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const normalize = createNormalize();
    const before = cpuMs();
    for (let i = 0; i < LINES; i++) {
      const at = Math.floor((i * lines.length) / LINES);
      const line = lines[at] as Buffer;
      record.reset();
      record.setLine(line, 0, line.length);
      normalize(record, isNew ? i : at);
      if (record.structured && typeof finder.find(record) !== 'string') sink++;
    }
    rounds.push(cpuMs() - before);
  }
  return ((rounds.sort((a, b) => a - b)[2] as number) * 1_000) / LINES;
};

const asked = process.argv.slice(2);
const formats = asked.length > 0 ? asked : NORMALIZERS.map(({ name }) => name);
process.stdout.write(`${'format'.padEnd(16)} bytes  us/line    MB/s  us/line of new sources\n`);
for (const format of formats) {
  const lines = linesOf(format);
  const size = lines.reduce((sum, { length }) => sum + length, 0) / lines.length;
  const known = cost(lines, false);
  const unknown = cost(lines, true);
  process.stdout.write(
    `${format.padEnd(16)} ${size.toFixed(0).padStart(5)} ${known.toFixed(2).padStart(8)} ` +
      `${(size / known).toFixed(0).padStart(7)} ${unknown.toFixed(2).padStart(8)}\n`,
  );
}
if (Number.isNaN(sink)) process.stdout.write('nothing was measured\n');
