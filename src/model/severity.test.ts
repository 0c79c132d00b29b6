import { expect, it } from 'vitest';
import { severityOfLevel, severityOfStatus, severityOfWord, severityWord } from './severity.ts';

const word = (text: string): number => severityOfWord(Buffer.from(text), 0, text.length);

it('knows the words of loggers, in any case', () => {
  const of = (words: string): number[] => words.split(' ').map(word);
  expect(of('trace TRACE Verbose finest')).toEqual([1, 1, 1, 1]);
  expect(of('debug DEBUG fine dbg')).toEqual([5, 5, 5, 5]);
  expect(of('info INFO Information informational I')).toEqual([9, 9, 9, 9, 9]);
  expect(of('notice NOTICE')).toEqual([10, 10]);
  expect(of('warn WARNING Wrn')).toEqual([13, 13, 13]);
  expect(of('error ERR severe E')).toEqual([17, 17, 17, 17]);
  expect(of('critical fatal PANIC emerg alert')).toEqual([18, 21, 21, 21, 19]);
  expect(of('INFO2 error4')).toEqual([10, 20]);
});

it('takes nothing else for a level', () => {
  for (const text of ['', 'x', 'infos', 'warnings', 'err or', 'informationalist', '30', 'null'])
    expect(word(text)).toBe(0);
});

it('knows the numbers of syslog, pino and bunyan', () => {
  expect([0, 3, 4, 6, 7].map(severityOfLevel)).toEqual([21, 17, 13, 9, 5]);
  expect([10, 20, 30, 35, 40, 50, 60].map(severityOfLevel)).toEqual([1, 5, 9, 9, 13, 17, 21]);
  expect([-1, 8, 9, 70, 200].map(severityOfLevel)).toEqual([0, 0, 0, 0, 0]);
});

it('names severities, and rates statuses', () => {
  expect([0, 1, 4, 5, 9, 13, 17, 21, 24, 25].map(severityWord)).toEqual([
    'unknown',
    'trace',
    'trace',
    'debug',
    'info',
    'warn',
    'error',
    'fatal',
    'fatal',
    'unknown',
  ]);
  expect([200, 302, 404, 503].map(severityOfStatus)).toEqual([9, 9, 13, 17]);
});
