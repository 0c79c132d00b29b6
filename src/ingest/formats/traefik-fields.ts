import { C } from '../../model/columns.ts';
import { NS } from '../../model/duration.ts';
import { keys } from '../../model/key.ts';
import { inferAccess } from '../normalize/conclude.ts';
import type { Compiled } from './compiled.ts';
import { jsonCompiled, type Leaf } from './envoy-json.ts';
import { headerName } from './envoy-operators.ts';
import { formatFault } from './fault.ts';
import type { Field } from './field.ts';

/** What Traefik's fields mean (Traefik, "Access logs", "Available fields"). */
const MEANINGS: Readonly<Record<string, Partial<Field>>> = {
  StartUTC: { name: 'start_time', shape: 'word' },
  Duration: { name: 'duration', shape: 'number', unit: NS.ns },
  OriginDuration: { shape: 'number', unit: NS.ns, column: C.upstream_duration_ns },
  RequestMethod: { name: 'method' },
  RequestPath: { name: 'path' },
  RequestProtocol: { name: 'protocol' },
  RequestAddr: { name: 'authority' },
  RequestContentSize: { name: 'bytes_received', shape: 'number' },
  DownstreamStatus: { name: 'status', shape: 'number' },
  DownstreamContentSize: { name: 'bytes_sent', shape: 'number' },
  RouterName: { name: 'route' },
  ServiceName: { name: 'upstream_cluster' },
  ServiceAddr: { name: 'upstream_host' },
  TLSVersion: { name: 'tls_version' },
  TraceId: { name: 'trace_id' },
  SpanId: { name: 'span_id' },
  level: { name: 'level' },
  msg: { name: 'msg' },
};

/** Fields that keep their own names. */
const OTHERS = new Set(
  (
    'StartLocal ServiceURL ClientAddr ClientHost ClientPort ClientUsername RequestHost ' +
    'RequestPort RequestScheme RequestLine RequestCount OriginContentSize OriginStatus ' +
    'OriginStatusLine DownstreamStatusLine GzipRatio Overhead RetryAttempts TLSCipher ' +
    'TLSClientSubject entryPointName time'
  ).split(' '),
);

/** Names that lines have whatever the list says. */
const ALWAYS = ['level', 'msg', 'time'];

const ALLOWED = `allowed: ${[...Object.keys(MEANINGS), ...OTHERS].join(', ')}, request_HEADER, origin_HEADER, downstream_HEADER`;

const leafOf = (definition: string, name: string, at: number): Leaf => {
  const meaning = MEANINGS[name];
  const header = /^(request|origin|downstream)_(.+)$/.exec(name);
  if (meaning === undefined && header === null && !OTHERS.has(name))
    throw formatFault(definition, at, `'${name}' is no field of Traefik`, ALLOWED);
  const known = header?.[1] === 'request' ? headerName(header[2] as string, name) : name;
  // The line's own time is that of its writing: the request's start, where kept, comes first.
  const isPlain = known.startsWith(name) || name === 'time';
  const field: Field = {
    name: isPlain ? name : known,
    operator: name,
    at,
    shape: 'any',
    ...meaning,
  };
  return { path: [name], key: keys.of(field.name), field, constant: undefined };
};

/** A list of the fields that Traefik keeps, for its JSON access log. */
export const traefikFields = (definition: string): Compiled => {
  const names = [...definition.matchAll(/[^\s,]+/g)];
  const leaves = names.map(({ 0: name, index }) => leafOf(definition, name, index));
  const listed = new Set(names.map(([name]) => name));
  const always = ALWAYS.filter((name) => !listed.has(name)).map((name): Leaf => ({
    path: [name],
    key: keys.of(name),
    field: undefined,
    constant: null,
  }));
  return jsonCompiled('traefik', [...leaves, ...always], inferAccess);
};
