import { expect, test } from 'vitest';
import { ipVersion, isLoopback } from './sockets.ts';

test.each([
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['10.127.0.1', false],
  ['127.0.0.1.example.com', false],
  ['::ffff:10.0.0.1', false],
  ['', false],
])('%s is loopback: %s', (address, expected) => {
  expect(isLoopback(address)).toBe(expected);
});

test.each([
  ['10.0.0.1', 4],
  ['::1', 6],
  ['10.0.0', 0],
])('%s has IP version %i', (text, expected) => {
  expect(ipVersion(text)).toBe(expected);
});
