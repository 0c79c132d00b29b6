import { C } from '../../model/columns.ts';
import { NS } from '../../model/duration.ts';
import { dashPlace, putDuration, putField, VALUE } from '../../model/fields.ts';
import { putRest, putText } from '../../model/fields-put.ts';
import { fixedGap, type Gap } from '../../model/gap.ts';
import { keys, type Key } from '../../model/key.ts';
import { REST } from '../../model/placement.ts';
import type { LogRecord } from '../../model/record.ts';
import { inferAccess } from './conclude.ts';
import { REQUEST_TOKENS, TRANSFER_TOKENS } from './envoy.ts';
import type { Normalizer } from './normalize.ts';
import { ownFields, type Reader } from './own-fields.ts';
import { isNumeric, TextFormat, type Token } from './text-format.ts';
import { infer, WORD } from './words.ts';

const UNKNOWN = new TextEncoder().encode('unknown');

const isUnknown = (buf: Uint8Array, start: number, end: number): boolean => {
  if (end - start === 1) return buf[start] === 0x2d || buf[start] === 0x2a;
  if (end - start !== UNKNOWN.length) return false;
  for (let i = 0; i < UNKNOWN.length; i++) if (buf[start + i] !== UNKNOWN[i]) return false;
  return true;
};

/** Kuma writes `unknown` for the source of what comes in: the column is then empty. */
const serviceOf =
  (column: number): Reader =>
  (record, key, buf, start, end) =>
    isUnknown(buf, start, end) ? REST : putText(record, 'line', column, key, buf, start, end);

const put = ownFields({
  source_service: serviceOf(C.source_service),
  destination_service: serviceOf(C.destination_service),
});

const isOf = (name: string) => (token: Token) => token.name === name;
const until = TRANSFER_TOKENS.findIndex(isOf('request_id'));
const [start_time, ...request] = REQUEST_TOKENS as [Token, ...Token[]];

const http = (trace: readonly Token[]): TextFormat =>
  new TextFormat([
    start_time,
    { name: 'kuma_mesh', shape: 'bare' },
    ...request,
    ...TRANSFER_TOKENS.slice(0, until),
    ...trace,
    { name: 'request_id', shape: 'quoted' },
    { name: 'authority', shape: 'quoted' },
    { name: 'source_service', shape: 'quoted', put },
    { name: 'destination_service', shape: 'quoted', put },
    { name: 'source_address', shape: 'quoted' },
    { name: 'upstream_host', shape: 'quoted' },
  ]);

/** With `%REQ(X-B3-TRACEID?X-DATADOG-TRACEID)%`, and as it was before (and as its pages say). */
const traced = http([{ name: 'x_b3_traceid', shape: 'quoted' }]);
const untraced = http([]);
const CODE = 3;

/** A value of the TCP format: what stands before it, and its name. */
interface Part {
  readonly before: Uint8Array;
  readonly gap: Gap;
  readonly key: Key;
}

const encoder = new TextEncoder();
const part = (before: string, name: string): Part => ({
  before: encoder.encode(before),
  gap: fixedGap(before, name),
  key: keys.of(name),
});

const PARTS: readonly Part[] = [
  part('[', 'start_time'),
  part('] ', 'response_flags'),
  part(' ', 'kuma_mesh'),
  part(' ', 'source_address'),
  part('(', 'source_service'),
  part(')->', 'upstream_host'),
  part('(', 'destination_service'),
  part(') took ', 'duration'),
  part('ms, sent ', 'bytes_sent'),
  part(' bytes, received: ', 'bytes_received'),
];
const TAIL_TEXT = ' bytes';
const TAIL = encoder.encode(TAIL_TEXT);
const TAIL_GAP = fixedGap(TAIL_TEXT);
const FLAGS = 1;
const DURATION = 7;

const starts = new Int32Array(PARTS.length);
const ends = new Int32Array(PARTS.length);

const isAt = (buf: Uint8Array, at: number, end: number, text: Uint8Array): boolean => {
  if (at + text.length > end) return false;
  for (let i = 0; i < text.length; i++) if (buf[at + i] !== text[i]) return false;
  return true;
};

/** Measures a line of the TCP format: each value ends where the text before the next one stands. */
const matchTcp = (buf: Uint8Array, start: number, end: number): boolean => {
  let at = start;
  if (!isAt(buf, at, end, (PARTS[0] as Part).before)) return false;
  for (let i = 0; i < PARTS.length; i++) {
    at += (PARTS[i] as Part).before.length;
    starts[i] = at;
    const next = PARTS[i + 1]?.before ?? TAIL;
    // Flags, names and numbers hold no spaces: a line of another look is left early.
    while (at < end && !isAt(buf, at, end, next)) {
      if (buf[at] === 0x20) return false;
      at++;
    }
    if (at >= end || at === starts[i]) return false;
    ends[i] = at;
  }
  return at + TAIL.length === end;
};

const putPart = (record: LogRecord, i: number): number => {
  const { key } = PARTS[i] as Part;
  const buf = record.lineBuf;
  const start = starts[i] as number;
  const end = ends[i] as number;
  if (i === DURATION) {
    const place = putDuration(record, C.duration_ns, NS.ms, buf, start, end);
    return place === REST ? putRest(record, 'line', key, buf, start, end) : place;
  }
  const isService = i === 4 || i === 6;
  if (isService) return put(record, 'line', key, VALUE.string, buf, start, end);
  if (i !== FLAGS && end - start === 1 && buf[start] === 0x2d) return dashPlace(record, key);
  return putField(record, 'line', key, VALUE.string, buf, start, end);
};

const putTcp = (record: LogRecord): void => {
  for (let i = 0; i < PARTS.length; i++) record.step((PARTS[i] as Part).gap, putPart(record, i));
  record.tail = TAIL_GAP;
};

const matchHttp = (buf: Uint8Array, start: number, end: number): TextFormat | undefined => {
  const found = traced.match(buf, start, end)
    ? traced
    : untraced.match(buf, start, end)
      ? untraced
      : undefined;
  return found !== undefined && isNumeric(buf, found.start(CODE), found.end(CODE))
    ? found
    : undefined;
};

/**
 * Kuma's default access logs, HTTP and TCP (Kuma, "MeshAccessLog"): no other product writes them,
 * so the line proves the mesh. `kuma_mesh` is the name of one of Kuma's meshes.
 */
export const kuma: Normalizer = {
  name: 'kuma',
  opens: '[',

  recognises(line, start, end) {
    if (end - start < 60 || line[start] !== 0x5b || line[start + 5] !== 0x2d) return false;
    let at = start + 12;
    const stop = Math.min(end - 2, start + 48);
    while (at < stop && line[at] !== 0x5d) at++;
    return line[at] === 0x5d && line[at + 1] === 0x20 && line[at + 2] !== 0x22;
  },

  normalize(record) {
    const { lineBuf, lineStart, lineEnd } = record;
    const found = matchHttp(lineBuf, lineStart, lineEnd);
    if (found !== undefined) found.put(record);
    else if (matchTcp(lineBuf, lineStart, lineEnd)) putTcp(record);
    else return false;
    infer(record, C.mesh, WORD.kuma);
    inferAccess(record);
    record.structured = true;
    return true;
  },
};
