import { C } from '../../model/columns.ts';
import { parseCount } from '../../model/duration.ts';
import { putField, VALUE, type ValueKind } from '../../model/fields.ts';
import type { Gap } from '../../model/gap.ts';
import type { FieldList } from '../../model/json-fields.ts';
import { listFields } from '../../model/json-scanner.ts';
import { keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import type { LogRecord } from '../../model/record.ts';
import { severityOfWord } from '../../model/severity.ts';
import type { EventSink } from './decode.ts';
import { envelopeNames, putNamed, putSyslogLevel, queryOf } from './envelope-names.ts';
import { Members } from './json-members.ts';

/**
 * One item of Datadog's intake into the record. `message` is the line: a string, or an object that
 * serverless functions send, byte for byte. An item without one is its own line. The reserved
 * attributes (`ddsource`, `ddtags`, `hostname`, `service`, `status`, `timestamp`) may stand in the
 * item or in the request's query; the item's own win.
 */
const MESSAGE = keys.of('message');
const STATUS = keys.of('status');
const SOURCE = keys.of('ddsource');
const TAGS = keys.of('ddtags');
const HOST = keys.of('hostname');
const SERVICE = keys.of('service');
const RESERVED: ReadonlySet<Key> = new Set([SOURCE, TAGS, HOST, SERVICE, STATUS]);

/** The agent's names for where a container runs, beside those that all shippers share. */
const TAG_NAMES = envelopeNames({
  [C.pod]: 'pod_name',
  [C.namespace]: 'kube_namespace',
  [C.container]: 'kube_container_name container_name',
  [C.node]: 'kube_node host hostname node_name',
  [C.cluster]: 'kube_cluster_name cluster_name',
  [C.workload]:
    'kube_deployment kube_stateful_set kube_daemon_set kube_cronjob kube_cron_job kube_job',
  [C.environment]: 'env dd.env environment',
  [C.version]: 'version dd.version',
  [C.service]: 'service',
});

const members = new Members();
const encoder = new TextEncoder();
const NONE = new Uint8Array(0);

/** What a request's query says of all its items. */
class RequestFields {
  private readonly names: Key[] = [];
  private readonly values: Uint8Array[] = [];
  private size = 0;
  /** What may still be copied onto records: few bytes an item would become terabytes. */
  private left = 0;

  read(query: string): void {
    this.names.length = 0;
    this.values.length = 0;
    this.size = query.length;
    this.left = LIMITS.stampedBytes;
    if (query === '') return;
    const found = queryOf(query);
    for (const key of RESERVED) {
      const value = found.get(key.text);
      if (value === undefined || value === '') continue;
      this.names.push(key);
      this.values.push(encoder.encode(value));
    }
  }

  /** Adds to a record what it does not say itself. */
  put(record: LogRecord): void {
    this.left -= this.size;
    if (this.left < 0) {
      record.overflow += this.names.length;
      return;
    }
    for (let i = 0; i < this.names.length; i++) {
      const key = this.names[i] as Key;
      const value = this.values[i] ?? NONE;
      if (key === SOURCE && has(record, SOURCE)) continue;
      if (key === HOST && record.has(C.node)) continue;
      if (key === SERVICE && record.has(C.service)) continue;
      if (key === STATUS && record.has(C.severity_text)) continue;
      putReserved(record, key, VALUE.string, value, 0, value.length);
    }
  }
}

export const requestFields = new RequestFields();

const has = ({ metadata }: LogRecord, key: Key): boolean => {
  for (let i = 0; i < metadata.count; i++) if (metadata.keys[i] === key) return true;
  return false;
};

/** @returns false, with nothing committed, where the bytes are no item. */
export const readItem = (sink: EventSink, buf: Uint8Array, start: number, end: number): boolean => {
  // An empty line says nothing.
  if (buf[start] === 0x22 && end - start === 2) return true;
  const record = sink.begin();
  if (buf[start] === 0x22) {
    const quoted = members;
    if (quoted.read(wrapped(buf, start, end), 0, end - start + WRAP) < 0) return false;
    const { buf: text, start: from, end: to } = quoted.value(0, record.scratch);
    record.setLine(text, from, to);
  } else {
    const list = listFields(buf, start, end, record.scratch);
    if (list === undefined) return false;
    // The agent's question whether we are there.
    if (list.count === 0) return true;
    putFields(record, list, buf, start, end);
  }
  requestFields.put(record);
  sink.commit();
  return true;
};

/** `{"m":` and `}`. */
const WRAP = 6;

/** A string as the only member of an object, so that one way reads it. */
const wrapped = (buf: Uint8Array, start: number, end: number): Uint8Array => {
  const text = new Uint8Array(end - start + WRAP);
  text.set(encoder.encode('{"m":'));
  text.set(buf.subarray(start, end), WRAP - 1);
  text[text.length - 1] = 0x7d;
  return text;
};

const putFields = (
  record: LogRecord,
  list: FieldList,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  const { count, gaps, kinds, bufs, starts, ends } = list;
  const message = messageOf(list);
  let isWhole = false;
  if (message >= 0) {
    record.setLine(bufs[message] as Uint8Array, starts[message] as number, ends[message] as number);
  } else if (!setRawMessage(record, buf, start, end)) {
    isWhole = true;
    record.setLine(buf, start, end);
  }
  for (let i = 0; i < count; i++) {
    const { key } = gaps[i] as Gap;
    if (i === message) continue;
    const isReserved = RESERVED.has(key);
    // An item that is its own line says the rest there.
    if (isWhole ? !isReserved : isPartOfMessage(key)) continue;
    const kind = kinds[i] as ValueKind;
    const value = bufs[i] as Uint8Array;
    const [from, to] = [starts[i] as number, ends[i] as number];
    if (isReserved) putReserved(record, key, kind, value, from, to);
    else putNamed(record, TAG_NAMES, key, kind, value, from, to);
  }
};

const messageOf = ({ count, gaps, kinds }: FieldList): number => {
  for (let i = 0; i < count; i++)
    if ((gaps[i] as Gap).key === MESSAGE && kinds[i] === VALUE.string) return i;
  return -1;
};

const isPartOfMessage = (key: Key): boolean => key === MESSAGE || key.text.startsWith('message.');

/** A message that is no string, byte for byte; false where there is none. */
const setRawMessage = (record: LogRecord, buf: Uint8Array, start: number, end: number): boolean => {
  if (members.read(buf, start, end) < 0) return false;
  const i = members.find(MESSAGE);
  if (i < 0 || members.kinds[i] === VALUE.null) return false;
  record.setLine(buf, members.starts[i] as number, members.ends[i] as number);
  return true;
};

const putReserved = (
  record: LogRecord,
  key: Key,
  kind: ValueKind,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  if (key === STATUS) putStatus(record, kind, buf, start, end);
  else if (key === TAGS) putTags(record, kind, buf, start, end);
  else putField(record, 'envelope', key, kind, buf, start, end);
};

/** Datadog's status remapper: syslog's numbers, and words by their first letter. */
const FIRST: Readonly<Record<string, number>> = {
  f: 21,
  a: 19,
  c: 18,
  e: 17,
  w: 13,
  n: 10,
  i: 9,
  o: 9,
  s: 9,
  d: 5,
  t: 1,
  v: 1,
};

const putStatus = (
  record: LogRecord,
  kind: ValueKind,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  if (kind === VALUE.number || (kind === VALUE.string && isNumber(buf, start, end))) {
    // Of three digits it is what a web server answered.
    if (end - start === 1) putSyslogLevel(record, kind, buf, start, end);
    else putField(record, 'envelope', STATUS, kind, buf, start, end);
    return;
  }
  if (kind !== VALUE.string || start === end || record.has(C.severity_text)) {
    putField(record, 'envelope', SEVERITY_TEXT, kind, buf, start, end);
    return;
  }
  const word = severityOfWord(buf, start, end);
  const letter = String.fromCharCode((buf[start] as number) | 0x20);
  record.numbers[C.severity] = word > 0 ? word : (FIRST[letter] ?? 0);
  record.set(C.severity_text, buf, start, end);
};

const isNumber = (buf: Uint8Array, start: number, end: number): boolean =>
  parseCount(buf, start, end) >= 0;

const SEVERITY_TEXT = keys.of('severity_text');
const COMMA = 0x2c;
const COLON = 0x3a;

/** `k:v,k2:v2`: kept as it came, and each tag under its own name as well. */
const putTags = (
  record: LogRecord,
  kind: ValueKind,
  buf: Uint8Array,
  start: number,
  end: number,
): void => {
  if (!has(record, TAGS)) putField(record, 'envelope', TAGS, kind, buf, start, end);
  if (kind !== VALUE.string) return;
  for (let at = start; at < end;) {
    let stop = at;
    let colon = -1;
    for (; stop < end && buf[stop] !== COMMA; stop++)
      if (colon < 0 && buf[stop] === COLON) colon = stop;
    while (at < stop && buf[at] === 0x20) at++;
    if (colon > at && colon + 1 < stop) {
      const key = keys.intern(buf, at, colon);
      putNamed(record, TAG_NAMES, key, VALUE.string, buf, colon + 1, stop);
    }
    at = stop + 1;
  }
};
