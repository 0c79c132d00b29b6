import { RecordBatch, type Batch } from '../model/batch.ts';
import { C } from '../model/columns.ts';
import { keys } from '../model/key.ts';
import { LIMITS } from '../model/limits.ts';
import { LogRecord, setAscii, settleLine } from '../model/record.ts';
import type { EventSink } from '../ingest/decode/decode.ts';
import type { Normalize } from '../ingest/normalize/recognise.ts';

/**
 * The way of a record through a decoding thread, top-down; the only place where the order of the
 * stages is written. What follows in the main thread stands in `acknowledge.ts`:
 *
 *   receive -> [ decode -> bound -> normalize -> redact -> settle the line -> append ]
 *           -> journal (fsync) -> acknowledge -> engine
 *
 * A decoder drives it: `begin` hands out the cursor, `commit` runs the stages on what it set.
 */
export class Pipeline implements EventSink {
  observedSec = 0;
  /** Rows committed since the job began. */
  rows = 0;
  readonly counts = new PipelineCounts();
  /** Closed batches, in order. */
  readonly batches: Batch[] = [];
  private readonly record = new LogRecord();
  private readonly batch = new RecordBatch();
  private readonly normalize: Normalize;
  private readonly redact: (record: LogRecord) => void;
  private tenant = '';
  private protocol = '';
  private peer = '';
  private observedNs = 0n;

  constructor(normalize: Normalize, redact: (record: LogRecord) => void) {
    this.normalize = normalize;
    this.redact = redact;
    this.batch.begin(0n);
  }

  /** The next records come from this sender; batches hold one tenant and one protocol each. */
  from(tenant: string, protocol: string, peer: string, observedNs: bigint): void {
    if (tenant !== this.tenant || protocol !== this.protocol) this.close();
    this.tenant = tenant;
    this.protocol = protocol;
    this.peer = peer;
    this.observedNs = observedNs;
    this.observedSec = Number(observedNs / 1_000_000_000n);
    this.rows = 0;
    if (this.batch.rows === 0) this.batch.begin(observedNs);
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
    // bound: no line is longer than the limit, whatever its protocol allowed
    if (record.lineEnd - record.lineStart > LIMITS.lineBytes || record.cutBytes > 0) {
      this.cut(record);
    }
    // who sent it
    setAscii(record, C.receiver, this.protocol);
    if (this.peer !== '') setAscii(record, C.source, this.peer);
    // normalize: the line's own fields
    this.normalize(record, sourceOf(record));
    this.counts.fieldsOverflowed += record.overflow;
    this.counts.timesReplaced += record.badTimes;
    // redact: before anything touches the disk
    this.redact(record);
    // the line: kept whole beside its values, or as the body
    settleLine(record);
    if (record.structured) this.counts.whole('structured');
    // append: one row of column buffers
    this.batch.append(record);
    this.rows++;
    if (this.batch.full) this.close();
  }

  reject(reason: string, sample: Uint8Array): void {
    this.counts.reject(this.protocol, reason, sample);
  }

  /** Number of the batch that the next row goes to. */
  get openBatch(): number {
    return this.batches.length;
  }

  /** Closes the open batch, if it has rows. */
  close(): void {
    if (this.batch.rows === 0) return;
    this.batches.push(this.batch.take(this.tenant, this.protocol));
    this.batch.begin(this.observedNs);
  }

  private cut(record: LogRecord): void {
    this.counts.linesCut++;
    const held = record.lineEnd - record.lineStart;
    const size = held + record.cutBytes;
    let end = record.lineStart + Math.min(held, LIMITS.lineBytes);
    // not inside a UTF-8 sequence: continuation bytes are 10xxxxxx
    if (held > LIMITS.lineBytes) {
      for (let i = 0; i < 3 && ((record.lineBuf[end] as number) & 0xc0) === 0x80; i++) end--;
    }
    record.setLine(record.lineBuf, record.lineStart, end);
    const text = encoder.encode(String(size));
    record.metadata.put(cutMark, text, 0, text.length);
  }
}

/** The mark of a line that was cut: its size as sent, bytes. */
const cutMark = keys.of('meshtrail_cut_from_bytes');
const encoder = new TextEncoder();

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

const SAMPLE_BYTES = 256;

export class PipelineCounts {
  linesCut = 0;
  fieldsOverflowed = 0;
  timesReplaced = 0;
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
      this.rejects.set(id, { protocol, reason, count: 1, sample: sample.slice(0, SAMPLE_BYTES) });
    } else held.count++;
  }

  /** What was counted since the last call. */
  take(): {
    rejects: { protocol: string; reason: string; count: number; sample: Uint8Array }[];
    linesCut: number;
    fieldsOverflowed: number;
    timesReplaced: number;
    linesWhole: Record<string, number>;
  } {
    const taken = {
      rejects: [...this.rejects.values()],
      linesCut: this.linesCut,
      fieldsOverflowed: this.fieldsOverflowed,
      timesReplaced: this.timesReplaced,
      linesWhole: Object.fromEntries(this.kept),
    };
    this.rejects.clear();
    this.kept.clear();
    this.linesCut = 0;
    this.fieldsOverflowed = 0;
    this.timesReplaced = 0;
    return taken;
  }
}
