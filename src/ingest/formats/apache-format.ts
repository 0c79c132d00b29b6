import { NS } from '../../model/duration.ts';
import { inferAccess } from '../normalize/conclude.ts';
import type { Compiled } from './compiled.ts';
import { formatFault } from './fault.ts';
import type { Field, Shape } from './field.ts';
import { unescapedText, wordsOf, type Pasted } from './pasted.ts';
import { Pattern, type Piece } from './pattern.ts';
import { timePattern } from './strftime.ts';
import { textCompiled } from './text-compiled.ts';

/** `%`, statuses for which it is written, `<` or `>`, a name in braces, its letter. */
const DIRECTIVE =
  /^%(?:!?[0-9]{3}(?:,[0-9]{3})*)?[<>]?(?:\{([^}]*)\})?[<>]?(\^[A-Za-z]{2}|[A-Za-z])/;

/** Letters without a name in braces (mod_log_config, "Custom Log Formats"). */
const LETTERS: Readonly<Record<string, readonly [name: string, shape: Shape, unit?: number]>> = {
  h: ['remote_addr', 'word'],
  a: ['remote_addr', 'word'],
  A: ['local_addr', 'word'],
  l: ['remote_logname', 'word'],
  u: ['remote_user', 'any'],
  r: ['request', 'request'],
  s: ['status', 'number'],
  b: ['body_bytes_sent', 'number'],
  B: ['body_bytes_sent', 'number'],
  O: ['bytes_sent', 'number'],
  I: ['bytes_received', 'number'],
  S: ['bytes_transferred', 'number'],
  D: ['duration', 'number', NS.us],
  T: ['duration', 'number', NS.s],
  H: ['protocol', 'word'],
  m: ['method', 'word'],
  U: ['path', 'any'],
  q: ['query', 'any'],
  f: ['filename', 'any'],
  v: ['vhost', 'word'],
  V: ['server_name', 'word'],
  p: ['server_port', 'number'],
  P: ['pid', 'number'],
  k: ['keepalive_requests', 'number'],
  L: ['log_id', 'word'],
  R: ['handler', 'any'],
  X: ['connection_status', 'word'],
  '^FB': ['time_first_byte', 'number'],
};

/** Letters whose name in braces is part of the field's. */
const NAMED: Readonly<Record<string, string>> = {
  i: 'http_',
  o: 'sent_http_',
  C: 'cookie_',
  e: 'env_',
  n: 'note_',
  x: 'variable_',
  '^ti': 'trailer_',
  '^to': 'sent_trailer_',
};

const HEADERS: Readonly<Record<string, string>> = {
  host: 'authority',
  'x-request-id': 'request_id',
  'x-b3-traceid': 'x_b3_traceid',
  'x-b3-spanid': 'x_b3_spanid',
  traceparent: 'traceparent',
};

const UNITS: Readonly<Record<string, number>> = { s: NS.s, ms: NS.ms, us: NS.us };
const LOCAL_TIME = '%d/%b/%Y:%H:%M:%S %z';
const COUNTS: Readonly<Record<string, string>> = { sec: 'ts', msec: 'ts', usec: 'ts' };

/** `%t`, `%{format}t`: strftime's, or a count since 1970, of the begin or end of the request. */
const timeOf = (definition: string, base: Field, braces: string | undefined): Piece[] => {
  if (braces === undefined) {
    const time = timePattern(LOCAL_TIME, LOCAL_TIME, 0);
    return ['[', { ...base, name: 'time_local', time }, ']'];
  }
  const format = braces.replace(/^(begin|end):/, '');
  const count = COUNTS[format];
  if (count !== undefined) return [{ ...base, name: count, shape: 'number' }];
  if (/^[mu]sec_frac$/.test(format)) return [{ ...base, name: format, shape: 'number' }];
  const from = base.at + base.operator.indexOf(format);
  return [{ ...base, name: 'ts', time: timePattern(format, definition, from) }];
};

const fieldOf = (definition: string, at: number, match: RegExpExecArray): Piece[] => {
  const [operator, braces, letter = ''] = match;
  const base: Field = { name: '', operator, at, shape: 'any' };
  if (letter === 't') return timeOf(definition, base, braces);
  const prefix = NAMED[letter];
  if (prefix !== undefined) {
    if (braces === undefined || braces === '')
      throw formatFault(definition, at, `${operator} names nothing`, `write %{NAME}${letter}`);
    const lower = braces.toLowerCase();
    const known = letter === 'i' ? HEADERS[lower] : undefined;
    return [{ ...base, name: known ?? prefix + lower.replaceAll(/[^a-z0-9.]+/g, '_') }];
  }
  const found = LETTERS[letter];
  if (found === undefined)
    throw formatFault(
      definition,
      at,
      `${operator} is none of Apache's`,
      `allowed: %t ${Object.keys(LETTERS)
        .map((one) => `%${one}`)
        .join(' ')} ${Object.keys(NAMED)
        .map((one) => `%{NAME}${one}`)
        .join(' ')} %%`,
    );
  const [name, shape, unit] = found;
  const chosen = letter === 'T' ? (UNITS[braces ?? 's'] ?? unit) : unit;
  const suffix = braces === undefined || letter === 'T' ? '' : `_${braces}`;
  return [{ ...base, name: name + suffix, shape, ...(chosen !== undefined && { unit: chosen }) }];
};

const piecesOf = (definition: string, { text, places }: Pasted): Piece[] => {
  const pieces: Piece[] = [];
  for (let at = 0; at < text.length;) {
    if (text[at] !== '%' || text[at + 1] === '%') {
      pieces.push(text.charAt(at));
      at += text[at] === '%' ? 2 : 1;
      continue;
    }
    const match = DIRECTIVE.exec(text.slice(at));
    const place = places[at] as number;
    if (match === null)
      throw formatFault(
        definition,
        place,
        `'${text.slice(at, at + 8)}' begins no directive`,
        'a directive is %h, %>s or %{Referer}i; a percent sign is %%',
      );
    const found = fieldOf(definition, place, match);
    const before = pieces.at(-1);
    // The query string begins with a question mark, or is empty: path and query are one value.
    if (match[2] === 'q' && typeof before === 'object' && before.name === 'path') {
      pieces[pieces.length - 1] = { ...before, operator: `${before.operator}${match[0]}` };
    } else pieces.push(...found);
    at += match[0].length;
  }
  return pieces;
};

/** Apache's `LogFormat`: the directive as the configuration has it, or its text. */
export const apacheFormat = (definition: string): Compiled => {
  const directive = /^\s*(?:LogFormat|CustomLog\s+\S+)\s+(?=")/.exec(definition);
  const [word] = directive === null ? [] : wordsOf(definition, directive[0].length);
  const pieces = piecesOf(definition, word ?? unescapedText(definition));
  return textCompiled('apache', [new Pattern(definition, pieces)], inferAccess);
};
