import { LIMITS } from '../../model/limits.ts';
import { AlsColumns } from './als-columns.ts';
import { readIdentifier, stampOf } from './als-node.ts';
import { HTTP_ENTRY, TCP_ENTRY } from './als-schema.ts';
import type { EventSink, GrpcAnswer, GrpcDecoder, GrpcSession } from './decode.ts';
import { JsonText } from './json-output.ts';
import { ProtoJson } from './protobuf-json.ts';
import type { ProtoMessage } from './protobuf-schema.ts';
import { ProtoReader } from './protobuf.ts';
import { RecordStamp, StampBudget } from './record-stamp.ts';

/**
 * Envoy's access log service (envoyproxy/envoy, api/envoy/service/accesslog/v3/als.proto): a stream
 * of messages per log and worker, never answered. The protocol has no text line, so an entry's line
 * is the entry as JSON; what it says in other words than our columns is put on them here.
 *
 *     StreamAccessLogsMessage  1 identifier, 2 http_logs (1 log_entry), 3 tcp_logs (1 log_entry)
 *
 * A stream's state is who sends, which only its first message says:
 *
 *     nobody -- message with an identifier --> known -- another identifier --> known
 *     nobody -- message without ------------> nobody: its entries have no node
 */
export const createAls = (): GrpcDecoder => ({
  name: 'als',
  native: 'als',
  secret: 'none',
  methods: ['v3', 'v2'].map((version) => ({
    path: `/envoy.service.accesslog.${version}.AccessLogService/StreamAccessLogs`,
    stream: true,
  })),
  open: () => new AlsSession(),
});

const OK: GrpcAnswer = { status: 0, message: new Uint8Array(0) };
const IDENTIFIER = 0x0a;
const HTTP_LOGS = 0x12;
const TCP_LOGS = 0x1a;
const LOG_ENTRY = 0x0a;
/** Room for lines that is kept from entry to entry. */
const LINE_ROOM = 65_536;

/** Reads the frames; entries have a reader of their own, so that a broken one ends alone. */
const outer = new ProtoReader();
const inner = new ProtoReader();
const columns = new AlsColumns();
let line = new JsonText(LINE_ROOM);

class AlsSession implements GrpcSession {
  private stamp = new RecordStamp();

  message(bytes: Uint8Array, sink: EventSink): undefined {
    if (!isFramed(bytes)) {
      sink.reject('malformed_protobuf', bytes);
      return;
    }
    const budget = new StampBudget();
    const end = bytes.length;
    outer.open(bytes, 0, end);
    while (outer.pos < end) {
      const tag = outer.tag(end);
      if (tag === IDENTIFIER) this.identify(bytes, outer.span(end), sink);
      else if (tag === HTTP_LOGS) this.entries(HTTP_ENTRY, outer.span(end), budget, sink);
      else if (tag === TCP_LOGS) this.entries(TCP_ENTRY, outer.span(end), budget, sink);
      else outer.skip(tag, end);
    }
  }

  end(): GrpcAnswer {
    return OK;
  }

  private identify(bytes: Uint8Array, end: number, sink: EventSink): void {
    const identifier = readIdentifier(bytes, outer.pos, end);
    if (identifier === undefined) sink.reject('bad_identifier', bytes.subarray(outer.pos, end));
    else this.stamp = stampOf(identifier);
    outer.pos = end;
  }

  private entries(kind: ProtoMessage, end: number, budget: StampBudget, sink: EventSink): void {
    while (outer.pos < end) {
      const tag = outer.tag(end);
      if (tag !== LOG_ENTRY) {
        outer.skip(tag, end);
        continue;
      }
      const to = outer.span(end);
      this.entry(kind, outer.buf, outer.pos, to, budget, sink);
      outer.pos = to;
    }
  }

  private entry(
    kind: ProtoMessage,
    buf: Uint8Array,
    start: number,
    end: number,
    budget: StampBudget,
    sink: EventSink,
  ): void {
    const sample = (): Uint8Array => buf.subarray(start, end);
    if (end - start > LIMITS.lineBytes) return sink.reject('entry_too_large', sample());
    if (!budget.spend(this.stamp)) return sink.reject('node_too_large', sample());
    if (line.buf.length > LINE_ROOM) line = new JsonText(LINE_ROOM);
    line.clear();
    columns.clear();
    inner.open(buf, start, end);
    new ProtoJson(inner, line, columns).message(kind, end);
    if (inner.bad) return sink.reject('bad_entry', sample());
    const record = sink.begin();
    this.stamp.stamp(record);
    record.setLine(line.buf, 0, line.length);
    columns.put(record);
    sink.commit();
  }
}

/** Checks the framing down to the entries. */
const isFramed = (bytes: Uint8Array): boolean => {
  const { length } = bytes;
  outer.open(bytes, 0, length);
  while (outer.pos < length) {
    const tag = outer.tag(length);
    if (tag !== HTTP_LOGS && tag !== TCP_LOGS) {
      outer.skip(tag, length);
      continue;
    }
    const end = outer.span(length);
    while (outer.pos < end) outer.skip(outer.tag(end), end);
  }
  return !outer.bad;
};
