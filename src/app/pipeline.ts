import { RecordBatch, type Batch } from '../model/batch.ts';
import { copyOf, forgetViews } from '../model/bytes.ts';
import { C } from '../model/columns.ts';
import { LayoutAllowance, type Grant } from '../model/layout-allowance.ts';
import { LayoutFinder } from '../model/layout-finder.ts';
import { LIMITS } from '../model/limits.ts';
import { guessLevel } from '../model/level-words.ts';
import { LogRecord, settleLine } from '../model/record.ts';
import { SpanBatch, type SpanSender } from '../model/span-batch.ts';
import { attributesBytes, GREATEST_START_NS, type Span } from '../model/span.ts';
import type { SourceReject } from '../model/source.ts';
import type { EventSink } from '../ingest/decode/decode.ts';
import type { Normalize } from '../ingest/normalize/recognise.ts';
import { boundValues, cutLine, isLong } from './bound.ts';
import { boundSpan } from './bound-span.ts';

/**
 * The way of a record through a decoding thread, top-down; the only place where the order of the
 * stages is written. What follows in the main thread stands in `acknowledge.ts`:
 *
 *   receive -> [ decode -> normalize -> bound -> redact -> settle the line -> append ]
 *           -> journal (fsync) -> acknowledge -> engine
 *
 * A decoder drives it: `begin` hands out the cursor, `commit` runs the stages on what it set.
 * `span` takes a span, which needs fewer of them; spans and records never share a batch.
 */
export class Pipeline implements EventSink {
  observedSec = 0;
  /** Rows committed since the job began. */
  rows = 0;
  /** Newest event time of those rows, seconds since 1970; -1 where none has one. */
  newestSec = -1;
  newestNano = 0;
  readonly counts = new PipelineCounts();
  /** Closed batches, in order. */
  readonly batches: Batch[] = [];
  private readonly record = new LogRecord();
  private readonly batch = new RecordBatch();
  private readonly spans = new SpanBatch();
  /** Bytes of resources and scopes that spans of the job may still repeat. */
  private spanRoom = 0;
  private readonly normalize: Normalize;
  private readonly redact: (record: LogRecord) => void;
  private readonly finder = new LayoutFinder();
  private readonly allowance: LayoutAllowance;
  private grant: Grant;
  private readonly jobRejects = new Map<
    string,
    { reason: string; count: number; sample: Uint8Array }
  >();
  private tenant = '';
  private protocol = '';
  private peer = '';
  /** The bytes of `protocol`, then of `peer`. */
  private sender = new Uint8Array(0);
  private spanSender: SpanSender = { bytes: this.sender, receiverEnd: 0 };
  private protocolEnd = 0;
  private observedNs = 0n;

  constructor(normalize: Normalize, redact: (record: LogRecord) => void) {
    this.normalize = normalize;
    this.redact = redact;
    this.allowance = new LayoutAllowance();
    this.grant = this.allowance.grantFor('', 0);
    this.batch.begin(0n);
    this.spans.begin(0n);
  }

  /** The next records come from this sender; batches hold one tenant and one protocol each. */
  from(tenant: string, protocol: string, peer: string, observedNs: bigint): void {
    if (tenant !== this.tenant || protocol !== this.protocol) this.close();
    if (protocol !== this.protocol || peer !== this.peer) {
      this.sender = encoder.encode(protocol + peer);
      this.protocolEnd = encoder.encode(protocol).length;
      this.spanSender = { bytes: this.sender, receiverEnd: this.protocolEnd };
    }
    this.tenant = tenant;
    this.protocol = protocol;
    this.peer = peer;
    this.observedNs = observedNs;
    this.observedSec = Number(observedNs / 1_000_000_000n);
    this.grant = this.allowance.grantFor(tenant, this.observedSec);
    this.rows = 0;
    this.spanRoom = LIMITS.stampedBytes;
    this.newestSec = -1;
    this.newestNano = 0;
    this.jobRejects.clear();
    if (this.batch.rows > 0) return;
    // What was received with open spans belongs to them.
    if (this.spans.rows > 0) this.spans.rawBytes += this.batch.rawBytes;
    this.batch.begin(observedNs);
  }

  /** Adds to the bytes received for the open batch. */
  received(bytes: number): void {
    this.batch.rawBytes += bytes;
  }

  begin(): LogRecord {
    this.record.reset();
    this.record.observedSec = this.observedSec;
    return this.record;
  }

  commit(): void {
    const { record } = this;
    // bound: no line is longer than the limit, whatever its protocol allowed; an object is read
    // whole first, since half of one does not even say which service wrote it
    if (isLong(record) && !isObject(record)) this.cut(record);
    // who sent it
    const { sender, protocolEnd } = this;
    record.set(C.receiver, sender, 0, protocolEnd);
    if (sender.length > protocolEnd) record.set(C.source, sender, protocolEnd, sender.length);
    // normalize: the line's own fields
    this.normalize(record, sourceOf(record));
    this.counts.fieldsOverflowed += record.overflow;
    this.counts.timesReplaced += record.badTimes;
    if (record.timeSec < 0 && record.readSec >= 0) record.setTime(record.readSec, record.readNano);
    // enrich: the level by the line's words, for those who expect it
    if (record.guessesLevel && record.numbers[C.severity] === 0) guessLevel(record);
    if (isLong(record)) this.cut(record);
    this.bound(record);
    // redact: before anything touches the disk
    this.redact(record);
    // the line: its layout, or whole beside its values, or the body
    if (record.structured) this.findLayout(record);
    settleLine(record);
    // append: one row of column buffers
    this.batch.append(record);
    this.rows++;
    this.noteTime(record.timeSec, record.timeNano);
    if (this.batch.full) this.close();
  }

  span(given: Span): void {
    // what spans repeat of their resource must not outgrow what was sent without bound
    this.spanRoom -= attributesBytes(given.resource) + attributesBytes(given.scope);
    if (this.spanRoom < 0) {
      this.reject('resource_too_large', encoder.encode(given.spanId));
      return;
    }
    // bound: texts, lists, and all of it together
    const bound = boundSpan(given);
    this.counts.valuesCut += bound?.cut ?? 0;
    this.counts.fieldsOverflowed += bound?.leftOut ?? 0;
    const span = bound?.span ?? given;
    // redact comes here, as for records
    // append: one row, which says who sent it and, by its resource, who wrote it
    if (this.spans.rows === 0) this.spans.begin(this.observedNs);
    this.spans.append(span, this.spanSender);
    this.rows++;
    const { startNs } = span;
    const isTime = startNs > 0n && startNs <= GREATEST_START_NS;
    if (isTime) this.noteTime(Number(startNs / BILLION), Number(startNs % BILLION));
    if (this.spans.full) this.close();
  }

  reject(reason: string, sample: Uint8Array): void {
    this.counts.reject(this.protocol, reason, sample);
    const held = this.jobRejects.get(reason);
    if (held !== undefined) held.count++;
    else if (this.jobRejects.size < JOB_REASONS) {
      this.jobRejects.set(reason, { reason, count: 1, sample: sampleOf(sample) });
    }
  }

  /** What the job rejected, by reason. */
  rejectedByJob(): SourceReject[] {
    return [...this.jobRejects.values()];
  }

  private noteTime(sec: number, nano: number): void {
    if (sec < this.newestSec || (sec === this.newestSec && nano <= this.newestNano)) return;
    this.newestSec = sec;
    this.newestNano = nano;
  }

  /** The tenant's bucket that begins at `fromNs` takes no more layouts. */
  layoutsFull(tenant: string, fromNs: bigint): void {
    this.allowance.full(tenant, Number(fromNs / 1_000_000_000n));
  }

  private findLayout(record: LogRecord): void {
    this.counts.structured++;
    const found = this.finder.find(record);
    if (typeof found === 'string') this.counts.whole(found);
    else if (this.allowance.allows(this.grant, found)) record.layout = found;
    else this.counts.whole('limit');
  }

  /** Number of the batch that the next row goes to. */
  get openBatch(): number {
    return this.batches.length;
  }

  /**
   * Number of the last batch that may hold a row of the job, once it has ended: records' come
   * before spans', and both are closed together.
   */
  get lastBatch(): number {
    return this.batches.length + (this.spans.rows > 0 ? 1 : 0);
  }

  /** Closes the open batches that have rows. */
  close(): void {
    const { batch, spans } = this;
    if (batch.rows > 0) {
      this.batches.push(batch.take(this.tenant, this.protocol));
      batch.begin(this.observedNs);
    }
    if (spans.rows === 0) return;
    // Bytes received are counted once: with the records, where there are any.
    spans.rawBytes += batch.rawBytes;
    batch.rawBytes = 0;
    this.batches.push(spans.take(this.tenant, this.protocol));
    this.counts.timesReplaced += spans.timesReplaced;
    spans.timesReplaced = 0;
    spans.begin(this.observedNs);
  }

  /** Lets go of the bytes received: what is worth keeping is in the batches. */
  release(): void {
    this.record.release();
    this.spans.release();
    forgetViews();
  }

  private cut(record: LogRecord): void {
    this.counts.linesCut++;
    if (record.structured) record.wholeReason = 'cut';
    cutLine(record);
  }

  private bound(record: LogRecord): void {
    const found = boundValues(record);
    if (found === undefined) return;
    record.wholeReason = 'cut';
    this.counts.valuesCut += found.cut;
    this.counts.fieldsOverflowed += found.leftOut;
  }
}

/** A whole JSON object, as far as its first byte tells. */
const isObject = (record: LogRecord): boolean =>
  record.cutBytes === 0 && record.lineBuf[record.lineStart] === 0x7b;

/** What lines of one look come from: the key of the normalizers' memory. */
const sourceOf = (record: LogRecord): number => {
  let hash = 0;
  for (const column of [C.service, C.container, C.stdio]) {
    const end = record.ends[column] as number;
    if (end < 0) continue;
    const buf = record.bufs[column] as Uint8Array;
    for (let i = record.starts[column] as number; i < end; i++) {
      hash = (Math.imul(hash, 31) + (buf[i] as number)) | 0;
    }
    hash = (Math.imul(hash, 31) + 1) | 0;
  }
  return hash;
};

const encoder = new TextEncoder();
const BILLION = 1_000_000_000n;

const SAMPLE_BYTES = 256;

const sampleOf = (item: Uint8Array): Uint8Array =>
  copyOf(item, 0, Math.min(item.length, SAMPLE_BYTES));

/** Reasons told apart within one job. */
const JOB_REASONS = 16;

export class PipelineCounts {
  linesCut = 0;
  valuesCut = 0;
  fieldsOverflowed = 0;
  timesReplaced = 0;
  structured = 0;
  private readonly kept = new Map<string, number>();
  private readonly rejects = new Map<
    string,
    { protocol: string; reason: string; count: number; sample: Uint8Array }
  >();

  whole(reason: string): void {
    this.kept.set(reason, (this.kept.get(reason) ?? 0) + 1);
  }

  reject(protocol: string, reason: string, sample: Uint8Array): void {
    const id = `${protocol} ${reason}`;
    const held = this.rejects.get(id);
    if (held === undefined) {
      this.rejects.set(id, { protocol, reason, count: 1, sample: sampleOf(sample) });
    } else held.count++;
  }

  /** What was counted since the last call. */
  take(): {
    rejects: { protocol: string; reason: string; count: number; sample: Uint8Array }[];
    linesCut: number;
    valuesCut: number;
    fieldsOverflowed: number;
    timesReplaced: number;
    linesStructured: number;
    linesWhole: Record<string, number>;
  } {
    const taken = {
      rejects: [...this.rejects.values()],
      linesCut: this.linesCut,
      valuesCut: this.valuesCut,
      fieldsOverflowed: this.fieldsOverflowed,
      timesReplaced: this.timesReplaced,
      linesStructured: this.structured,
      linesWhole: Object.fromEntries(this.kept),
    };
    this.rejects.clear();
    this.kept.clear();
    this.linesCut = 0;
    this.valuesCut = 0;
    this.fieldsOverflowed = 0;
    this.timesReplaced = 0;
    this.structured = 0;
    return taken;
  }
}
