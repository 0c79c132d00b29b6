import { LogRecord } from '../../model/record.ts';
import type { EventSink } from './decode.ts';
import { decodeRecord, readResource, readScope } from './otlp-record.ts';
import { ProtoReader } from './protobuf.ts';
import { RecordStamp, StampBudget } from './record-stamp.ts';

/**
 * `ExportLogsServiceRequest` (opentelemetry-proto 1.x) read in place: string bodies and attributes
 * are ranges of the request's bytes.
 *
 *     ExportLogsServiceRequest  1 resource_logs
 *     ResourceLogs              1 resource, 2 scope_logs, 3 schema_url
 *     ScopeLogs                 1 scope, 2 log_records, 3 schema_url
 */
export interface DecodedItems {
  /** False where the bytes are no such request; then nothing was given out. */
  readonly ok: boolean;
  /** Items that are not taken, and why the first of them is not. */
  readonly rejected: number;
  readonly why: string;
}

/** Reads the frames; what is inside has a reader of its own. */
const outer = new ProtoReader();
/** Where the columns of a resource are put together, and those of a resource and one scope. */
const ofResource = new LogRecord();
const ofScope = new LogRecord();
const resourceStamp = new RecordStamp();
const stamp = new RecordStamp();

const MESSAGE_1 = 0x0a;
const MESSAGE_2 = 0x12;

export const decodeProtobufLogs = (body: Uint8Array, sink: EventSink): DecodedItems => {
  if (!isFramed(body)) return { ok: false, rejected: 0, why: '' };
  const request = new LogsRequest(body, sink);
  request.decode();
  return { ok: true, rejected: request.rejected, why: request.why };
};

/**
 * Checks the framing down to the items (logs and traces are framed alike), and of resources and
 * scopes all but their values.
 */
export const isFramed = (body: Uint8Array): boolean => {
  outer.open(body, 0, body.length);
  const walk = (end: number, depth: number): void => {
    while (outer.pos < end) {
      const tag = outer.tag(end);
      const opens = tag === MESSAGE_1 || (depth === 1 && tag === MESSAGE_2);
      if (opens && depth < 2) walk(outer.span(end), depth + 1);
      else outer.skip(tag, end);
    }
  };
  walk(body.length, 0);
  return !outer.bad;
};

class LogsRequest {
  rejected = 0;
  why = '';
  private readonly body: Uint8Array;
  private readonly sink: EventSink;
  private readonly budget = new StampBudget();

  constructor(body: Uint8Array, sink: EventSink) {
    this.body = body;
    this.sink = sink;
  }

  decode(): void {
    const { body } = this;
    outer.open(body, 0, body.length);
    while (outer.pos < body.length) {
      const tag = outer.tag(body.length);
      if (tag === MESSAGE_1) this.resourceLogs(outer.span(body.length));
      else outer.skip(tag, body.length);
    }
  }

  private resourceLogs(end: number): void {
    const start = outer.pos;
    const good = readResource(this.body, start, end, ofResource);
    resourceStamp.capture(ofResource);
    while (outer.pos < end) {
      const tag = outer.tag(end);
      if (tag === MESSAGE_2) this.scopeLogs(outer.span(end), good);
      else outer.skip(tag, end);
    }
  }

  private scopeLogs(end: number, goodResource: boolean): void {
    const start = outer.pos;
    // Made at the first record: a scope without records must cost nothing.
    let ready = false;
    let good = goodResource;
    while (outer.pos < end) {
      const tag = outer.tag(end);
      if (tag !== MESSAGE_2) {
        outer.skip(tag, end);
        continue;
      }
      const to = outer.span(end);
      const from = outer.pos;
      if (!ready && good) good = this.prepare(start, end);
      ready = true;
      if (good) this.record(from, to);
      else this.reject('bad_resource', 'its resource or scope is malformed or too large', from, to);
      outer.pos = to;
    }
  }

  /** Puts resource and scope on the stamp; false where they cannot be. */
  private prepare(start: number, end: number): boolean {
    if (!this.budget.spend(resourceStamp)) return false;
    ofScope.reset();
    resourceStamp.stamp(ofScope);
    if (!readScope(this.body, start, end, ofScope)) return false;
    stamp.capture(ofScope);
    return true;
  }

  private record(start: number, end: number): void {
    if (!this.budget.spend(stamp)) {
      const why =
        'resource and scope, repeated for each record, are larger than the server accepts';
      this.reject('resource_too_large', why, start, end);
      return;
    }
    const record = this.sink.begin();
    stamp.stamp(record);
    if (decodeRecord(this.body, start, end, record)) this.sink.commit();
    else this.reject('bad_record', 'a log record is malformed or nested too deeply', start, end);
  }

  private reject(reason: string, why: string, start: number, end: number): void {
    this.sink.reject(reason, this.body.subarray(start, end));
    if (this.rejected++ === 0) this.why = why;
  }
}
