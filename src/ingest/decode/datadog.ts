import { readItem, requestFields } from './datadog-item.ts';
import type { DecodeRequest, EventSink, HttpDecoder, Refusal, Reply } from './decode.ts';
import { bodyOf, FAULT_WORDS, sampleOf } from './inflated-body.ts';
import { nextObject } from './json-members.ts';
import { isSpace, skipValue } from '../../model/json-text.ts';
import { LIMITS } from '../../model/limits.ts';

/**
 * Datadog's log intake (API reference, "Send logs"; `/v1/input` is its first version): a JSON array
 * of objects, one object, objects one after another, or lines of text. An empty body and `{}` are
 * the agent's way to ask whether we are there; where that fails it falls back to a TCP port.
 *
 * An item that cannot be read is counted and costs no other. Datadog's answers name no items, so
 * that a request of which anything was kept is accepted.
 */
export const createDatadog = (): HttpDecoder => ({
  name: 'datadog',
  native: 'datadog',
  mount: '',
  routes: [
    { method: 'POST', path: '/api/v2/logs' },
    { method: 'POST', path: '/v1/input' },
    { method: 'POST', path: '/v1/input/{key}' },
    { method: 'GET', path: '/api/v1/validate' },
  ],
  decode,
  refuse: (why, { path }) =>
    path === VALIDATE && why === 'unauthorized' ? FORBIDDEN : REFUSALS[why],
});

const VALIDATE = '/api/v1/validate';
const HEADERS = { 'content-type': 'application/json' };
const LATER = { ...HEADERS, 'retry-after': '2' };

const failure = (status: number, title: string, detail: string): Reply => ({
  status,
  headers: status === 429 || status === 503 ? LATER : HEADERS,
  body: JSON.stringify({ errors: [{ title, detail, status: String(status) }] }),
});

const REFUSALS: Readonly<Record<Refusal, Reply>> = {
  busy: failure(429, 'Too Many Requests', 'the server is busy or its journal is full'),
  too_large: failure(413, 'Request Entity Too Large', FAULT_WORDS.too_large),
  unauthorized: failure(403, 'Forbidden', 'no or wrong API key'),
  failed: failure(503, 'Service Unavailable', 'the journal could not be written'),
};

const FORBIDDEN: Reply = { status: 403, headers: HEADERS, body: '{"errors":["Forbidden"]}' };

const decode = (request: DecodeRequest, sink: EventSink): Reply => {
  if (request.path === VALIDATE) return { status: 200, headers: HEADERS, body: '{"valid":true}' };
  const body = bodyOf(request, sink);
  if (!body.ok) return failure(body.status, 'Bad Request', FAULT_WORDS[body.code]);
  requestFields.read(request.query);
  const isText = (request.headers['content-type'] ?? '').toLowerCase().startsWith('text/');
  const { bytes } = body;
  const run = new Run(bytes, isText, sink);
  run.read();
  if (run.kept === 0 && run.refused > 0) {
    return failure(400, 'Bad Request', 'the body holds no JSON object and no text');
  }
  return { status: request.path.startsWith('/v1/') ? 200 : 202, headers: HEADERS, body: '{}' };
};

const LF = 0x0a;

/** One body, read item by item. */
class Run {
  kept = 0;
  refused = 0;
  private broken = 0;
  private readonly buf: Buffer;
  private readonly isText: boolean;
  private readonly sink: EventSink;

  constructor(bytes: Uint8Array, isText: boolean, sink: EventSink) {
    this.buf = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.isText = isText;
    this.sink = sink;
  }

  read(): void {
    const { buf } = this;
    const end = buf.length;
    const mark = buf[0] === 0xef && buf[1] === 0xbb && buf[2] === 0xbf ? 3 : 0;
    let at = skipBetween(buf, mark, end, false);
    const isList = buf[at] === 0x5b;
    if (isList) at = skipBetween(buf, at + 1, end, true);
    while (at < end) {
      const stop = this.isText && !isList ? this.line(at) : this.item(at);
      at = skipBetween(buf, stop, end, isList);
    }
  }

  /** The JSON value at `at`: an object, or a string, which is a line of its own. */
  private item(at: number): number {
    const { buf, sink } = this;
    const end = buf.length;
    const first = buf[at];
    const whole = skipValue(buf, at, end);
    if (whole > 0 && (first === 0x7b || first === 0x22) && readItem(sink, buf, at, whole)) {
      this.kept++;
      return whole;
    }
    this.refused++;
    // Finding out where a broken item ends may take a look at all that follows it.
    const next =
      whole > 0 || this.broken++ >= LIMITS.brokenItems ? whole : nextObject(buf, at, end);
    const stop = next < 0 ? end : next;
    sink.reject('malformed_json', sampleOf(buf, at, stop));
    return stop;
  }

  /** A line of text; one that is an object counts as that. */
  private line(at: number): number {
    const { buf, sink } = this;
    const feed = buf.indexOf(LF, at);
    const stop = feed < 0 ? buf.length : feed;
    let end = stop;
    while (end > at && isSpace(buf[end - 1] as number)) end--;
    if (buf[at] !== 0x7b || skipValue(buf, at, end) !== end || !readItem(sink, buf, at, end)) {
      const record = sink.begin();
      record.setLine(buf, at, end);
      requestFields.put(record);
      sink.commit();
    }
    this.kept++;
    return stop;
  }
}

/** Behind spaces and, in a list, what stands between its items. */
const skipBetween = (buf: Uint8Array, at: number, end: number, isList: boolean): number => {
  for (; at < end; at++) {
    const byte = buf[at] as number;
    if (!isSpace(byte) && byte !== 0x2c && !(isList && byte === 0x5d)) break;
  }
  return at;
};
