import { parseAgentBatch, type AgentHead } from '../model/agent-batch.ts';
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
        const gaps = this.finish(tenant, head, known, isStored);
        end();
        return gaps;
      },
    };
  }

  /**
   * Numbers that were never sent: between what was known and where the batch begins. They are told
   * once, when what follows them is stored.
   */
  private finish(
    tenant: string,
    { agent, sources }: AgentHead,
    known: readonly (number | undefined)[],
    isStored: boolean,
  ): SourceGap[] {
    const gaps: SourceGap[] = [];
    for (const [i, { source, from, count }] of sources.entries()) {
      if (isStored) this.raise({ tenant, agent, source, next: from + count });
      const before = known[i];
      const now = this.marks.get(nameOf(tenant, agent, source))?.next ?? 0;
      if (before !== undefined && from > before && now > before) {
        gaps.push({ from: before, to: from - 1 });
      }
    }
    return gaps;
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
  /** @returns numbers that no batch brought, to be told now */
  end(isStored: boolean): SourceGap[];
}

const nameOf = (tenant: string, agent: string, source: string): string =>
  `${tenant}\n${agent}\n${source}`;
