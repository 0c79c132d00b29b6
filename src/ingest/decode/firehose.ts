import { VALUE } from '../../model/fields.ts';
import { skipSpace, skipValue } from '../../model/json-text.ts';
import { keys } from '../../model/key.ts';
import type { DecodeRequest, EventSink, HttpDecoder, Refusal, Reply } from './decode.ts';
import { FirehoseRecords } from './firehose-record.ts';
import { bodyOf, FAULT_WORDS, sampleOf } from './inflated-body.ts';
import { Members } from './json-members.ts';

/**
 * Amazon Data Firehose's HTTP endpoint destination (its developer guide, "HTTP endpoint delivery
 * request and response specifications"): records in base64, answered with the request's id and
 * timestamp. Firehose tries again for as long as it is told to after any answer but 200, and keeps
 * what it gave up in its bucket.
 */
export const createFirehose = (): HttpDecoder => ({
  name: 'firehose',
  mount: '',
  routes: [{ method: 'POST', path: '/firehose' }],
  decode,
  refuse: (why, { headers }) => {
    const { status, message } = REFUSALS[why];
    return reply(status, idOf(headers), '0', message);
  },
});

const REFUSALS: Readonly<Record<Refusal, { status: number; message: string }>> = {
  busy: { status: 429, message: 'the server is busy or its journal is full: send it again later' },
  too_large: { status: 413, message: FAULT_WORDS.too_large },
  unauthorized: { status: 401, message: 'no or wrong access key' },
  failed: { status: 503, message: 'the journal could not be written: send it again later' },
};

const HEADERS = { 'content-type': 'application/json' };

/** @param timestamp digits, as the request has them */
const reply = (status: number, requestId: string, timestamp: string, error?: string): Reply => {
  const words = error === undefined ? '' : `,"errorMessage":${JSON.stringify(error)}`;
  return {
    status,
    headers: status === 429 || status === 503 ? { ...HEADERS, 'retry-after': '2' } : HEADERS,
    body: `{"requestId":${JSON.stringify(requestId)},"timestamp":${timestamp}${words}}`,
  };
};

const idOf = (headers: Readonly<Record<string, string>>): string =>
  (headers['x-amz-firehose-request-id'] ?? '').slice(0, 256);

const REQUEST_ID = keys.of('requestId');
const TIMESTAMP = keys.of('timestamp');
const RECORDS = keys.of('records');
const DATA = keys.of('data');
const list = new Members();
const item = new Members();

const decode = (request: DecodeRequest, sink: EventSink): Reply => {
  const named = idOf(request.headers);
  const now = String(sink.observedSec * 1_000);
  const body = bodyOf(request, sink);
  if (!body.ok) return reply(body.status, named, now, FAULT_WORDS[body.code]);
  const buf = body.bytes;
  const bad = (id: string, timestamp: string): Reply => {
    sink.reject('malformed_json', sampleOf(buf, 0, buf.length));
    return reply(400, id, timestamp, 'the body is no delivery request of Amazon Data Firehose');
  };
  const end = list.read(buf, skipSpace(buf, 0, buf.length), buf.length);
  if (end < 0 || skipSpace(buf, end, buf.length) < buf.length) return bad(named, now);
  const { scratch } = sink.begin();
  const id = list.text(REQUEST_ID, scratch).slice(0, 256) || named;
  const given = list.text(TIMESTAMP, scratch);
  const timestamp = /^\d{1,16}$/.test(given) ? String(Number(given)) : now;
  const records = list.find(RECORDS);
  if (records < 0 || list.kinds[records] !== VALUE.array) return bad(id, timestamp);
  readRecords(request, id, buf, list.starts[records] as number, list.ends[records] as number, sink);
  return reply(200, id, timestamp);
};

/** Reads the records of an array that is known to be JSON. */
const readRecords = (
  request: DecodeRequest,
  id: string,
  buf: Uint8Array,
  start: number,
  end: number,
  sink: EventSink,
): void => {
  const records = new FirehoseRecords(request.headers, id, sink);
  let at = skipSpace(buf, start + 1, end);
  for (let index = 0; at < end && buf[at] !== 0x5d; index++) {
    if (buf[at] === 0x2c) at = skipSpace(buf, at + 1, end);
    const from = at;
    at = item.read(buf, at, end);
    const data = at < 0 ? -1 : item.find(DATA);
    if (at < 0) at = skipValue(buf, from, end);
    if (data < 0 || item.kinds[data] !== VALUE.string) {
      sink.reject('bad_record', sampleOf(buf, from, at));
    } else records.read(buf, item.starts[data] as number, item.ends[data] as number, index);
    at = skipSpace(buf, at, end);
  }
};
