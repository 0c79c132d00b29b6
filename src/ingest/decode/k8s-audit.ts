import { C } from '../../model/columns.ts';
import { parseCount } from '../../model/duration.ts';
import { VALUE } from '../../model/fields.ts';
import { skipSpace, skipValue } from '../../model/json-text.ts';
import { keys, type Key } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';
import { SEVERITY, severityOfStatus, severityWord } from '../../model/severity.ts';
import { parsed, parseTime } from '../../model/time.ts';
import type { DecodeRequest, EventSink, HttpDecoder, Refusal, Reply } from './decode.ts';
import { bodyOf, FAULT_WORDS, sampleOf } from './inflated-body.ts';
import { Members } from './json-members.ts';

/**
 * The webhook backend of Kubernetes' audit log (audit.k8s.io/v1, and v1beta1): `EventList`s. Each
 * event's own JSON is the line, byte for byte; what it says of who did what is in columns as well.
 * An event is one with its repetition by its `auditID` and `stage`.
 */
export const createK8sAudit = (): HttpDecoder => ({
  name: 'k8s-audit',
  mount: '',
  routes: [{ method: 'POST', path: '/k8s/audit' }],
  decode,
  refuse: (why) => REFUSALS[why],
});

const HEADERS = { 'content-type': 'application/json' };

/** Errors as the API server knows them: meta/v1 Status. */
const status = (code: number, reason: string, message: string): Reply => ({
  status: code,
  headers: code === 429 || code === 503 ? { ...HEADERS, 'retry-after': '2' } : HEADERS,
  body: JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    message,
    reason,
    code,
  }),
});

const REFUSALS: Readonly<Record<Refusal, Reply>> = {
  busy: status(429, 'TooManyRequests', 'the server is busy or its journal is full'),
  too_large: status(413, 'RequestEntityTooLarge', FAULT_WORDS.too_large),
  unauthorized: status(401, 'Unauthorized', 'no or wrong key'),
  failed: status(503, 'ServiceUnavailable', 'the journal could not be written'),
};

const ACCEPTED: Reply = { status: 200, headers: HEADERS, body: '{}' };

const KIND = keys.of('kind');
const ITEMS = keys.of('items');
const list = new Members();
const event = new Members();
const part = new Members();

const decode = (request: DecodeRequest, sink: EventSink): Reply => {
  const body = bodyOf(request, sink);
  if (!body.ok) return status(body.status, 'BadRequest', FAULT_WORDS[body.code]);
  const buf = body.bytes;
  const bad = (): Reply => {
    sink.reject('malformed_json', sampleOf(buf, 0, buf.length));
    return status(400, 'BadRequest', 'the body is no audit.k8s.io EventList');
  };
  const start = skipSpace(buf, 0, buf.length);
  const end = list.read(buf, start, buf.length);
  if (end < 0 || skipSpace(buf, end, buf.length) < buf.length) return bad();
  const items = list.find(ITEMS);
  if (items < 0) {
    // One event alone, as some relays send it.
    const isEvent = list.find(AUDIT_ID) >= 0 && list.find(KIND) >= 0;
    return isEvent && readEvent(sink, buf, start) === end ? ACCEPTED : bad();
  }
  if (list.kinds[items] === VALUE.null) return ACCEPTED;
  if (list.kinds[items] !== VALUE.array) return bad();
  readItems(sink, buf, list.starts[items] as number, list.ends[items] as number);
  return ACCEPTED;
};

/** Reads the items of a list that is known to be JSON. */
const readItems = (sink: EventSink, buf: Uint8Array, start: number, end: number): void => {
  let at = skipSpace(buf, start + 1, end);
  while (at < end && buf[at] !== 0x5d) {
    if (buf[at] === 0x2c) at = skipSpace(buf, at + 1, end);
    let stop = readEvent(sink, buf, at);
    if (stop < 0) {
      stop = skipValue(buf, at, end);
      sink.reject('bad_event', sampleOf(buf, at, stop));
    }
    at = skipSpace(buf, stop, end);
  }
};

const AUDIT_ID = keys.of('auditID');
const STAGE = keys.of('stage');
const RECEIVED = keys.of('requestReceivedTimestamp');
const STAGED = keys.of('stageTimestamp');
const USER = keys.of('user');
const OBJECT = keys.of('objectRef');
const RESPONSE = keys.of('responseStatus');
const CODE = keys.of('code');
const COLUMNS: readonly (readonly [Key, number])[] = [
  [keys.of('verb'), C.method],
  [keys.of('requestURI'), C.path],
  [keys.of('userAgent'), C.user_agent],
  [AUDIT_ID, C.request_id],
];
const encoder = new TextEncoder();
const AUDIT = encoder.encode('audit');
const SERVICE = encoder.encode('kube-apiserver');
const WORDS = new Map(
  [SEVERITY.info, SEVERITY.warn, SEVERITY.error].map((severity) => [
    severity as number,
    encoder.encode(severityWord(severity)),
  ]),
);
/** `k8sa`: keeps these tokens apart from those of other protocols. */
const TOKEN_KIND = 0x6b387361;

/** Commits the event at `at`; gives the position behind it, or -1 where there is none. */
const readEvent = (sink: EventSink, buf: Uint8Array, at: number): number => {
  const end = event.read(buf, at, buf.length);
  if (end < 0 || event.count === 0) return -1;
  const record = sink.begin();
  record.setLine(buf, at, end);
  record.set(C.kind, AUDIT, 0, AUDIT.length);
  record.set(C.service, SERVICE, 0, SERVICE.length);
  for (const [key, column] of COLUMNS) setText(record, event, key, column);
  if (!setTime(record, STAGED)) setTime(record, RECEIVED);
  if (readPart(buf, USER)) setText(record, part, keys.of('username'), C.source_identity);
  if (readPart(buf, OBJECT)) setText(record, part, keys.of('namespace'), C.namespace);
  setStatus(record, buf);
  setToken(record);
  sink.commit();
  return end;
};

/** Reads an object inside the event into `part`. */
const readPart = (buf: Uint8Array, key: Key): boolean => {
  const i = event.find(key);
  if (i < 0 || event.kinds[i] !== VALUE.object) return false;
  return part.read(buf, event.starts[i] as number, event.ends[i] as number) > 0;
};

const setText = (record: LogRecord, members: Members, key: Key, column: number): void => {
  const i = members.find(key);
  if (i < 0 || members.kinds[i] !== VALUE.string) return;
  const { buf, start, end } = members.value(i, record.scratch);
  if (end > start) record.set(column, buf, start, end);
};

const setTime = (record: LogRecord, key: Key): boolean => {
  const i = event.find(key);
  if (i < 0 || event.kinds[i] !== VALUE.string) return false;
  const { buf, start, end } = event.value(i, record.scratch);
  if (!parseTime(buf, start, end)) return false;
  record.setTime(parsed.sec, parsed.nano);
  return true;
};

/** `level` says how much is logged and not how grave it is: the answer's status says that. */
const setStatus = (record: LogRecord, buf: Uint8Array): void => {
  let severity: number = SEVERITY.info;
  if (readPart(buf, RESPONSE)) {
    const i = part.find(CODE);
    const code = i < 0 ? -1 : parseCount(buf, part.starts[i] as number, part.ends[i] as number);
    if (code > 0 && code < 1_000) {
      record.numbers[C.status] = code;
      severity = severityOfStatus(code);
    }
  }
  const word = WORDS.get(severity) ?? AUDIT;
  record.numbers[C.severity] = severity;
  record.set(C.severity_text, word, 0, word.length);
};

const setToken = (record: LogRecord): void => {
  const id = event.find(AUDIT_ID);
  const stage = event.find(STAGE);
  if (id < 0 || event.starts[id] === event.ends[id]) return;
  const { token } = record;
  token.begin(TOKEN_KIND);
  const first = event.value(id, record.scratch);
  token.bytes(first.buf, first.start, first.end);
  if (stage >= 0) {
    const { buf, start, end } = event.value(stage, record.scratch);
    token.bytes(buf, start, end);
  }
  token.end();
};
