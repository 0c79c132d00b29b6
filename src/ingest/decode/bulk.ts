import { copyOf } from '../../model/bytes.ts';
import { LIMITS } from '../../model/limits.ts';
import { ActionReader, type ActionName } from './bulk-action.ts';
import { BulkReply } from './bulk-reply.ts';
import { Target } from './bulk-target.ts';
import type { EventSink } from './decode.ts';
import type { ReplyFilter } from './elasticsearch-filter.ts';
import { DocumentReader } from './ndjson-document.ts';

/**
 * A bulk request (Elasticsearch REST API, "Bulk index or delete documents"): action lines, each but
 * `delete` with a source line behind it. Read in one pass over the bytes.
 *
 * Elasticsearch refuses a whole request for one malformed action line. Here one bad item never
 * costs the others: only where the first action line is malformed (it is no bulk body at all) or no
 * item names an index is the request refused, and then nothing was stored. A malformed action line
 * further down is answered as a failed item of its own, together with the line behind it unless
 * that is an action. `update` and `delete` are answered 400 item by item: the log is append-only.
 */
export type BulkOutcome =
  | { readonly ok: true; readonly text: string }
  | {
      readonly ok: false;
      readonly status: number;
      /** The metric's reason. */
      readonly code: string;
      readonly type: string;
      readonly reason: string;
    };

const LF = 0x0a;
const CR = 0x0d;

const ILLEGAL = 'illegal_argument_exception';
const INVALID = 'action_request_validation_exception';
const NO_REQUESTS = 'Validation Failed: 1: no requests added;';
const NO_INDEX = 'Validation Failed: 1: index is missing;';
export const ONLY_CREATE = 'only write ops with an op_type of create are allowed in data streams';
const NO_NEWLINE = 'The bulk request must be terminated by a newline [\\n]';

const refusal = (code: string, type: string, reason: string, status = 400): BulkOutcome => ({
  ok: false,
  status,
  code,
  type,
  reason,
});

const actions = new ActionReader();

/** @param index the index in the path, undefined where there is none */
export const decodeBulk = (
  body: Uint8Array,
  index: string | undefined,
  filter: ReplyFilter | undefined,
  sink: EventSink,
): BulkOutcome => {
  if (body.length === 0)
    return refusal('empty_body', 'parse_exception', 'request body is required');
  if (body[body.length - 1] !== LF) return refusal('no_final_newline', ILLEGAL, NO_NEWLINE);
  if (hasTooManyItems(body)) {
    const reason = `more than ${LIMITS.bulkItems} operations in one request`;
    return refusal('too_many_items', ILLEGAL, reason, 413);
  }
  return new BulkRun(body, index, filter, sink).run();
};

class BulkRun {
  private readonly body: Buffer;
  private readonly sink: EventSink;
  private readonly reply: BulkReply;
  private readonly fromPath: Target | undefined;
  private target: Target | undefined;
  private line = 0;
  /** Items refused because no index was named. */
  private nowhere = 0;

  constructor(
    body: Uint8Array,
    index: string | undefined,
    filter: ReplyFilter | undefined,
    sink: EventSink,
  ) {
    this.body = Buffer.from(body.buffer, body.byteOffset, body.length);
    this.sink = sink;
    this.reply = new BulkReply(filter, body);
    this.fromPath = index === undefined ? undefined : Target.of(index);
  }

  run(): BulkOutcome {
    actions.forget();
    const { body, reply } = this;
    for (let at = 0; at < body.length;) {
      const stop = this.lineEnd(at);
      this.line++;
      const end = trimmed(body, at, stop);
      if (isBlank(body, at, end)) {
        at = stop + 1;
        continue;
      }
      const problem = actions.read(body, at, end);
      if (problem === '') {
        at = this.item(stop + 1);
        continue;
      }
      const reason = `Malformed action/metadata line [${this.line}], ${problem}`;
      if (reply.count === 0) {
        return refusal('malformed_action', ILLEGAL, reason);
      }
      this.fail('index', 400, 'malformed_action', ILLEGAL, reason, at, end, undefined);
      at = this.skipSource(stop + 1);
    }
    actions.forget();
    if (reply.count === 0) return refusal('empty_body', INVALID, NO_REQUESTS);
    if (this.nowhere === reply.count) {
      return refusal('missing_index', INVALID, NO_INDEX);
    }
    return { ok: true, text: reply.finish() };
  }

  /** The operation whose action was just read; `at` is behind that line. Gives the next one's. */
  private item(at: number): number {
    const { body } = this;
    const { action } = actions;
    const target = this.targetOf();
    if (action === 'delete') {
      this.refuseChange(action, target, at, at);
      return at;
    }
    if (at >= body.length) {
      const reason = 'failed to parse, document is empty';
      this.fail(
        action,
        400,
        'missing_document',
        'mapper_parsing_exception',
        reason,
        at,
        at,
        target,
      );
      return at;
    }
    const stop = this.lineEnd(at);
    this.line++;
    const end = trimmed(body, at, stop);
    if (action === 'update') this.refuseChange(action, target, at, end);
    else if (target === undefined) {
      this.nowhere++;
      this.fail(action, 400, 'missing_index', INVALID, NO_INDEX, at, end, target);
    } else if (target.isStream && action === 'index') {
      this.fail(action, 400, 'only_create', ILLEGAL, ONLY_CREATE, at, end, target);
    } else this.store(action, target, at, end);
    return stop + 1;
  }

  private store(action: ActionName, target: Target, start: number, end: number): void {
    const record = documents.read(this.sink, this.body, start, end);
    if (record === undefined) {
      const reason = isBlank(this.body, start, end)
        ? 'failed to parse, document is empty'
        : 'failed to parse: the document is not a JSON object';
      const type = 'mapper_parsing_exception';
      this.fail(action, 400, 'malformed_document', type, reason, start, end, target);
      return;
    }
    const { id, idStart, idEnd } = actions;
    target.stamp(record, id, idStart, idEnd);
    target.identify(record, id, idStart, idEnd, { body: this.body, start, end });
    this.sink.commit();
    this.reply.stored(action, target.json, jsonText(id, idStart, idEnd));
  }

  private refuseChange(
    action: ActionName,
    target: Target | undefined,
    start: number,
    end: number,
  ): void {
    const reason = `Meshtrail is append-only: [${action}] is not supported`;
    this.fail(action, 400, 'append_only', ILLEGAL, reason, start, end, target);
  }

  private fail(
    action: ActionName,
    status: number,
    code: string,
    type: string,
    reason: string,
    start: number,
    end: number,
    target: Target | undefined,
  ): void {
    const sample = this.body.subarray(start, Math.min(end, start + SAMPLE_BYTES));
    this.sink.reject(code, sample);
    const { id, idStart, idEnd } = actions;
    const given = code === 'malformed_action' ? '' : jsonText(id, idStart, idEnd);
    this.reply.failed(action, target?.json ?? '', given, status, type, reason);
  }

  /** The target that the action names, or the path's; remembered while it stays the same. */
  private targetOf(): Target | undefined {
    const { index, indexStart, indexEnd } = actions;
    if (indexStart === indexEnd) return this.fromPath;
    if (this.target?.is(index, indexStart, indexEnd) !== true) {
      this.target = new Target(copyOf(index, indexStart, indexEnd));
    }
    return this.target;
  }

  /** Behind the line that belongs to a malformed action: any that is no action itself. */
  private skipSource(at: number): number {
    const { body } = this;
    if (at >= body.length) return at;
    const stop = this.lineEnd(at);
    if (actions.read(body, at, trimmed(body, at, stop)) === '') return at;
    this.line++;
    return stop + 1;
  }

  private lineEnd(at: number): number {
    return this.body.indexOf(LF, at);
  }
}

const documents = new DocumentReader();
const SAMPLE_BYTES = 256;
const decoder = new TextDecoder();

/** Where the line ends without its carriage return. */
const trimmed = (body: Uint8Array, start: number, stop: number): number =>
  stop > start && body[stop - 1] === CR ? stop - 1 : stop;

const isBlank = (body: Uint8Array, start: number, end: number): boolean => {
  while (start < end && (body[start] === 0x20 || body[start] === 0x09)) start++;
  return start === end;
};

/** Bytes as JSON text, '' for none. */
const jsonText = (buf: Uint8Array, start: number, end: number): string => {
  if (start === end) return '';
  let at = start;
  while (at < end && isPlain(buf[at] as number)) at++;
  if (at === end && Buffer.isBuffer(buf)) return `"${buf.toString('latin1', start, end)}"`;
  return JSON.stringify(decoder.decode(buf.subarray(start, end)));
};

/** Printable ASCII that JSON needs not escape. */
const isPlain = (byte: number): boolean =>
  byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;

/** Each operation takes a line; only bodies that could hold too many are counted. */
const hasTooManyItems = (body: Uint8Array): boolean => {
  if (body.length <= LIMITS.bulkItems * LEAST_ITEM_BYTES) return false;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length);
  let lines = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (++lines > LIMITS.bulkItems * 2) return true;
  }
  return false;
};

/** `{"index":{}}` and two newlines. */
const LEAST_ITEM_BYTES = 14;
