import { inferAccess } from './conclude.ts';
import { endsWithPort, firstSpace, LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

/** Debian's `vhost_combined`: the virtual host before the common log format's fields. */
const vhost = new LinePattern(
  '<vhost> <remote_addr> <remote_logname> <remote_user> [<ts:stamp>] "<request:request>" ' +
    '<status:number> <bytes_sent:number> "<http_referer:text>" "<user_agent:text>"',
);

/** The error log since 2.4 (core, `ErrorLogFormat`), with and without the client of a request. */
const HEAD = '[<ts:stamp>] [<module:text>:<level>] [pid <pid:number>(?:tid <thread_id:number>)] ';
const ofClient = new LinePattern(`${HEAD}[client <downstream_remote_address:text>] <msg:text>`);
const error = new LinePattern(`${HEAD}<msg:text>`);
const ERRORS = [ofClient, error];
const VHOSTS = [vhost];

/** `[Sat Nov 21 ...`: a weekday in brackets, which no other format begins with. */
const opensError = (line: Uint8Array, start: number): boolean =>
  line[start] === 0x5b &&
  line[start + 4] === 0x20 &&
  line[start + 8] === 0x20 &&
  line[start + 14] === 0x3a &&
  line[start + 17] === 0x3a;

/** `web.example.com:443 ` with its port. */
const opensVhost = (line: Uint8Array, start: number, end: number): boolean => {
  const space = firstSpace(line, start, end);
  return space > 0 && endsWithPort(line, start, space) && line[space + 1] !== 0x5b;
};

/**
 * Apache's lines that no other server writes: its error log, and access lines with the virtual
 * host. Its common and combined formats are NGINX's too.
 */
export const apache: Normalizer = {
  name: 'apache',

  recognises: (line, start, end) => opensError(line, start) || opensVhost(line, start, end),

  normalize(record) {
    const isError = opensError(record.lineBuf, record.lineStart);
    const found = putFirst(record, isError ? ERRORS : VHOSTS);
    if (found === vhost) inferAccess(record);
    return found !== undefined;
  },
};
