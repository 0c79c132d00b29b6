import { parseAgentBatch, type AgentHead, type AgentSource } from '../model/agent-batch.ts';
import { LIMITS } from '../model/limits.ts';
import type { Watermark } from '../model/origin.ts';
import type { SourceGap } from '../model/source.ts';
import type { NumberedBatch } from '../model/storage.ts';

/**
 * How far the numbered events of agents are stored, so that what an agent sends again is left out.
 * A watermark stands in the journal's frames with the rows that raised it, and in state.db before
 * the journal lets go of them (storage.ts). So it goes with its rows through a kill of the server:
 * never ahead of them, which would lose events, and never behind, which would double them.
 *
 * Batches that name one source take turns: two tries of the same batch, the first of which its
 * agent gave up, must not both find its events missing.
 */
export class AgentWatermarks {
  /** By tenant, agent and source; those raised last are last. */
  private readonly marks = new Map<string, Watermark>();
  /** What agents' rules left out, as they told last. */
  private readonly dropped = new Map<string, Readonly<Record<string, number>>>();
  /** The last turn of each source that is under way. */
  private readonly turns = new Map<string, Promise<void>>();

  /** @param known how far sources were stored when the server started, in any order */
  constructor(known: readonly Watermark[]) {
    for (const mark of known) this.raise(mark);
  }

  /** Takes in a batch that is durable in the journal. */
  durable({ tenant, origins }: Pick<NumberedBatch, 'tenant' | 'origins'>): void {
    for (const { agent, source, to } of origins ?? []) {
      this.raise({ tenant, agent, source, next: to + 1 });
    }
  }

  /**
   * Waits for the batches before this one that name one of its sources. Undefined where the body is
   * no batch of an agent: then there is nothing to know. `end` must be called in any case.
   */
  async turn(tenant: string, body: Uint8Array): Promise<Turn | undefined> {
    const batch = parseAgentBatch(body);
    if (typeof batch === 'string') return undefined;
    const { head } = batch;
    const names = head.sources.map(({ source }) => nameOf(tenant, head.agent, source));
    const before = new Set(names.flatMap((name) => this.turns.get(name) ?? []));
    let end = (): void => undefined;
    const mine = new Promise<void>((resolve) => (end = resolve));
    for (const name of names) this.turns.set(name, mine);
    await Promise.all(before);
    const known = names.map((name) => this.marks.get(name)?.next);
    return {
      head,
      stored: known.map((next) => next ?? 0),
      end: (isStored) => {
        for (const name of names) if (this.turns.get(name) === mine) this.turns.delete(name);
        const told = this.finish(tenant, head, known, isStored);
        end();
        return told;
      },
    };
  }

  /** Everything is told once, when what follows it is stored. */
  private finish(
    tenant: string,
    { agent, sources }: AgentHead,
    known: readonly (number | undefined)[],
    isStored: boolean,
  ): Told {
    const gaps: SourceGap[] = [];
    const dropped: Record<string, number> = {};
    let duplicates = 0;
    for (const [i, one] of sources.entries()) {
      const { source, from, count } = one;
      const before = known[i];
      if (isStored) {
        this.raise({ tenant, agent, source, next: from + count });
        duplicates += Math.min(count, Math.max(0, (before ?? 0) - from));
        this.countDropped(nameOf(tenant, agent, source), one, before === undefined, dropped);
      }
      const now = this.marks.get(nameOf(tenant, agent, source))?.next ?? 0;
      if (before !== undefined && from > before && now > before) {
        gaps.push({ from: before, to: from - 1 });
      }
    }
    return { gaps, duplicates, dropped };
  }

  /**
   * Adds what the agent's rules left out since it last told. It tells sums, so that nothing counts
   * twice; from before a restart of ours nobody knows what was counted, and they begin anew.
   */
  private countDropped(
    name: string,
    { dropped }: AgentSource,
    isNew: boolean,
    into: Record<string, number>,
  ): void {
    const held = this.dropped.get(name) ?? (isNew ? {} : dropped);
    const sums = { ...held };
    for (const [reason, sum] of Object.entries(dropped)) {
      const more = sum - (held[reason] ?? 0);
      // A batch that is sent again tells an older sum.
      if (more > 0) into[reason] = (into[reason] ?? 0) + more;
      sums[reason] = Math.max(sum, held[reason] ?? 0);
    }
    if (Object.keys(sums).length === 0) return;
    if (this.dropped.size >= LIMITS.agentSourcesKept) this.dropped.clear();
    this.dropped.set(name, sums);
  }

  private raise(mark: Watermark): void {
    const name = nameOf(mark.tenant, mark.agent, mark.source);
    const held = this.marks.get(name);
    if (held !== undefined && held.next >= mark.next) return;
    this.marks.delete(name);
    this.marks.set(name, mark);
    if (this.marks.size <= LIMITS.agentWatermarks) return;
    const [oldest] = this.marks.keys();
    if (oldest !== undefined) this.marks.delete(oldest);
  }
}

/** One batch's turn with its sources. */
export interface Turn {
  readonly head: AgentHead;
  /** By source: all events numbered below are stored; 0 where the source is new here. */
  readonly stored: readonly number[];
  /** @returns what is to be told and counted now */
  end(isStored: boolean): Told;
}

export interface Told {
  /** Numbers that no batch brought: between what was known and where this one begins. */
  readonly gaps: readonly SourceGap[];
  /** Events that were stored already. */
  readonly duplicates: number;
  /** Events that the agent's rules left out, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

const nameOf = (tenant: string, agent: string, source: string): string =>
  `${tenant}\n${agent}\n${source}`;
