import {
  AGENT_FLAG,
  AGENT_WITH,
  type AgentHead,
  type AgentSource,
} from '../../model/agent-batch.ts';
import { COLUMNS, C } from '../../model/columns.ts';
import { putField, VALUE } from '../../model/fields.ts';
import { keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import type { NumberedSource } from '../../model/origin.ts';
import { LogRecord } from '../../model/record.ts';
import type { Span } from '../../model/span.ts';
import { AgentBlock } from './agent-block.ts';
import type { EventSink } from './decode.ts';
import { createOtlp } from './otlp.ts';
import { RecordStamp, StampBudget } from './record-stamp.ts';
import { readMessage } from './syslog-message.ts';

const encoder = new TextEncoder();
const HOST = keys.of('host.name');
const STDOUT = encoder.encode('stdout');
const STDERR = encoder.encode('stderr');
const otlp = createOtlp();

/** Columns that a field may name. */
const NAMED = new Map(
  COLUMNS.flatMap(({ name, kind }, column) =>
    kind === 'name' || kind === 'text' ? [[name as string, column] as const] : [],
  ),
);
/** What is not an agent's to say. */
for (const name of ['receiver', 'source', 'line', 'body', 'layout']) NAMED.delete(name);
// Its word is a number too.
NAMED.delete('severity_text');

/** Where a block stands, and which of its events are wanted. */
export interface BlockPlace {
  /** Index in `head.sources`. */
  readonly source: number;
  readonly start: number;
  readonly end: number;
  /** Number of its first event. */
  readonly from: number;
  readonly count: number;
  /** Events at its start that are stored already. */
  readonly skip: number;
}

/** What is known of a source before its events are read. */
interface Shared {
  readonly stamp: RecordStamp;
  readonly of: NumberedSource;
}

/** The events of one batch, made records of. */
export class AgentEvents {
  private readonly head: AgentHead;
  private readonly bytes: Uint8Array;
  private readonly sink: EventSink;
  private readonly budget = new StampBudget();
  private readonly shared: Shared[] = [];

  constructor(head: AgentHead, bytes: Uint8Array, sink: EventSink) {
    this.head = head;
    this.bytes = bytes;
    this.sink = sink;
  }

  /** Commits a block's events but the first `skip`; how many. */
  take({ source: index, start, end, from, count, skip }: BlockPlace): number {
    const source = this.head.sources[index] as AgentSource;
    const block = new AgentBlock(this.bytes, start, end, source.with);
    const shared = this.sharedOf(index, source);
    let taken = 0;
    for (let i = 0; i < count; i++) {
      if (!block.next()) {
        this.sink.reject('agent_block_malformed', block.rest());
        return taken;
      }
      if (i < skip) continue;
      if (source.content === 'otlp') this.takeRequest(source, block, shared.of, from + i);
      else this.takeEvent(source, block, shared, from + i);
      taken++;
    }
    return taken;
  }

  private takeEvent(
    source: AgentSource,
    block: AgentBlock,
    { stamp, of }: Shared,
    number: number,
  ): void {
    const { sink } = this;
    const record = sink.begin();
    if (this.budget.spend(stamp)) stamp.stamp(record);
    record.origin = of;
    record.originNumber = number;
    record.setRead(Number(source.readNs / BILLION), Number(source.readNs % BILLION));
    if (source.content === 'syslog') {
      readMessage(record, block.bytes, block.start, block.end, sink.observedSec);
    } else {
      record.setLine(block.bytes, block.start, block.end);
      record.format = source.format;
    }
    if ((source.with & AGENT_WITH.time) !== 0 && block.timeSec >= 0) {
      record.setRead(block.timeSec, block.timeNano);
    }
    if ((block.flags & AGENT_FLAG.stdout) !== 0) record.set(C.stdio, STDOUT, 0, STDOUT.length);
    if ((block.flags & AGENT_FLAG.stderr) !== 0) record.set(C.stdio, STDERR, 0, STDERR.length);
    if ((block.flags & AGENT_FLAG.cut) !== 0) record.cutBytes = 1;
    block.eachField((name, start, end) => put(record, name, block.bytes, start, end));
    sink.commit();
  }

  /**
   * An application's own OTLP request, as it came to the agent. It is one event of many records:
   * its number goes to the last, since with that one all of them are durable.
   */
  private takeRequest(
    source: AgentSource,
    block: AgentBlock,
    of: NumberedSource,
    number: number,
  ): void {
    const { path = '', type = '', encoding = '' } = source.request ?? {};
    const headers = { 'content-type': type, 'content-encoding': encoding };
    const body = block.bytes.subarray(block.start, block.end);
    const request = { method: 'POST', path, query: '', headers, body };
    const counting = new CountingSink(this.sink.observedSec);
    otlp.decode(request, counting);
    otlp.decode(request, new NumberingSink(this.sink, of, number, counting.records));
  }

  /** What all events of a source share: its fields, and its host. */
  private sharedOf(index: number, source: AgentSource): Shared {
    const held = this.shared[index];
    if (held !== undefined) return held;
    const record = this.sink.begin();
    const add = (key: Key, text: string): void => {
      const bytes = encoder.encode(text);
      put(record, key, bytes, 0, bytes.length);
    };
    for (const [name, value] of Object.entries(source.fields)) add(keys.of(name), value);
    if (!record.has(C.node)) add(HOST, this.head.host);
    const stamp = new RecordStamp();
    stamp.capture(record);
    const shared = { stamp, of: { agent: this.head.agent, source: source.source } };
    this.shared[index] = shared;
    return shared;
  }
}

/** Counts what a request would commit. */
class CountingSink implements EventSink {
  readonly observedSec: number;
  records = 0;
  private readonly record = new LogRecord();

  constructor(observedSec: number) {
    this.observedSec = observedSec;
  }

  begin(): LogRecord {
    this.record.reset();
    return this.record;
  }

  commit(): void {
    this.records++;
  }

  span(): void {
    // Spans carry no numbers: sent twice they are two, as from any exporter that tries again.
  }

  reject(): void {
    // Counted when it is decoded for good.
  }
}

/** Gives the last of so many records its number. */
class NumberingSink implements EventSink {
  readonly observedSec: number;
  private readonly sink: EventSink;
  private readonly of: NumberedSource;
  private readonly number: number;
  private left: number;
  private record: LogRecord | undefined;

  constructor(sink: EventSink, of: NumberedSource, number: number, records: number) {
    this.observedSec = sink.observedSec;
    this.sink = sink;
    this.of = of;
    this.number = number;
    this.left = records;
  }

  begin(): LogRecord {
    this.record = this.sink.begin();
    return this.record;
  }

  commit(): void {
    if (--this.left === 0 && this.record !== undefined) {
      this.record.origin = this.of;
      this.record.originNumber = this.number;
    }
    this.sink.commit();
  }

  span(span: Span): void {
    this.sink.span(span);
  }

  reject(reason: string, sample: Uint8Array): void {
    this.sink.reject(reason, sample);
  }
}

const BILLION = 1_000_000_000n;

/** A field of the envelope: a column by its own name or one of its usual ones, else metadata. */
const put = (record: LogRecord, key: Key, buf: Uint8Array, start: number, end: number): void => {
  if (start === end || record.metadata.count >= LIMITS.metadataPerRecord) return;
  const column = NAMED.get(key.text);
  if (column !== undefined && !record.has(column)) record.set(column, buf, start, end);
  else putField(record, 'envelope', key, VALUE.string, buf, start, end);
};
