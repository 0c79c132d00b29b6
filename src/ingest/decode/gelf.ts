import type {
  DecodeRequest,
  EventSink,
  HttpDecoder,
  Refusal,
  Reply,
  StreamDecoder,
} from './decode.ts';
import { GelfChunks } from './gelf-chunks.ts';
import { GelfFrames } from './gelf-frames.ts';
import { readMessages, unpack } from './gelf-message.ts';
import { FAULT_WORDS, sampleOf } from './inflated-body.ts';

/**
 * GELF 1.1 (Graylog documentation, "GELF via UDP / TCP / HTTP"): one JSON object a message. Over
 * UDP it may be compressed and cut into chunks, over TCP it ends with NUL (or, as some senders have
 * it, a newline), over HTTP it is a body. What is compressed is told by its first bytes: graypy
 * names two encodings and sends a third.
 */
export const createGelf = (): StreamDecoder => {
  const held = { total: 0 };
  return {
    name: 'gelf',
    native: 'gelf',
    transports: ['tcp', 'udp'],
    secret: 'none',
    open: ({ transport }) => {
      if (transport === 'tcp') return new GelfFrames(held);
      const chunks = new GelfChunks();
      return {
        feed: (datagram, sink) => {
          const packed = chunks.take(datagram, sink);
          if (packed !== undefined) readPacked(packed, sink);
          return NOTHING;
        },
        end: (sink) => chunks.end(sink),
      };
    },
  };
};

const NOTHING = {};

/** How many messages were kept; what could not be is counted. */
const readPacked = (packed: Uint8Array, sink: EventSink): number => {
  const text = unpack(packed);
  if (text.ok) return readMessages(sink, text.bytes, 0, text.bytes.length);
  const { reason } = text;
  sink.reject(
    reason === 'too_large' ? reason : 'malformed_body',
    sampleOf(packed, 0, packed.length),
  );
  return 0;
};

export const createGelfHttp = (): HttpDecoder => ({
  name: 'gelf-http',
  mount: '',
  secret: 'none',
  routes: [{ method: 'POST', path: '/gelf' }],
  decode,
  refuse: (why) => REFUSALS[why],
});

const HEADERS = { 'content-type': 'application/json' };

const error = (status: number, code: string, message: string): Reply => ({
  status,
  headers: status === 429 || status === 503 ? { ...HEADERS, 'retry-after': '2' } : HEADERS,
  body: JSON.stringify({ error: { code, message } }),
});

const TOO_LARGE = error(413, 'too_large', FAULT_WORDS.too_large);

const REFUSALS: Readonly<Record<Refusal, Reply>> = {
  busy: error(429, 'busy', 'the server is busy or its journal is full: send the same again later'),
  too_large: TOO_LARGE,
  unauthorized: error(401, 'unauthorized', 'no or wrong key: send `Authorization: Bearer KEY`'),
  failed: error(503, 'failed', 'the journal could not be written: send the same again later'),
};

const ACCEPTED: Reply = { status: 202, headers: {}, body: '' };

const decode = ({ body }: DecodeRequest, sink: EventSink): Reply => {
  if (body.length === 0) {
    sink.reject('empty_body', body);
    return error(400, 'empty_body', 'the body is empty');
  }
  if (readPacked(body, sink) > 0) return ACCEPTED;
  return error(400, 'malformed_json', 'the body holds no GELF message: a JSON object');
};
