import { expect, test } from 'vitest';
import { readOptions } from './options.ts';
import type { Line, Report } from './report.ts';
import { runBench } from './run.ts';

const MINUTES = 60_000;

const run = async (words: string): Promise<Report> => {
  const options = readOptions(words.split(' '));
  if (typeof options === 'string') throw new Error(options);
  return runBench(options, () => undefined);
};

const valuesOf = (report: Report, section: string): Record<string, number> =>
  Object.fromEntries(
    report.lines.filter((line) => line.section === section).map((line) => [line.name, line.value]),
  );

const notNumbers = ({ lines }: Report): Line[] => lines.filter(({ value }) => Number.isNaN(value));

test(
  'every section gives numbers, and its books agree',
  async () => {
    const report = await run(
      '--records 3000 --samples 10 --rest 1 --buckets 20 --trickle 2 --protocols datadog',
    );
    expect(notNumbers(report)).toEqual([]);
    for (const shape of ['ndjson', 'loki', 'bulk']) {
      expect(valuesOf(report, `ingest ${shape}`)).toMatchObject({
        'records sent': 3000,
        'records stored': 3000,
        'records counted by LogQL': 3000,
        'of 10 lines, given back byte for byte': 100,
      });
      expect(valuesOf(report, `queries on ${shape}`)).toHaveProperty('rare word (1)');
    }
    for (const side of ['JSON.parse -> JSONEachRow', 'engine-only Native ceiling']) {
      expect(valuesOf(report, side)).toMatchObject({ 'records stored': 3000 });
    }
    const disk = valuesOf(report, 'disk by column and index, all in one part');
    expect(Object.keys(disk)).toEqual(expect.arrayContaining(['attributes', 'index i_body']));
    expect(valuesOf(report, 'buckets')).toMatchObject({
      'trickle: records sent': 220,
      'trickle: records stored': 220,
    });
    expect(valuesOf(report, 'latency')).toHaveProperty('loaded: acknowledged -> searchable, p99');
  },
  10 * MINUTES,
);

test.each([
  ['--records 0', 'greater than 0'],
  ['--records x', "not 'x'"],
  ['--shape xml', 'ndjson, loki, bulk'],
  ['--only ingest,lunch', "not 'lunch'"],
])('%s is refused', (words, said) => {
  expect(() => readOptions(words.split(' '))).toThrow(said);
});
