import { partOf } from '../model/batch-part.ts';
import type { Batch } from '../model/batch.ts';
import { LIMITS } from '../model/limits.ts';
import { TokenWindow, type Bounds } from '../model/token-window.ts';
import type { Clock } from '../platform/clock.ts';

/**
 * Stores once what senders send again because they saw no answer. The state of a token:
 *
 *   unknown --claim by a batch--> under way --durable--> stored --too old or too many--> unknown
 *                                     '-----not durable--> unknown
 *
 * A row whose token is stored is left out, and its sender acknowledged as ever. One whose token is
 * under way waits for what becomes of the first: where that fails, the second is stored instead. So
 * nothing is acknowledged that is not durable, and nothing lost for having been sent twice.
 *
 * Waiting ends: a claim's outcome is that of its own rows alone, and a batch waits for claims made
 * before its own.
 */
export class Once {
  private readonly clock: Pick<Clock, 'monotonicMs' | 'nowNs'>;
  private readonly onDuplicates: (protocol: string, rows: number) => void;
  private readonly windows = new Map<string, TokenWindow>();
  /** Tokens of all windows, and `TENANT_TOKENS` for each. */
  private size = 0;
  /** Outcomes of the claims that are under way, by their marks. */
  private readonly underWay = new Map<number, Promise<Refused | undefined>>();
  private lastMark = 0;
  private sweptMs = 0;

  constructor(
    clock: Pick<Clock, 'monotonicMs' | 'nowNs'>,
    onDuplicates: (protocol: string, rows: number) => void,
  ) {
    this.clock = clock;
    this.onDuplicates = onDuplicates;
  }

  /** Stores the rows of `batch` that are not there yet through `keep`, which never rejects. */
  async store(batch: Batch, keep: Keep): Promise<Refused | undefined> {
    const { tenant, protocol, rows, tokens } = batch;
    if (tokens === undefined) return keep(batch);
    const mark = this.nextMark();
    const holders = new Int32Array(rows);
    const fresh = this.claim(tenant, tokens, mark, holders);
    if (fresh === rows) return this.keepClaimed(batch, mark, keep);
    // Read now: while our own rows are written they may come to their end.
    const others = this.outcomesOf(holders);
    if (fresh > 0) {
      const part = partOf(batch, (row) => holders[row] === 0);
      const refused = await this.keepClaimed(part, mark, keep);
      if (refused !== undefined) return refused;
    }
    const lost = new Set<number>();
    for (const [holder, outcome] of others) {
      if ((await outcome) !== undefined) lost.add(holder);
    }
    const again = holders.reduce((count, holder) => count + (lost.has(holder) ? 1 : 0), 0);
    if (rows > fresh + again) this.onDuplicates(protocol, rows - fresh - again);
    if (again === 0) return undefined;
    return this.store(
      partOf(batch, (row) => lost.has(holders[row] as number)),
      keep,
    );
  }

  /** Takes in tokens of rows that the journal was found to hold. */
  remember(tenant: string, tokens: Uint32Array, observedNs: bigint): void {
    const ageNs = this.clock.nowNs() - observedNs;
    if (ageNs > BigInt(LIMITS.onceMs) * 1_000_000n) return;
    this.claim(tenant, tokens, this.nextMark(), new Int32Array(tokens.length / 2));
  }

  /** Bytes of the windows. */
  get sizeBytes(): number {
    let bytes = 0;
    for (const window of this.windows.values()) bytes += window.sizeBytes;
    return bytes;
  }

  private claim(tenant: string, tokens: Uint32Array, mark: number, holders: Int32Array): number {
    const bounds = { most: LIMITS.onceEntries, ageMs: LIMITS.onceMs, nowMs: this.nowMs() };
    this.sweep(bounds);
    let window = this.windows.get(tenant);
    if (window === undefined) {
      window = new TokenWindow();
      this.windows.set(tenant, window);
      this.size += TENANT_TOKENS;
    }
    const before = window.size;
    const fresh = window.claim(signed(tokens), holders.length, mark, holders, bounds);
    this.size += window.size - before;
    this.makeRoom(bounds);
    return fresh;
  }

  private keepClaimed(batch: Batch, mark: number, keep: Keep): Promise<Refused | undefined> {
    const outcome = keep(batch).then((refused) => {
      const { tenant, tokens, rows } = batch;
      if (refused !== undefined && tokens !== undefined) {
        this.windows.get(tenant)?.release(signed(tokens), rows, mark);
      }
      this.underWay.delete(mark);
      return refused;
    });
    this.underWay.set(mark, outcome);
    return outcome;
  }

  private outcomesOf(holders: Int32Array): Map<number, Promise<Refused | undefined>> {
    const outcomes = new Map<number, Promise<Refused | undefined>>();
    let last = 0;
    for (const holder of holders) {
      if (holder === last) continue;
      last = holder;
      const outcome = this.underWay.get(holder);
      if (outcome !== undefined) outcomes.set(holder, outcome);
    }
    return outcomes;
  }

  /** The tenants that have most forget first. */
  private makeRoom({ most }: Bounds): void {
    // One tenant alone keeps its own bound.
    while (this.size > most && this.windows.size > 1) {
      let name = '';
      let largest: TokenWindow | undefined;
      for (const [tenant, window] of this.windows) {
        if (largest !== undefined && window.size <= largest.size) continue;
        name = tenant;
        largest = window;
      }
      if (largest === undefined) return;
      const before = largest.size;
      largest.shrink();
      this.size += largest.size - before;
      if (largest.size > 0) continue;
      this.windows.delete(name);
      this.size -= TENANT_TOKENS;
    }
  }

  /** Forgets tenants that have not sent anything for long. */
  private sweep(bounds: Bounds): void {
    if (bounds.nowMs - this.sweptMs < bounds.ageMs / 2) return;
    this.sweptMs = bounds.nowMs;
    this.size = 0;
    for (const [tenant, window] of this.windows) {
      if (window.age(bounds)) this.windows.delete(tenant);
      else this.size += window.size + TENANT_TOKENS;
    }
  }

  private nextMark(): number {
    this.lastMark = this.lastMark === MOST_MARKS ? 1 : this.lastMark + 1;
    return this.lastMark;
  }

  private nowMs(): number {
    return this.clock.monotonicMs();
  }
}

/** Why a batch is not durable. */
export type Refused = 'busy' | 'failed';

export type Keep = (batch: Batch) => Promise<Refused | undefined>;

/** What a tenant's window weighs without any token, in tokens. */
const TENANT_TOKENS = 32;

/** Claims are numbered in turn; no claim is under way or remembered for so many others. */
const MOST_MARKS = 2_147_483_647;

const signed = (tokens: Uint32Array): Int32Array =>
  new Int32Array(tokens.buffer, tokens.byteOffset, tokens.length);
