import { expect, test } from 'vitest';
import { codeMappings } from './startup-pages.ts';

test('only the code of the named library is found', () => {
  const maps = [
    '7f0000000000-7f0000001000 r--p 00000000 fe:00 1 /x/libchdb.so',
    '7f0000001000-7f0000005000 r-xp 00001000 fe:00 1 /x/libchdb.so',
    '7f0000005000-7f0000006000 rw-p 00005000 fe:00 1 /x/libchdb.so',
    '7f0000007000-7f0000008000 r-xp 00000000 fe:00 2 /x/libc.so.6',
    '7f0000009000-7f000000a000 rw-p 00000000 00:00 0 ',
    '',
  ].join('\n');
  expect(codeMappings(maps, '/x/libchdb.so')).toEqual([{ at: 0x7f0000001000n, size: 0x4000n }]);
});
