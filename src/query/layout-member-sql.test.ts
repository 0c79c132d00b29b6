import { expect, test } from 'vitest';
import { must } from '../model/errors.ts';
import { makeLayout, type Layout } from '../model/layout.ts';
import { crc32 } from './checksum.ts';
import { memberSql } from './layout-member-sql.ts';

const layout = (text: string): Layout => makeLayout([text], []);

/** Two texts of one checksum: among some 80,000 there is a pair. */
const twins = (): readonly [Layout, Layout] => {
  const seen = new Map<number, string>();
  for (let i = 0; ; i++) {
    const text = `${i} ${i * 7_919} ${i * i}`;
    const twin = seen.get(crc32(text));
    if (twin !== undefined) return [layout(twin), layout(text)];
    seen.set(crc32(text), text);
  }
};

test('layouts are told apart by checksums', () => {
  const all = ['a', 'b', 'c'].map(layout);
  const isOneOf = memberSql(all);
  expect(isOneOf([must(all[0], 'a')])).toBe('CRC32(layout) = 3904355907');
  expect(isOneOf(all)).toBe('CRC32(layout) IN (3904355907, 1908338681, 112844655)');
});

test('layouts of one checksum are told apart by their texts', () => {
  const [a, b] = twins();
  expect(memberSql([a, b, layout("it's")])([a])).toBe(`layout = '${a.text}'`);
  expect(memberSql([a, layout("it's")])([layout("it's")])).toMatch(/^CRC32\(layout\) = \d+$/);
  expect(memberSql([a, b, layout("it's")])([layout("it's"), b])).toBe(
    `layout IN ('it\\x27s', '${b.text}')`,
  );
});
