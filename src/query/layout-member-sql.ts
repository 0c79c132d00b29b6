import type { Layout } from '../model/layout.ts';
import { LIMITS } from '../model/limits.ts';
import { crc32 } from './checksum.ts';
import { literalSql } from './literal-sql.ts';

/** Tells whether a row has one of some layouts. */
export type MemberSql = (members: readonly Layout[]) => string;

const checksums = new WeakMap<Layout, number>();

const checksumOf = (layout: Layout): number => {
  let sum = checksums.get(layout);
  if (sum === undefined) checksums.set(layout, (sum = crc32(layout.text)));
  return sum;
};

/**
 * For rows of tables that have no other layouts than these. By checksums, since the engine's names
 * of expressions repeat every text in them, again and again; by the texts themselves where two of
 * them have the same sum (or that of no layout, which is 0).
 */
export const memberSql = (layouts: readonly Layout[]): MemberSql => {
  if (haveOwnSums(layouts)) {
    return (members) => oneOf('CRC32(layout)', members.map(checksumOf).map(String));
  }
  return (members) =>
    oneOf(
      'layout',
      members.map(({ text }) => literalSql(text)),
    );
};

const haveOwnSums = (layouts: readonly Layout[]): boolean => {
  const sums = new Set(layouts.map(checksumOf));
  return sums.size === layouts.length && !sums.has(0);
};

/** Whether a statement can name so many layouts. */
export const canBeNamed = (layouts: readonly Layout[]): boolean =>
  layouts.reduce((sum, { text }) => sum + text.length, 0) <= LIMITS.layoutTextsInSql ||
  haveOwnSums(layouts);

const oneOf = (value: string, wanted: readonly string[]): string =>
  wanted.length === 1 ? `${value} = ${wanted[0]}` : `${value} IN (${wanted.join(', ')})`;
