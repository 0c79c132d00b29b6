import { expect, test } from 'vitest';
import { EngineError } from './engine-error.ts';
import { insertFailure, readFailure } from './failure.ts';

test.each([
  ['241', 'resource', 'memory'],
  ['252', 'resource', 'too many parts'],
  ['243', 'resource', 'disk full'],
  ['60', 'resource', 'no such table'],
  ['16', 'resource', 'no such column'],
  ['516', 'resource', 'password'],
  ['999999', 'resource', 'an error that we do not know'],
  ['117', 'content', 'incorrect data'],
  ['469', 'content', 'constraint'],
  ['49', 'unknown', 'logical error'],
])('an insert refused with %s is about %s (%s)', (code, failure) => {
  expect(insertFailure(new EngineError(code, ''))).toBe(failure);
});

test('a broken connection says nothing about the rows', () => {
  expect(insertFailure(Object.assign(new Error('x'), { code: 'ECONNRESET' }))).toBe('resource');
});

test.each([
  ['159', 'query_timeout'],
  ['241', 'query_memory'],
  ['202', 'engine_unavailable'],
  ['47', 'query_failed'],
])('a read that ended with %s is %s', (code, expected) => {
  expect(readFailure(new EngineError(code, 'x'), false).code).toBe(expected);
});

test('an engine that is not there, and a query that was cancelled', () => {
  const reset = Object.assign(new Error('x'), { code: 'ECONNREFUSED' });
  expect(readFailure(reset, false).code).toBe('engine_unavailable');
  expect(readFailure(reset, true).code).toBe('query_cancelled');
});
