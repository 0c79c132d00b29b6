import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Counters, METRICS } from './counters.ts';

test('every metric is documented in docs/metrics.md, with its type', () => {
  const document = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  for (const [name, [type]] of Object.entries(METRICS)) {
    expect(document).toContain(`| \`${name}`);
    expect(document.split('\n').find((line) => line.includes(`\`${name}`))).toContain(type);
  }
});

test('the text form has help, type, escaped labels and sums', () => {
  const counters = new Counters();
  counters.received('loki', 2, 100);
  counters.received('loki', 3, 50);
  counters.add('meshtrail_rejected_records_total', 1, { protocol: 'x', reason: 'a"b\\c\nd' });
  const text = counters.text();
  expect(text).toContain('# TYPE meshtrail_received_records_total counter\n');
  expect(text).toContain('meshtrail_received_records_total{protocol="loki"} 5\n');
  expect(text).toContain('reason="a\\"b\\\\c\\nd"} 1\n');
});

test('label sets are bounded: what is beyond falls to "other"', () => {
  const counters = new Counters();
  for (let i = 0; i < 5_000; i++)
    counters.add('meshtrail_dropped_records_total', 1, { source: String(i) });
  const lines = counters
    .text()
    .split('\n')
    .filter((line) => line.startsWith('meshtrail_dropped_records_total{'));
  expect(lines.length).toBeLessThanOrEqual(1_001);
  expect(counters.get('meshtrail_dropped_records_total', { source: 'other' })).toBe(4_000);
});
