import { C } from '../../model/columns.ts';
import { NS } from '../../model/duration.ts';
import { headerName } from './envoy-operators.ts';
import type { Field, Shape } from './field.ts';
import { timePattern } from './strftime.ts';

/** What HAProxy's log variables are (Configuration manual, "Custom log format"). */
export interface Variable extends Pick<Field, 'unit' | 'column' | 'dash' | 'time'> {
  readonly name: string;
  readonly shape: Shape;
}

const number = (name: string, more: Partial<Variable> = {}): Variable => ({
  name,
  shape: 'number',
  ...more,
});
const word = (name: string, more: Partial<Variable> = {}): Variable => ({
  name,
  shape: 'word',
  ...more,
});
const any = (name: string): Variable => ({ name, shape: 'any' });
const zoned = '%d/%b/%Y:%H:%M:%S %z';
const time = { time: timePattern(zoned, zoned, 0) };

export const VARIABLES: Readonly<Record<string, Variable>> = {
  ci: word('downstream_remote_address'),
  cp: number('downstream_remote_port'),
  fi: word('downstream_local_address'),
  fp: number('downstream_local_port'),
  bi: word('upstream_local_address'),
  bp: number('upstream_local_port'),
  si: word('upstream_host'),
  sp: number('upstream_port'),
  f: word('frontend_name'),
  ft: word('frontend_name'),
  b: word('upstream_cluster'),
  s: word('server_name'),
  t: word('ts'),
  tr: word('ts'),
  T: word('ts', time),
  Tl: word('ts', time),
  trg: word('ts', time),
  trl: word('ts', time),
  Ts: number('ts'),
  ms: number('milliseconds'),
  TR: number('time_request'),
  Tw: number('time_queue'),
  Tc: number('time_connect'),
  Tr: number('time_response', { unit: NS.ms, column: C.upstream_duration_ns }),
  Ta: number('time_active', { unit: NS.ms }),
  Tt: number('time_total', { unit: NS.ms }),
  Tu: number('time_user'),
  Tq: number('time_query'),
  Th: number('time_handshake'),
  Ti: number('time_idle'),
  Td: number('time_data'),
  ST: number('status'),
  B: number('bytes_sent'),
  U: number('bytes_received'),
  CC: word('captured_request_cookie'),
  CS: word('captured_response_cookie'),
  ts: word('response_flags', { dash: true }),
  tsc: word('response_flags', { dash: true }),
  ac: number('actconn'),
  fc: number('feconn'),
  bc: number('beconn'),
  sc: number('srvconn'),
  rc: number('retries'),
  sq: number('srv_queue'),
  bq: number('backend_queue'),
  hr: any('captured_headers'),
  hs: any('captured_response_headers'),
  hrl: any('captured_headers_list'),
  hsl: any('captured_response_headers_list'),
  r: { name: 'request', shape: 'request' },
  HM: word('method'),
  HP: word('path'),
  HPO: word('path'),
  HU: word('path'),
  HQ: any('query'),
  HV: word('protocol'),
  ID: any('request_id'),
  sslv: word('tls_version'),
  sslc: word('tls_cipher'),
  H: word('hostname'),
  pid: number('pid'),
  rt: number('request_counter'),
  lc: number('log_counter'),
  o: any(''),
};

/** Variables that HAProxy writes in braces, and leaves out where nothing was captured. */
export const BRACED = new Set(['hr', 'hs']);

/** What stands for one value where it follows another: `%ci:%cp` is an address. */
export const PAIRS: Readonly<Record<string, string>> = {
  'ci:cp': 'downstream_remote_address',
  'fi:fp': 'downstream_local_address',
  'bi:bp': 'upstream_local_address',
  'si:sp': 'upstream_host',
  HPHQ: 'path',
  HPOHQ: 'path',
};

const EXPRESSIONS: Readonly<Record<string, Variable>> = {
  ssl_fc_protocol: word('tls_version'),
  ssl_fc_cipher: word('tls_cipher'),
  ssl_fc_sni: word('requested_server_name'),
  'unique-id': any('request_id'),
  status: number('status'),
  method: word('method'),
  path: word('path'),
  src: word('downstream_remote_address'),
  src_port: number('downstream_remote_port'),
  dst: word('downstream_local_address'),
  'capture.req.method': word('method'),
  'capture.req.uri': word('path'),
  'capture.req.ver': word('protocol'),
};

/** The value of a sample expression: its own text is its name, unless it means a known field. */
export const expressionOf = (expression: string): Variable => {
  const [first = ''] = expression.split(',');
  const known = EXPRESSIONS[first.trim()];
  if (known !== undefined) return known;
  const header = /^(?:req|request)\.?(?:f?hdr|hdr)\(([^),]+)/.exec(expression);
  if (header !== null) return any(headerName(header[1] as string, 'request_header_'));
  return any(`sample.${expression}`);
};
