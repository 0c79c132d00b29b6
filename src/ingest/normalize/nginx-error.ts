import { LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

const formats = [
  new LinePattern(
    '<ts:time> [<level:level>] <pid:number>#<thread_id:number>: (?*<connection:number> )<msg:text>',
  ),
];

/**
 * NGINX's error log (ngx_log.c): `2025/11/20 10:00:00 [error] 31#31: *4711 message`. What follows
 * the message by commas (client, server, request) is left in it: the message may hold the same.
 */
export const nginxError: Normalizer = {
  name: 'nginx-error',
  opens: '0123456789',

  recognises: (line, start) =>
    line[start + 4] === 0x2f &&
    line[start + 7] === 0x2f &&
    line[start + 19] === 0x20 &&
    line[start + 20] === 0x5b,

  normalize: (record) => putFirst(record, formats) !== undefined,
};
