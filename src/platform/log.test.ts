import { expect, test } from 'vitest';
import { createLog, type Log, type LogLevel } from './log.ts';

function logInto(level?: LogLevel): { log: Log; lines: Record<string, unknown>[]; text: string[] } {
  const text: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => {
    text.push(line);
    lines.push(JSON.parse(line) as Record<string, unknown>);
  };
  return { log: createLog(level, { write }), lines, text };
}

test('a line carries level, time, message, its own fields and those of its part', () => {
  const { log, lines } = logInto();
  log.child({ part: 'journal' }).warn('slow disk', { syncMs: 120, seq: 9_007_199_254_740_993n });
  expect(lines).toMatchObject([
    { level: 'warn', part: 'journal', message: 'slow disk', syncMs: 120, seq: '9007199254740993' },
  ]);
  expect(String(lines[0]?.['time'])).toMatch(/^\d{4}-.*Z$/);
});

test('lines under the level are not written', () => {
  const { log, lines } = logInto('warn');
  log.info('no');
  log.debug('no');
  log.error('yes');
  expect(lines).toHaveLength(1);
});

test.each([
  ['a field', { apiKey: 'hunter2' }],
  ['a field of ours', { MESHTRAIL_ADMIN_KEY: 'hunter2' }],
  ['a deep field', { request: { headers: { Authorization: 'hunter2' } } }],
  ['a field in a list', { users: [{ db_password: 'hunter2' }] }],
  ['a URL', { url: 'http://writer:hunter2@127.0.0.1:8123/' }],
  ['an error', { error: new Error('GET https://a:hunter2@host/ failed') }],
  ['a header', { text: 'Authorization: Bearer hunter2hunter2' }],
])('a secret in %s is masked', (_place, fields) => {
  const { log, text } = logInto();
  log.info('something', fields);
  log.child(fields).info('something');
  expect(text.join('')).toContain('[secret]');
  expect(text.join('')).not.toContain('hunter2');
});

test('errors keep message, code and stack; bytes are never printed', () => {
  const { log, lines } = logInto();
  const error = Object.assign(new Error('full'), { code: 'ENOSPC' });
  log.error('write failed', { error, frame: Buffer.from('received bytes') });
  expect(lines[0]?.['error']).toMatchObject({ message: 'full', code: 'ENOSPC' });
  expect(lines[0]?.['frame']).toBe('14 bytes');
});

test('fields that refer to themselves end', () => {
  const { log, lines } = logInto();
  const round: Record<string, unknown> = {};
  round['round'] = round;
  log.info('round', round);
  expect(JSON.stringify(lines[0])).toContain('[deeper]');
});
