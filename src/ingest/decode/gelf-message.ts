import { C } from '../../model/columns.ts';
import { VALUE, type ValueKind } from '../../model/fields.ts';
import type { Gap } from '../../model/gap.ts';
import type { FieldList } from '../../model/json-fields.ts';
import { listFields } from '../../model/json-scanner.ts';
import { skipSpace, skipValue } from '../../model/json-text.ts';
import { equalBytes, keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import type { LogRecord } from '../../model/record.ts';
import type { EventSink } from './decode.ts';
import { envelopeNames, putEventTime, putNamed, putSyslogLevel } from './envelope-names.ts';
import { inflate, type Inflated } from './inflate.ts';
import { sampleOf } from './inflated-body.ts';
import { nextObject } from './json-members.ts';

/**
 * One GELF message into the record. `short_message` is the line, or `full_message` where that
 * begins with it; the other of the two stays beside it. Additional fields lose their underscore.
 */
const SHORT = keys.of('short_message');
const FULL = keys.of('full_message');
const VERSION = keys.of('version');
const TIME = keys.of('timestamp');
const LEVEL = keys.of('level');

const NAMES = envelopeNames({
  [C.service]: 'application app application_name app_name applicationName program',
  [C.environment]: 'env environment',
  [C.namespace]: 'kubernetes_namespace_name kubernetes_namespace',
  [C.pod]: 'kubernetes_pod_name',
  [C.container]: 'kubernetes_container_name',
});

const LF = 0x0a;

/** Tells by the first bytes how a message is packed, and unpacks it. */
export const unpack = (packed: Uint8Array): Inflated => {
  const [first = 0, second = 0] = packed;
  const most = LIMITS.gelfMessageBytes;
  if (first === 0x1f && second === 0x8b) return inflate('gzip', packed, most);
  if ((first & 0x0f) === 8 && (first * 256 + second) % 31 === 0)
    return inflate('deflate', packed, most);
  if (first === 0x28 && second === 0xb5) return inflate('zstd', packed, most);
  return { ok: true, bytes: packed };
};

/**
 * Reads the messages from `start` to `end`, one behind another. What is none is counted, and read
 * over up to where the next can begin. @returns how many were kept
 */
export const readMessages = (
  sink: EventSink,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  let kept = 0;
  let broken = 0;
  const bytes = Buffer.from(buf.buffer, buf.byteOffset, buf.length);
  let lineEnd = start;
  for (let at = behindSpace(buf, start, end); at < end;) {
    // Most messages stand alone, or on a line of their own: their end needs not be looked for.
    if (lineEnd <= at) {
      const feed = bytes.subarray(0, end).indexOf(LF, at);
      lineEnd = feed < 0 ? end : feed;
    }
    if (buf[at] === 0x7b && readMessage(sink, buf, at, lineEnd)) {
      kept++;
      at = behindSpace(buf, lineEnd, end);
      continue;
    }
    const stop = buf[at] === 0x7b ? skipValue(buf, at, end) : -1;
    if (stop > 0 && readMessage(sink, buf, at, stop)) {
      kept++;
      at = behindSpace(buf, stop, end);
      continue;
    }
    const next = stop > 0 || broken++ >= LIMITS.brokenItems ? stop : nextObject(buf, at, end);
    const to = next < 0 ? end : next;
    sink.reject(stop > 0 ? 'missing_message' : 'malformed_json', sampleOf(buf, at, to));
    at = behindSpace(buf, to, end);
  }
  return kept;
};

const behindSpace = (buf: Uint8Array, at: number, end: number): number => {
  while (at < end && buf[at] === 0) at++;
  return skipSpace(buf, at, end);
};

const readMessage = (sink: EventSink, buf: Uint8Array, start: number, end: number): boolean => {
  const record = sink.begin();
  const list = listFields(buf, start, end, record.scratch);
  if (list === undefined) return false;
  const line = lineOf(list);
  if (line < 0) return false;
  record.setLine(
    list.bufs[line] as Uint8Array,
    list.starts[line] as number,
    list.ends[line] as number,
  );
  for (let i = 0; i < list.count; i++) {
    if (i === line) continue;
    const { key } = list.gaps[i] as Gap;
    if (key === VERSION) continue;
    const from = list.starts[i] as number;
    put(
      record,
      key,
      list.kinds[i] as ValueKind,
      list.bufs[i] as Uint8Array,
      from,
      list.ends[i] as number,
    );
  }
  sink.commit();
  return true;
};

const put = (
  record: LogRecord,
  key: Key,
  kind: ValueKind,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  if (kind === VALUE.null) return;
  if (key === TIME) putEventTime(record, kind, buf, start, end);
  else if (key === LEVEL) putSyslogLevel(record, kind, buf, start, end);
  else if (start < end || kind !== VALUE.string) {
    putNamed(record, NAMES, bare(key), kind, buf, start, end);
  }
};

/** Names without their underscore, by `key.id`. */
const bareKeys: Key[] = [];

const bare = (key: Key): Key => {
  const { bytes, id } = key;
  if (bytes[0] !== 0x5f || bytes.length === 1) return key;
  if (id < 0) return keys.intern(bytes, 1, bytes.length);
  return (bareKeys[id] ??= keys.intern(bytes, 1, bytes.length));
};

/** Which field is the line; -1 where there is no message at all. */
const lineOf = (list: FieldList): number => {
  const short = find(list, SHORT);
  const full = find(list, FULL);
  if (short < 0 || full < 0) return short < 0 ? full : short;
  const { bufs, starts, ends } = list;
  const from = starts[short] as number;
  const size = (ends[short] as number) - from;
  const fullFrom = starts[full] as number;
  if ((ends[full] as number) - fullFrom < size) return short;
  const [a, b] = [bufs[short] as Uint8Array, bufs[full] as Uint8Array];
  return equalBytes(a, from, b, fullFrom, size) ? full : short;
};

const find = ({ count, gaps, kinds, starts, ends }: FieldList, key: Key): number => {
  for (let i = 0; i < count; i++) {
    const isText = kinds[i] === VALUE.string || kinds[i] === VALUE.number;
    if ((gaps[i] as Gap).key === key && isText && starts[i] !== ends[i]) return i;
  }
  return -1;
};
