import { expect, test } from 'vitest';
import { readGlobs } from './glob.ts';

const matches = (pattern: string, path: string): boolean =>
  readGlobs(pattern).some((glob) => glob.matches(path));

test.each([
  ['/var/log/*.log', '/var/log/a.log'],
  ['/var/log/**/*.log', '/var/log/a.log'],
  ['/var/log/**/*.log', '/var/log/x/y/a.log'],
  ['/var/log/**', '/var/log/x/y/a'],
  ['/var/log/app?.log', '/var/log/app1.log'],
  ['/var/log/app[0-9].log', '/var/log/app1.log'],
  ['/var/log/app[!a].log', '/var/log/app1.log'],
  ['/var/log/{a,b}/*.log', '/var/log/b/x.log'],
  ['/var/log/a.log{,.1}', '/var/log/a.log'],
  ['/var/log/a.log{,.1}', '/var/log/a.log.1'],
  ['/var/log/(a)+.log', '/var/log/(a)+.log'],
  ['/a/\\*.log', '/a/*.log'],
  ['/var/log/pods/*/*/*.log', '/var/log/pods/ns_pod_uid/main/0.log'],
])('%s matches %s', (pattern, path) => expect(matches(pattern, path)).toBe(true));

test.each([
  ['/var/log/*.log', '/var/log/x/a.log'],
  ['/var/log/*.log', '/var/log/a.log.1'],
  ['/var/log/**/*.log', '/var/logs/a.log'],
  ['/var/log/a?.log', '/var/log/a/.log'],
  ['/var/log/app[!a].log', '/var/log/appa.log'],
  ['/var/log/app[!a].log', '/var/log/app/.log'],
  ['/var/log/a.log', '/var/log/aXlog'],
])('%s does not match %s', (pattern, path) => expect(matches(pattern, path)).toBe(false));

test('only folders that may hold something are gone through', () => {
  const [glob] = readGlobs('/var/log/pods/shop_*/*/*.log');
  expect(glob?.folder).toBe('/var/log/pods');
  expect(glob?.depth).toBe(2);
  expect(glob?.mayHold('/var/log/pods/shop_a_1')).toBe(true);
  expect(glob?.mayHold('/var/log/pods/core_a_1')).toBe(false);
  expect(glob?.mayHold('/var/log/pods/shop_a_1/main/deeper')).toBe(false);
  const [any] = readGlobs('/srv/*/logs/**/*.log');
  expect(any?.mayHold('/srv/a/data')).toBe(false);
  expect(any?.mayHold('/srv/a/logs/b/c')).toBe(true);
});
