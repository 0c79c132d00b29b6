import { skipSpace, skipValue } from '../../model/json-text.ts';
import { LIMITS } from '../../model/limits.ts';
import type { DecodeRequest, EventSink, HttpDecoder, Refusal, Reply } from './decode.ts';
import { inflate } from './inflate.ts';
import { DocumentReader } from './ndjson-document.ts';

/**
 * NDJSON (`POST /v1/ndjson`): one JSON object per line, ended by LF or CR LF; blank lines are
 * skipped, and the last line may lack its end. One JSON array of objects is taken as well (what
 * Fluent Bit's and Vector's HTTP outputs send by default); its items count as lines. Answers what
 * was taken and which lines were not:
 * `{"accepted":2,"rejected":1,"errors":[{"line":3,"code":"not_json_object","message":"..."}]}`.
 */
const TYPES = new Set([
  '',
  'application/x-ndjson',
  'application/ndjson',
  'application/json',
  'application/jsonl',
  'application/x-jsonlines',
  'text/plain',
]);

interface LineError {
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

const LF = 0x0a;
const ARRAY = 0x5b;
const ARRAY_END = 0x5d;
const COMMA = 0x2c;
const CR = 0x0d;
const SAMPLE_BYTES = 256;
const HEADERS = { 'content-type': 'application/json' };

const json = (status: number, body: unknown): Reply => ({
  status,
  headers: HEADERS,
  body: `${JSON.stringify(body)}\n`,
});

const error = (status: number, code: string, message: string, hint: string): Reply =>
  json(status, { error: { code, message, hint } });

const TOO_LARGE = error(
  413,
  'too_large',
  'the request is larger than the limit',
  'send smaller requests, or raise limits.request_bytes and limits.inflated_bytes',
);

const REFUSALS: Readonly<Record<Refusal, Reply>> = {
  busy: {
    ...error(
      429,
      'busy',
      'the server is busy or its journal is full',
      'send the same again after a few seconds',
    ),
    headers: { ...HEADERS, 'retry-after': '2' },
  },
  too_large: TOO_LARGE,
  unauthorized: error(401, 'unauthorized', 'no or wrong key', 'send `Authorization: Bearer KEY`'),
  failed: error(
    503,
    'failed',
    'the journal could not be written, nothing was stored',
    'send the same again; the server log says why',
  ),
};

const EXAMPLE = 'send one JSON object per line, for example {"level":"info","message":"hello"}';

const documents = new DocumentReader();

export const createNdjson = (): HttpDecoder => ({
  name: 'ndjson',
  mount: '',
  routes: [{ method: 'POST', path: '/v1/ndjson' }],
  decode: decodeRequest,
  refuse: (why) => REFUSALS[why],
});

const decodeRequest = (request: DecodeRequest, sink: EventSink): Reply => {
  const { headers, body } = request;
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!TYPES.has(type)) {
    sink.reject('unsupported_media_type', body.subarray(0, SAMPLE_BYTES));
    const hint = 'send it as application/x-ndjson';
    return error(415, 'unsupported_media_type', `${type.slice(0, 100)} is not NDJSON`, hint);
  }
  const inflated = inflate(headers['content-encoding'], body);
  if (inflated.ok) return decodeLines(inflated.bytes, sink);
  const isMalformed = inflated.reason === 'malformed';
  sink.reject(isMalformed ? 'malformed_body' : inflated.reason, body.subarray(0, SAMPLE_BYTES));
  if (inflated.reason === 'too_large') return TOO_LARGE;
  const encoding = (headers['content-encoding'] ?? '').slice(0, 100);
  if (inflated.reason === 'unknown_encoding') {
    const hint = 'send it as gzip, deflate, zstd or as it is';
    return error(415, 'unknown_encoding', `content-encoding ${encoding} is not known`, hint);
  }
  const message = `the body cannot be decompressed as ${encoding}`;
  return error(400, 'malformed_body', message, 'check the content-encoding header');
};

/** What became of the lines so far. */
interface Books {
  accepted: number;
  rejected: number;
  readonly errors: LineError[];
}

const decodeLines = (body: Uint8Array, sink: EventSink): Reply => {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  const books: Books = { accepted: 0, rejected: 0, errors: [] };
  const first = skipSpace(bytes, hasMark ? 3 : 0, bytes.length);
  if (isArrayOfItems(bytes, first)) takeItems(bytes, first, sink, books);
  else takeLines(bytes, hasMark ? 3 : 0, sink, books);
  const { accepted, rejected, errors } = books;
  if (accepted > 0) return json(200, { accepted, rejected, errors });
  if (rejected === 0) {
    sink.reject('empty_body', bytes.subarray(0, SAMPLE_BYTES));
    return error(400, 'empty_body', 'the request has no lines', EXAMPLE);
  }
  const message = `none of the ${rejected} lines is a JSON object (the first is line ${
    errors[0]?.line ?? 1
  })`;
  return error(400, 'not_json_object', message, EXAMPLE);
};

const takeLines = (bytes: Buffer, from: number, sink: EventSink, books: Books): void => {
  let line = 0;
  for (let at = from; at < bytes.length;) {
    line++;
    const feed = bytes.indexOf(LF, at);
    const stop = feed < 0 ? bytes.length : feed;
    const end = stop > at && bytes[stop - 1] === CR ? stop - 1 : stop;
    const start = at;
    at = stop + 1;
    if (documents.read(sink, bytes, start, end) !== undefined) {
      sink.commit();
      books.accepted++;
    } else if (!isBlank(bytes, start, end)) refuseLine(bytes, start, end, line, sink, books);
  }
};

/** Whether the body is one array: whole, or without a second line if it is not. */
const isArrayOfItems = (bytes: Buffer, first: number): boolean => {
  const { length } = bytes;
  if (bytes[first] !== ARRAY) return false;
  const end = skipValue(bytes, first, length);
  return end >= 0 ? skipSpace(bytes, end, length) === length : bytes.indexOf(LF, first) < 0;
};

/** The items of an array; what follows one that cannot be read is refused with it. */
const takeItems = (bytes: Buffer, from: number, sink: EventSink, books: Books): void => {
  const { length } = bytes;
  let item = 0;
  let at = skipSpace(bytes, from + 1, length);
  while (at < length && bytes[at] !== ARRAY_END) {
    item++;
    const end = skipValue(bytes, at, length);
    if (end < 0) return refuseLine(bytes, at, length, item, sink, books);
    if (documents.read(sink, bytes, at, end) !== undefined) {
      sink.commit();
      books.accepted++;
    } else refuseLine(bytes, at, end, item, sink, books);
    at = skipSpace(bytes, end, length);
    if (at < length && bytes[at] !== ARRAY_END && bytes[at] !== COMMA) {
      return refuseLine(bytes, at, length, item + 1, sink, books);
    }
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1, length);
  }
};

const refuseLine = (
  bytes: Buffer,
  start: number,
  end: number,
  line: number,
  sink: EventSink,
  books: Books,
): void => {
  books.rejected++;
  const code = 'not_json_object';
  sink.reject(code, bytes.subarray(start, Math.min(end, start + SAMPLE_BYTES)));
  if (books.errors.length >= LIMITS.ndjsonErrors) return;
  books.errors.push({ line, code, message: 'the line is not a JSON object' });
};

const isBlank = (buf: Uint8Array, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) {
    const byte = buf[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== CR) return false;
  }
  return true;
};
