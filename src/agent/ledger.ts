import { z } from 'zod';
import { MeshtrailError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import type { Disk } from '../platform/disk.ts';
import type { Random } from '../platform/random.ts';
import { newSource, type SourceState } from './source-state.ts';

/**
 * The agent's memory of its sources, `ledger.json`: its own id, and for each source the next number
 * and the position that belongs to it. It is replaced whole and durably before any batch leaves the
 * buffer, so that numbers and positions of what is gone from there are never forgotten: the same
 * event would come again under another number, and nobody could know it for a duplicate.
 *
 * The id and the numbers live and die together: an agent that lost them is a new one. So is one
 * whose directory came from another host, in a machine's image for example: two agents of one id
 * would give the same numbers to other events.
 */
const count = z.int().min(0);
const sourceShape = z.tuple([
  z.string(),
  z.string(),
  count,
  z.string(),
  z.record(z.string(), count),
  count,
  z.string().regex(/^\d{1,19}$/),
]);
const shape = z.strictObject({
  version: z.literal(1),
  agent: z.string().min(1),
  host: z.string(),
  /** Everything up to this number of the buffer's lane is in here. */
  upTo: count,
  sources: z.array(sourceShape),
});

export class Ledger {
  readonly agent: string;
  readonly sources = new Map<string, SourceState>();
  upTo: number;
  private readonly path: string;
  private readonly disk: Disk;
  private readonly host: string;

  private constructor(path: string, disk: Disk, host: string, agent: string, upTo: number) {
    this.path = path;
    this.disk = disk;
    this.host = host;
    this.agent = agent;
    this.upTo = upTo;
  }

  /** Reads the ledger or begins one. Rejects with `agent_ledger_damaged`. */
  static async open(path: string, host: string, disk: Disk, random: Random): Promise<Ledger> {
    if ((await disk.status(path)) === undefined) {
      const ledger = new Ledger(path, disk, host, random.uuid(), 0);
      await ledger.write();
      return ledger;
    }
    const held = parse((await disk.readFile(path)).toString('utf8'));
    if (held === undefined) {
      throw new MeshtrailError(
        'agent_ledger_damaged',
        `${path} cannot be read`,
        'put it back from a copy; or remove the whole directory, and what waits in it is lost',
      );
    }
    const isMoved = held.host !== host;
    const agent = isMoved ? random.uuid() : held.agent;
    const ledger = new Ledger(path, disk, host, agent, held.upTo);
    for (const [id, input, next, position, dropped, lostBytes, lastNs] of held.sources) {
      ledger.sources.set(id, {
        ...newSource({ id, input }),
        ...{ next, durableNext: next, position, dropped, lostBytes, lastNs: BigInt(lastNs) },
      });
    }
    if (isMoved) await ledger.write();
    return ledger;
  }

  of(id: string, input: string): SourceState {
    let state = this.sources.get(id);
    if (state === undefined) {
      state = newSource({ id, input });
      this.sources.set(id, state);
    }
    state.input = input;
    return state;
  }

  /** Durable when it resolves. */
  async write(): Promise<void> {
    this.forget();
    const sources = [...this.sources.values()]
      .filter(({ durableNext, position }) => durableNext > 0 || position !== '')
      .map(({ id, input, durableNext, position, dropped, lostBytes, lastNs }) => [
        ...[id, input, durableNext, position, dropped, lostBytes, String(lastNs)],
      ]);
    const { agent, host, upTo } = this;
    const text = JSON.stringify({ version: 1, agent, host, upTo, sources });
    await this.disk.replaceFile(this.path, text);
  }

  /** Sources that have been silent longest go first, when there are too many. */
  private forget(): void {
    const tooMany = this.sources.size - LIMITS.agentSourcesKept;
    if (tooMany <= 0) return;
    const silent = [...this.sources.values()]
      .filter(({ underWay }) => underWay === 0)
      .sort((a, b) => (a.lastNs < b.lastNs ? -1 : 1));
    // Some more, so that not every write has to sort.
    for (const { id } of silent.slice(0, tooMany + LIMITS.agentSourcesKept / 16)) {
      this.sources.delete(id);
    }
  }
}

const parse = (text: string): z.infer<typeof shape> | undefined => {
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
};
