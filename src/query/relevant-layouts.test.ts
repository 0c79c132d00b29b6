import { expect, test } from 'vitest';
import { parseLayout, type Layout } from '../model/layout.ts';
import { must } from '../model/errors.ts';
import type { BucketLayout } from '../model/storage.ts';
import { ALL_OF_TENANT, narrowScope, openScope, type Scope } from './access-filter.ts';
import { LogqlError } from './logql/errors.ts';
import { parseLogql } from './logql/parser.ts';
import { layoutsOf, serviceTest, type ServiceTest } from './relevant-layouts.ts';

const layout = (text: string): Layout => must(parseLayout(text), text);
const JSON_LINE = layout('{"msg":"<body>"}');
const ACCESS = layout('<method> <path>');
const PLAIN = layout('[<severity_text>] <body>');

const of = (one: Layout, ...services: string[]): BucketLayout => ({
  layout: one,
  services: new Set(services),
});
const anyService = (one: Layout): BucketLayout => ({ layout: one, services: undefined });

const scope = (...tables: readonly BucketLayout[][]): Scope => ({
  tenant: 't',
  access: ALL_OF_TENANT,
  startNs: 0n,
  endNs: 100n,
  tables: tables.map((layouts, i) => ({
    table: `t${i}`,
    minNs: BigInt(i * 10),
    maxNs: BigInt(i * 10 + 9),
    layouts,
    isCurrent: false,
  })),
});

const testOf = (selector: string): ServiceTest => {
  const expr = parseLogql(selector);
  if (expr instanceof LogqlError || expr.type !== 'log') throw new Error(selector);
  return serviceTest(expr.matchers);
};

const SERVICES = ['shop', 'pay', 'shop-2', ''];
test.each([
  ['{service_name="shop"}', ['shop']],
  ['{service_name=~"shop|pay"}', ['shop', 'pay']],
  ['{service_name=~"shop.*"}', ['shop', 'shop-2']],
  ['{service_name=~".+", service_name=~".*2"}', ['shop-2']],
  ['{service_name=~"(?i)SHOP"}', ['shop']],
  // What holds for an absent label is asked of Loki's label, whatever the column says.
  ['{pod="p", service_name=~".*"}', SERVICES],
  ['{pod="p", service_name=""}', SERVICES],
  ['{pod="p", service_name=~"shop|"}', SERVICES],
  ['{pod="p", service_name!="shop"}', SERVICES],
  ['{pod="p", service_name!~"shop"}', SERVICES],
  ['{pod="shop"}', SERVICES],
])('%s admits %j', (selector, admitted) => {
  expect(SERVICES.filter(testOf(selector))).toEqual(admitted);
});

test('what names its services says so, and the list is what the test admits', () => {
  expect(testOf('{service_name="日本"}').only).toEqual(['日本']);
  expect(testOf('{service_name=~"shop|pay"}').only).toEqual(['shop', 'pay']);
  expect(testOf('{service_name=~"shop|pay", service_name=~"s.*"}').only).toEqual(['shop']);
  expect(testOf('{service_name=~"shop.*"}').only).toBeUndefined();
  expect(testOf('{pod="p", service_name!="shop"}').only).toBeUndefined();
});

test.each([
  ['{service_name="pay"}', [PLAIN, JSON_LINE]],
  ['{service_name="gateway"}', [ACCESS]],
  ['{service_name=~"gateway|nobody|none"}', [ACCESS]],
  ['{service_name=~"p.*"}', [PLAIN, JSON_LINE]],
  ['{service_name="nobody"}', []],
])('layouts for %s', (selector, expected) => {
  const all = scope([of(JSON_LINE, 'shop', 'pay'), of(ACCESS, 'gateway')], [of(PLAIN, 'pay')]);
  expect(layoutsOf(all, testOf(selector))).toEqual(expected);
});

test('layouts are those that an admitted service uses, each once, in one order', () => {
  const all = scope(
    [of(JSON_LINE, 'shop', 'pay'), of(ACCESS, 'gateway')],
    [of(PLAIN, 'pay'), of(JSON_LINE, 'pay')],
  );
  expect(layoutsOf(all, () => true)).toEqual([ACCESS, PLAIN, JSON_LINE]);
  expect(layoutsOf(all, (service) => service === 'pay')).toEqual([PLAIN, JSON_LINE]);
  expect(layoutsOf(all, (service) => service === 'shop')).toEqual([JSON_LINE]);
  expect(layoutsOf(all, () => false)).toEqual([]);
  const turned = { ...all, tables: all.tables.toReversed() };
  expect(layoutsOf(turned, () => true)).toEqual(layoutsOf(all, () => true));
});

test('a layout of any service is of every service, also of none known', () => {
  const all = scope([anyService(ACCESS), of(JSON_LINE, 'shop')]);
  expect(layoutsOf(all, () => false)).toEqual([ACCESS]);
  expect(layoutsOf(all, (service) => service === 'shop')).toEqual([ACCESS, JSON_LINE]);
});

test('a narrower scope has the layouts of its tables', () => {
  const all = scope([of(JSON_LINE, 'shop')], [of(ACCESS, 'shop')]);
  expect(layoutsOf(narrowScope(all, 10n, 20n), () => true)).toEqual([ACCESS]);
});

test('a scope sees what the catalog learns after it was opened', async () => {
  const layouts = [of(JSON_LINE, 'shop')];
  const bucket = {
    id: 't/default/2026-11-16',
    tenant: 't',
    retentionClass: 'default',
    signal: 'logs' as const,
    fromNs: 0n,
    table: 'logs_t',
    disk: 1,
  };
  const catalog = { ranges: () => [{ bucket, minNs: 0n, maxNs: 9n, layouts }] };
  const opened = await openScope(catalog, ALL_OF_TENANT, 't', 0n, 10n);
  layouts.push(of(ACCESS, 'shop'));
  expect(layoutsOf(opened, () => true)).toEqual([ACCESS, JSON_LINE]);
});
