import { LIMITS } from '../../model/limits.ts';
import type { Clock } from '../../platform/clock.ts';
import type { AccessFilter } from '../../query/access-filter.ts';
import type { Labels } from '../../query/labels.ts';
import type { LogExpr } from '../../query/logql/ast.ts';
import { LogqlError } from '../../query/logql/errors.ts';
import { parseLogql } from '../../query/logql/parser.ts';
import { runLogPlan } from '../../query/log-query.ts';
import type { Entry } from '../../query/pipeline/entry.ts';
import { compilePredicate } from '../../query/predicate.ts';
import type { Row } from '../../query/row.ts';
import type { QuerySession } from '../../query/session.ts';
import { groupStreams, tailJson } from './encode.ts';
import { boundsOf, categorizesLabels, checkEntries, limitOf } from './parameters.ts';
import { LokiRefusal } from './refusal.ts';

/** What a client asks with, as for `handle`. */
export interface TailRequest {
  readonly tenant: string;
  /** `query`, `delay_for` (seconds), `limit`, `start`. */
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** A live tail. Ends with `close`, or when the caller stops reading. */
export interface Tail {
  /** Loki's messages, JSON texts. Throws MeshtrailError when the lines so far cannot be read. */
  readonly messages: AsyncIterable<string>;
  /**
   * Offers rows of the tenant that have just become durable; never waits, drops when the reader
   * is slow.
   */
  push(rows: Iterable<Row>): void;
  close(): void;
  /** Lines dropped so far because the reader was slow. */
  readonly dropped: number;
}

interface Dropped {
  readonly timestampNs: bigint;
  readonly labels: Labels;
}

interface Waiting {
  readonly entry: Entry;
  readonly dueMs: number;
}

export const openTail = (
  request: TailRequest,
  session: QuerySession,
  access: AccessFilter,
  clock: Clock,
): Tail => new LiveTail(request, session, access, clock);

class LiveTail implements Tail {
  dropped = 0;
  readonly messages: AsyncIterable<string>;
  private readonly session: QuerySession;
  private readonly clock: Clock;
  private readonly expr: LogExpr;
  private readonly startNs: bigint;
  private readonly limit: number;
  private readonly delayMs: number;
  private readonly categorize: boolean;
  private readonly predicate: (row: Row) => Entry | undefined;
  private readonly waiting: Waiting[] = [];
  private named: Dropped[] = [];
  /** Rows already given from storage, at most `limit`, which may be offered again. */
  private readonly given = new Set<string>();
  private readonly ended = new AbortController();
  /** What ended the query: a limit that it hit. */
  private failure: Error | undefined;
  private wake: () => void = () => undefined;

  constructor(request: TailRequest, session: QuerySession, access: AccessFilter, clock: Clock) {
    this.session = session;
    this.clock = clock;
    this.expr = logQueryOf(request.query.get('query') ?? '');
    this.limit = limitOf(request.query);
    checkEntries(this.limit);
    this.startNs = boundsOf(request.query, clock.nowNs()).startNs;
    this.delayMs = delayOf(request.query) * 1_000;
    this.categorize = categorizesLabels(request.headers);
    this.predicate = compilePredicate(access, this.expr);
    this.messages = this.run();
  }

  push(rows: Iterable<Row>): void {
    if (this.ended.signal.aborted || this.failure !== undefined) return;
    const dueMs = this.clock.monotonicMs() + this.delayMs;
    try {
      for (const row of rows) this.offer(row, dueMs);
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
    }
    this.wake();
  }

  private offer(row: Row, dueMs: number): void {
    if (row.timestampNs < this.startNs) return;
    const entry = this.predicate(row);
    if (entry === undefined) return;
    if (this.waiting.length >= LIMITS.tailRows) this.drop(entry);
    else this.waiting.push({ entry, dueMs });
  }

  close(): void {
    this.ended.abort();
    this.wake();
  }

  private drop(entry: Entry): void {
    this.dropped++;
    if (this.named.length >= LIMITS.tailDropsNamed) return;
    this.named.push({ timestampNs: entry.row.timestampNs, labels: entry.all() });
  }

  private async *run(): AsyncGenerator<string, void, undefined> {
    try {
      const history = await this.history();
      if (history.length > 0) yield this.message(history);
      while (!this.ended.signal.aborted) {
        const entries = this.due();
        if (entries.length > 0 || this.named.length > 0) yield this.message(entries);
        else if (this.failure !== undefined) throw this.failure;
        else await this.sleep();
      }
    } finally {
      this.close();
    }
  }

  /** The newest lines there are, oldest first. */
  private async history(): Promise<Entry[]> {
    const time = { startNs: this.startNs, endNs: this.clock.nowNs() + 1n };
    const plan = await this.session.logPlan(this.expr, time, this.limit, 'backward');
    const entries: Entry[] = [];
    for await (const entry of runLogPlan(this.session.context, plan)) {
      entries.push(entry);
      this.given.add(idOf(entry.row));
      if (this.ended.signal.aborted) return [];
    }
    return entries.reverse();
  }

  /** Entries whose time to wait is over, without those that storage has given. */
  private due(): Entry[] {
    const nowMs = this.clock.monotonicMs();
    const entries: Entry[] = [];
    let taken = 0;
    for (const { entry, dueMs } of this.waiting) {
      if (dueMs > nowMs || entries.length >= LIMITS.tailMessageLines) break;
      taken++;
      if (!this.given.has(idOf(entry.row))) entries.push(entry);
    }
    this.waiting.splice(0, taken);
    return entries;
  }

  private message(entries: readonly Entry[]): string {
    const { named } = this;
    this.named = [];
    return tailJson(groupStreams(entries, this.categorize), named, this.categorize);
  }

  /** Until something is due, offered, or the end. */
  private async sleep(): Promise<void> {
    const over = new AbortController();
    this.wake = () => over.abort();
    const first = this.waiting[0];
    const waitMs = first === undefined ? IDLE_MS : first.dueMs - this.clock.monotonicMs();
    await this.clock.sleep(Math.max(1, waitMs), over.signal);
    this.wake = () => undefined;
  }
}

/** A tail without lines looks around this often; it is woken for anything that happens, ms. */
const IDLE_MS = 60_000;

const idOf = ({ lane, seq }: Row): string => `${lane}:${seq}`;

const logQueryOf = (query: string): LogExpr => {
  const expr = parseLogql(query);
  if (expr instanceof LogqlError) throw expr;
  if (expr.type !== 'log') throw new LokiRefusal('only log queries can be tailed');
  return expr;
};

const delayOf = (query: URLSearchParams): number => {
  const value = query.get('delay_for') ?? '';
  if (value === '') return 0;
  if (!/^[0-9]{1,10}$/.test(value)) {
    throw new LokiRefusal(`strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  const seconds = Number(value);
  if (seconds > LIMITS.tailDelayS) {
    throw new LokiRefusal(`delay_for can't be greater than ${LIMITS.tailDelayS}`);
  }
  return seconds;
};
