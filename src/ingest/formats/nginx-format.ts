import { NS } from '../../model/duration.ts';
import { inferAccess } from '../normalize/conclude.ts';
import type { Compiled } from './compiled.ts';
import { formatFault } from './fault.ts';
import type { Field, Shape } from './field.ts';
import { asIs, joined, wordsOf, type Pasted } from './pasted.ts';
import { Pattern, type Piece } from './pattern.ts';
import { timePattern } from './strftime.ts';
import { textCompiled } from './text-compiled.ts';

/** How NGINX writes values (ngx_http_log_module, `escape`). */
type Escape = 'default' | 'json' | 'none';

/** Variables whose values have a shape (NGINX, "Alphabetical index of variables"). */
const SHAPES: Readonly<Record<Exclude<Shape, 'any'>, string>> = {
  number:
    'status body_bytes_sent bytes_sent bytes_received request_length request_time session_time ' +
    'msec connection connection_requests connection_time pid remote_port server_port ' +
    'proxy_protocol_port proxy_protocol_server_port gzip_ratio tcpinfo_rtt tcpinfo_rttvar ' +
    'tcpinfo_snd_cwnd tcpinfo_rcv_space upstream_session_time',
  word:
    'remote_addr realip_remote_addr proxy_protocol_addr server_addr time_iso8601 host ' +
    'server_name request_method server_protocol protocol scheme pipe request_id req_id ' +
    'ssl_protocol ssl_cipher ssl_server_name ssl_session_reused ssl_session_id ' +
    'request_completion ' +
    'connection_serial http2 http3 https hostname nginx_version',
  list:
    'upstream_addr upstream_status upstream_response_time upstream_connect_time ' +
    'upstream_header_time upstream_first_byte_time upstream_response_length ' +
    'upstream_bytes_sent upstream_bytes_received upstream_cache_status upstream_queue_time',
  request: 'request',
};
const shapes = new Map<string, Shape>();
for (const [shape, names] of Object.entries(SHAPES) as [Shape, string][])
  for (const name of names.split(' ')) shapes.set(name, shape);

/** Variables that say what a field of another name says. */
const NAMES: Readonly<Record<string, string>> = {
  host: 'authority',
  http_host: 'authority',
  http_x_request_id: 'request_id',
  http_traceparent: 'traceparent',
  http_x_b3_traceid: 'x_b3_traceid',
  http_x_b3_spanid: 'x_b3_spanid',
  ssl_protocol: 'tls_version',
  msec: 'ts',
};
const LOCAL_TIME = '%d/%b/%Y:%H:%M:%S %z';

const fieldOf = (name: string, operator: string, at: number, escape: Escape): Field => ({
  name: NAMES[name] ?? name,
  operator,
  at,
  shape: shapes.get(name) ?? 'any',
  ...(name === 'request_time' && { unit: NS.s }),
  ...(name === 'session_time' && { unit: NS.s }),
  ...(name === 'time_local' && { time: timePattern(LOCAL_TIME, LOCAL_TIME, 0) }),
  ...(escape !== 'default' && { blank: true as const }),
  ...(escape === 'json' && { escaped: true as const }),
});

const VARIABLE = /^\$(?:([A-Za-z0-9_]+)|\{([A-Za-z0-9_]+)\})/;

const piecesOf = (definition: string, { text, places }: Pasted, escape: Escape): Piece[] => {
  const pieces: Piece[] = [];
  for (let at = 0; at < text.length;) {
    if (text[at] !== '$') {
      const end = text.indexOf('$', at);
      pieces.push(text.slice(at, end < 0 ? text.length : end));
      at = end < 0 ? text.length : end;
      continue;
    }
    const match = VARIABLE.exec(text.slice(at));
    const place = places[at] as number;
    if (match === null)
      throw formatFault(
        definition,
        place,
        `'${text.slice(at, at + 8)}' is no variable`,
        'a variable is $name or ${name}; NGINX has no way to write a dollar sign',
      );
    const [whole, bare, braced] = match;
    pieces.push(fieldOf(bare ?? braced ?? '', whole, place, escape));
    at += whole.length;
  }
  return pieces;
};

const escapeOf = (definition: string, word: string, at: number): Escape => {
  const value = word.slice('escape='.length);
  if (value === 'default' || value === 'json' || value === 'none') return value;
  const allowed = 'escape=default, escape=json, escape=none';
  throw formatFault(definition, at, `'${word}' is no way to escape`, allowed);
};

/** The text and its escaping, from the whole directive, its strings, or the text alone. */
const pastedOf = (definition: string): { readonly text: Pasted; readonly escape: Escape } => {
  const directive = /^\s*log_format\s+\S+\s/.exec(definition);
  const head = /^\s*(escape=\w+)\s+/.exec(definition);
  const from = directive?.[0].length ?? 0;
  if (directive === null && !/^\s*(escape=\w+\s+)?'/.test(definition)) {
    const escape = head === null ? 'default' : escapeOf(definition, head[1] as string, 0);
    return { text: asIs(definition, head?.[0].length ?? 0), escape };
  }
  const end = definition.replace(/[;\s]+$/, '').length;
  const words = wordsOf(definition.slice(0, end), from);
  const [first] = words;
  const isEscape = first?.text.startsWith('escape=') === true && !first.isQuoted;
  const escape = isEscape ? escapeOf(definition, first.text, first.places[0] ?? 0) : 'default';
  return { text: joined(isEscape ? words.slice(1) : words, end), escape };
};

/** NGINX's `log_format`: the directive as the configuration has it, or its text. */
export const nginxFormat = (definition: string): Compiled => {
  const { text, escape } = pastedOf(definition);
  const pattern = new Pattern(definition, piecesOf(definition, text, escape));
  return textCompiled('nginx', [pattern], inferAccess);
};
