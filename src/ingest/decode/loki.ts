import { LIMITS } from '../../model/limits.ts';
import { Pairs } from '../../model/record.ts';
import type { DecodeRequest, HttpDecoder, Refusal, Reply } from './decode.ts';
import { inflate, inflateSnappy, type Inflated } from './inflate.ts';
import { decodeJsonPush, parseLabelObject } from './loki-json.ts';
import { parseLabels } from './loki-labels.ts';
import { decodeProtobufPush } from './loki-protobuf.ts';
import { LokiPush } from './loki-push.ts';
import { shapeOf, ShapeMemory, StreamShape } from './loki-stream.ts';

/**
 * Loki's push (grafana/loki, docs/sources/reference/loki-http-api.md and pkg/loghttp/push/push.go):
 * protobuf in a snappy block, or JSON. Answers 204, or 400 with plain text while the good entries
 * are stored, as Loki does.
 */
export interface LokiOptions {
  /**
   * Loki's `discover_service_name`: streams without `service_name` get one from their other labels.
   */
  readonly discoverServiceName: boolean;
  /** Loki's `discover_log_levels`: entries get `detected_level`; on unless said otherwise. */
  readonly discoverLogLevels?: boolean;
}

const PATHS = ['/loki/api/v1/push', '/api/prom/push'];
const TEXT_HEADERS = {
  'content-type': 'text/plain; charset=utf-8',
  'x-content-type-options': 'nosniff',
};

const text = (status: number, message: string): Reply => ({
  status,
  headers: TEXT_HEADERS,
  body: `${message}\n`,
});

const REFUSALS: Readonly<Record<Refusal, Reply>> = {
  busy: {
    status: 429,
    headers: { ...TEXT_HEADERS, 'retry-after': '1' },
    body: 'the journal is full, reduce log volume or retry later\n',
  },
  too_large: text(413, 'request body too large'),
  unauthorized: text(401, 'unauthorized'),
  failed: text(500, 'the journal could not be written, nothing was stored'),
};

export const createLoki = (options: LokiOptions): HttpDecoder => {
  const fromText = new ShapeMemory((bytes) => {
    const shown = decoder.decode(bytes.subarray(0, LIMITS.lokiStreamBytes));
    const labels = new Pairs();
    const error =
      bytes.length > LIMITS.lokiLabelBytes
        ? `labels size ${bytes.length} bytes exceeds limit of ${LIMITS.lokiLabelBytes}`
        : parseLabels(bytes, labels);
    if (error !== undefined) return new StreamShape(`couldn't parse labels: ${error}`);
    return shapeOf(labels, shown, options);
  });
  const fromObject = new ShapeMemory((bytes) => {
    const shown = decoder.decode(bytes.subarray(0, LIMITS.lokiStreamBytes));
    const labels = new Pairs();
    const error =
      bytes.length > LIMITS.lokiLabelBytes
        ? `labels size ${bytes.length} bytes exceeds limit of ${LIMITS.lokiLabelBytes}`
        : parseLabelObject(bytes, labels);
    return error === '' ? shapeOf(labels, shown, options) : new StreamShape(error);
  });
  return {
    name: 'loki',
    native: 'loki',
    mount: '',
    routes: PATHS.map((path) => ({ method: 'POST', path })),
    decode: (request, sink) =>
      decodePush(request, new LokiPush(sink, options), fromText, fromObject),
    refuse: (why) => REFUSALS[why],
  };
};

const decoder = new TextDecoder();

const decodePush = (
  request: DecodeRequest,
  push: LokiPush,
  texts: ShapeMemory,
  objects: ShapeMemory,
): Reply => {
  const { headers, body } = request;
  const refuse = (reason: string, reply: Reply): Reply => {
    push.sink.reject(reason, body);
    return reply;
  };
  const encoding = (headers['content-encoding'] ?? '').trim().toLowerCase();
  if (!['', 'snappy', 'gzip', 'deflate'].includes(encoding)) {
    const message = `Content-Encoding ${JSON.stringify(encoding)} not supported`;
    return refuse('unknown_encoding', text(400, message));
  }
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === '') return refuse('no_content_type', text(400, 'mime: no media type'));
  const isJson = type === 'application/json';
  const opened = open(encoding, body, isJson);
  if (!opened.ok) {
    if (opened.reason === 'too_large') return refuse('too_large', REFUSALS.too_large);
    const name = isJson || encoding === 'gzip' || encoding === 'deflate' ? encoding : 'snappy';
    return refuse('malformed_body', text(400, `${name}: corrupt input`));
  }
  if (isJson) {
    if (!decodeJsonPush(opened.bytes, push, objects, texts)) {
      return refuse('malformed_json', text(400, 'loghttp.PushRequest: the body is not valid JSON'));
    }
  } else if (!decodeProtobufPush(opened.bytes, push, texts)) {
    return refuse('malformed_protobuf', text(400, 'proto: PushRequest: unexpected EOF'));
  }
  if (push.streams === 0) {
    const message = 'error at least one valid stream is required for ingestion';
    return refuse('no_streams', text(422, message));
  }
  const { error } = push;
  return error === '' ? { status: 204, headers: {}, body: '' } : text(400, error);
};

/** Undoes the content-encoding and, for protobuf, the snappy block that every such body is. */
const open = (encoding: string, body: Uint8Array, isJson: boolean): Inflated => {
  const outer = encoding === 'snappy' ? '' : encoding;
  const inflated = inflate(outer, body);
  if (!inflated.ok) return inflated;
  if (!isJson) return inflateSnappy(inflated.bytes);
  // Loki leaves a JSON body that calls itself snappy as it is; a sender that really packed it is
  // understood too.
  const isPlain = encoding !== 'snappy' || looksLikeJson(inflated.bytes);
  return isPlain ? inflated : inflateSnappy(inflated.bytes);
};

const looksLikeJson = (bytes: Uint8Array): boolean => {
  const first = bytes.find((byte) => byte > 0x20);
  return first === 0x7b;
};
