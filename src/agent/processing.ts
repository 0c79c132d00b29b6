import type { Clock } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';
import { createCondition, type Condition, type ConditionOptions } from './condition.ts';
import { EventReader } from './event-reader.ts';
import type { EventFields, Piece } from './input.ts';
import { drop, type SourceState } from './source-state.ts';
import { TokenBucket } from './token-bucket.ts';

/** What an operator wants done with an input's events. */
export interface ProcessingOptions {
  /** In order; the first that says so leaves an event out. */
  readonly rules: readonly RuleOptions[];
  readonly sample: SampleOptions | undefined;
  readonly rateLimit: RateLimitOptions | undefined;
}

export type RuleOptions =
  | { readonly exclude: ConditionOptions }
  /** Events that do not fit are left out. */
  | { readonly include: ConditionOptions };

export interface SampleOptions {
  /** Share that is kept, 0 to 1. */
  readonly keep: number;
  /** Events at least as severe are all kept (17: error). */
  readonly alwaysSeverity: number;
  readonly when: ConditionOptions | undefined;
}

export interface RateLimitOptions {
  readonly eventsPerSecond: number;
  readonly burst: number;
}

/** Why an event is left out; also the words of metrics and of the server's sources. */
export type DropReason = 'excluded' | 'sampled' | 'rate_limited';

interface Rule {
  readonly condition: Condition;
  readonly leavesOut: boolean;
}

/** Chances are drawn in millionths. */
const CHANCES = 1_000_000;
const LF = 0x0a;

/**
 * The stages between reading and packing, for one input: select, sample, limit. Each counts what it
 * leaves out in the source's state. An event is only looked into where a stage asks for it.
 */
export class Processing {
  private readonly rules: readonly Rule[];
  private readonly sample: (SampleOptions & { readonly condition?: Condition }) | undefined;
  private readonly rateLimit: RateLimitOptions | undefined;
  private readonly buckets = new WeakMap<SourceState, TokenBucket>();
  private readonly reader: EventReader;
  private readonly clock: Clock;
  private readonly random: Random;

  /** Throws `pattern_invalid`, see condition.ts. */
  constructor(options: ProcessingOptions, clock: Clock, random: Random) {
    this.rules = options.rules.map((rule) =>
      'exclude' in rule
        ? { condition: createCondition(rule.exclude), leavesOut: true }
        : { condition: createCondition(rule.include), leavesOut: false },
    );
    const { sample } = options;
    this.sample = sample && {
      ...sample,
      ...(sample.when && { condition: createCondition(sample.when) }),
    };
    this.rateLimit = options.rateLimit;
    this.reader = new EventReader();
    this.clock = clock;
    this.random = random;
  }

  /** True where every event passes unseen. */
  get isNothing(): boolean {
    return this.rules.length === 0 && this.sample === undefined && this.rateLimit === undefined;
  }

  /** Indexes of the events that go on, ascending; undefined: all. */
  choose(state: SourceState, piece: Piece, fields: EventFields): readonly number[] | undefined {
    // What an application relays is one request of many records: it passes whole.
    if (this.isNothing || piece.content === 'otlp') return undefined;
    const counts: Record<DropReason, number> = { excluded: 0, sampled: 0, rate_limited: 0 };
    const chosen: number[] = [];
    for (let i = 0; i < piece.count; i++) {
      const why = this.reasonAgainst(state, piece, fields, i);
      if (why === undefined) chosen.push(i);
      else counts[why]++;
    }
    if (chosen.length === piece.count) return undefined;
    for (const [reason, count] of Object.entries(counts)) drop(state, reason, count);
    return chosen;
  }

  /** The stage that leaves an event out; undefined where it goes on. */
  reasonAgainst(
    state: SourceState,
    piece: Piece,
    fields: EventFields,
    i: number,
  ): DropReason | undefined {
    const { reader, sample } = this;
    reader.open(piece, i, fields);
    for (const { condition, leavesOut } of this.rules) {
      if (condition(reader) === leavesOut) return 'excluded';
    }
    if (sample !== undefined && this.isSampledOut(sample)) return 'sampled';
    return this.isOverRate(state) ? 'rate_limited' : undefined;
  }

  private isSampledOut(sample: NonNullable<typeof this.sample>): boolean {
    const { reader } = this;
    // Lines that were joined are a stack trace, whatever level stands in them.
    if (reader.severity >= sample.alwaysSeverity || reader.line.includes(LF)) return false;
    if (sample.condition !== undefined && !sample.condition(reader)) return false;
    return this.random.below(CHANCES) >= sample.keep * CHANCES;
  }

  private isOverRate(state: SourceState): boolean {
    if (this.rateLimit === undefined) return false;
    let bucket = this.buckets.get(state);
    if (bucket === undefined) {
      const { eventsPerSecond, burst } = this.rateLimit;
      bucket = new TokenBucket(eventsPerSecond, burst);
      this.buckets.set(state, bucket);
    }
    return !bucket.take(this.clock.monotonicMs());
  }
}
