import { expect, test } from 'vitest';
import { C } from './columns.ts';
import { guessLevel } from './level-words.ts';
import { LogRecord } from './record.ts';
import { severityWord } from './severity.ts';

test.each([
  ['plain line', 'unknown', ''],
  ['', 'unknown', ''],
  ['an error occurred', 'error', 'error'],
  ['ERROR', 'error', 'ERROR'],
  ['it was an err', 'error', 'err'],
  ['a warning, then an error', 'warn', 'warning'],
  ['warned of an error', 'error', 'error'],
  ['{"msg":"fatal: no disk"}', 'fatal', 'fatal'],
  ['a critical thing', 'error', 'critical'],
  ['for your information', 'unknown', ''],
  ['misc:error', 'unknown', ''],
  ['error-prone', 'unknown', ''],
  ['terror', 'unknown', ''],
  ['errors', 'unknown', ''],
  ['state=Info!', 'info', 'Info'],
  ['(debug) x', 'debug', 'debug'],
  ['trace|x', 'trace', 'trace'],
])('the level of %j is %s', (line, level, text) => {
  const record = new LogRecord();
  record.reset();
  const bytes = new TextEncoder().encode(`error ${line} error`);
  record.setLine(bytes, 6, bytes.length - 6);
  guessLevel(record);
  expect(severityWord(record.numbers[C.severity] as number)).toBe(level);
  expect(record.text(C.severity_text)).toBe(text);
});
