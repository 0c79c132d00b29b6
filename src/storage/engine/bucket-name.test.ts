import { describe, expect, test } from 'vitest';
import {
  bucketId,
  checkTenant,
  dayText,
  tableName,
  weekStartNs,
  type BucketParts,
} from './bucket-name.ts';

const ns = (text: string): bigint => BigInt(Date.parse(text)) * 1_000_000n;

describe('weekStartNs is the Monday in UTC', () => {
  test.each([
    ['2026-11-16T00:00:00Z', '2026-11-16'],
    ['2026-11-22T23:59:59.999Z', '2026-11-16'],
    ['2026-11-23T00:00:00Z', '2026-11-23'],
    ['2027-01-01T12:00:00Z', '2026-12-28'],
    ['1970-01-01T00:00:00Z', '1969-12-29'],
    ['1970-01-05T00:00:00Z', '1970-01-05'],
  ])('%s belongs to %s', (at, monday) => {
    expect(dayText(weekStartNs(ns(at)))).toBe(monday);
  });
});

describe('tableName', () => {
  const monday = ns('2026-11-16T00:00:00Z');
  const partsOf = (tenant: string): BucketParts => ({
    tenant,
    retentionClass: 'default',
    fromNs: monday,
    signal: 'logs',
  });

  test.each(["a'; DROP TABLE x --", '..(x)', 'ÄÖ', 'UPPER', '!'.repeat(150), 'a_b*c'])(
    'is safe in SQL for the tenant %s',
    (tenant) => {
      expect(tableName(partsOf(tenant))).toMatch(/^logs_[a-z0-9_]{1,100}$/);
    },
  );

  test('differs for tenants that look alike', () => {
    const names = ['a.b', 'a-b', 'A-B', 'a_b'].map((tenant) => tableName(partsOf(tenant)));
    expect(new Set(names).size).toBe(4);
  });

  test('an id names tenant, class and day', () => {
    expect(bucketId(partsOf('acme'))).toBe('acme/default/2026-11-16');
  });

  test('spans have an id and a table of their own', () => {
    const parts = { ...partsOf('acme'), signal: 'spans' } as const;
    expect(bucketId(parts)).toBe('acme/default/2026-11-16/spans');
    expect(tableName(parts)).toMatch(/^spans_acme_default_20261116_[0-9a-f]{16}$/);
  });
});

describe('checkTenant', () => {
  test.each(['acme', "it's", '(a)!*_-.', 'x'.repeat(150), '...'])('takes %s', (tenant) => {
    expect(() => checkTenant(tenant)).not.toThrow();
  });

  test.each(['', '.', '..', 'a/b', 'a b', 'a\nb', 'a|b', 'ä', 'x'.repeat(151), 'a\0'])(
    'refuses %j',
    (tenant) => {
      expect(() => checkTenant(tenant)).toThrow(/tenant/);
    },
  );
});
