import { C } from '../../model/columns.ts';
import { NS } from '../../model/duration.ts';
import { inferAccess } from './conclude.ts';
import { firstSpace, LinePattern, type Putting } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

const MS: Readonly<Record<string, Putting>> = {
  time_active: { unit: NS.ms },
  time_total: { unit: NS.ms },
  time_response: { unit: NS.ms, column: C.upstream_duration_ns },
  // `----` is a whole state; a lone `-` is none that HAProxy writes.
  response_flags: { dash: true },
};

const HEAD = '<downstream_remote_address> [<ts:stamp>] <frontend_name> ';
const SERVER = '<upstream_cluster>/<server_name> ';
const CONNECTIONS =
  '<actconn:number>/<feconn:number>/<beconn:number>/<srvconn:number>/<retries:number> ' +
  '<srv_queue:number>/<backend_queue:number>';
const HTTP =
  `${HEAD}${SERVER}<time_request:number>/<time_queue:number>/<time_connect:number>/` +
  '<time_response:number>/<time_active:number> <status:number> <bytes_sent:number> ' +
  `<captured_request_cookie> <captured_response_cookie> <response_flags> ${CONNECTIONS}` +
  '(? {<captured_headers:text>})(? {<captured_response_headers:text>}) "<request:request>"';

/** Configuration manual, 8.2.3 to 8.2.6: `option httplog`, also with a unique id behind it. */
const http = new LinePattern(`${HTTP}(? <request_id>)`, MS);
/** `option httpslog`: the errors of the TLS handshake, the name asked for, version and cipher. */
const https = new LinePattern(
  `${HTTP} <fc_err:number>/<ssl_fc_err>/<ssl_c_err>/<ssl_c_ca_err>/<ssl_fc_is_resumed> ` +
    '<requested_server_name>/<tls_version>/<tls_cipher>',
  MS,
);
/** `option tcplog`. */
const tcp = new LinePattern(
  `${HEAD}${SERVER}<time_queue:number>/<time_connect:number>/<time_total:number> ` +
    `<bytes_sent:number> <response_flags> ${CONNECTIONS}`,
  MS,
);
/** What becomes of a connection that fails before there is a request. */
const failure = new LinePattern(
  '<downstream_remote_address> [<ts:stamp>] <frontend_name>/<bind_name>: <msg:text>',
);
/** The format of frontends without a `log-format`. */
const connect = new LinePattern(
  'Connect from <downstream_remote_address> to <downstream_local_address> ' +
    '(<frontend_name>/<mode:text>)',
);

/** What syslog has put in front: its priority, its time, its host. */
const PREFIXES = [
  '(?<<syslog_priority:number>>)<syslog_time:syslog> haproxy[<pid:number>]: ',
  '(?<<syslog_priority:number>>)<syslog_time:syslog> <syslog_host> haproxy[<pid:number>]: ',
  '<syslog_time:stamp> <syslog_host> haproxy[<pid:number>]: ',
].map((template) => new LinePattern(template, {}, true));

const FORMATS = [http, tcp, https, failure, connect];
const ACCESS: ReadonlySet<LinePattern> = new Set([http, tcp, https, connect]);

const NAME = new TextEncoder().encode('haproxy[');
const CONNECT = new TextEncoder().encode('Connect from ');

const isAt = (word: Uint8Array, line: Uint8Array, at: number): boolean => {
  for (let i = 0; i < word.length; i++) if (line[at + i] !== word[i]) return false;
  return true;
};

/** Whether the program's name comes after `most` words at most: a time's and a host. */
const isNamed = (line: Uint8Array, start: number, end: number, most: number): boolean => {
  let at = start;
  for (let i = 0; i < most; i++) {
    at = firstSpace(line, at, end) + 1;
    if (at === 0) return false;
    if (isAt(NAME, line, at)) return true;
  }
  return false;
};

/** HAProxy's access lines, as its log gives them or with a syslog's prefix left in front. */
export const haproxy: Normalizer = {
  name: 'haproxy',

  recognises(line, start, end) {
    const first = line[start];
    if (first === 0x43 && isAt(CONNECT, line, start)) return true;
    if (first === 0x3c || (line[start + 3] === 0x20 && line[start + 9] === 0x3a))
      return isNamed(line, start, end, 6);
    if (line[start + 10] === 0x54 && line[start + 13] === 0x3a) return isNamed(line, start, end, 2);
    const space = firstSpace(line, start, end);
    // Milliseconds that no other proxy writes into the common log format's time.
    return space > 0 && line[space + 1] === 0x5b && line[space + 22] === 0x2e;
  },

  normalize(record) {
    const { lineBuf, lineStart, lineEnd, observedSec } = record;
    let start = lineStart;
    const prefix = PREFIXES.find((pattern) => {
      const behind = pattern.match(lineBuf, lineStart, lineEnd, observedSec);
      if (behind >= 0) start = behind;
      return behind >= 0;
    });
    const found = FORMATS.find((format) => format.match(lineBuf, start, lineEnd) >= 0);
    if (found === undefined) return false;
    found.put(record, prefix?.put(record, lineStart) ?? lineStart);
    if (ACCESS.has(found)) inferAccess(record);
    record.structured = true;
    return true;
  },
};
