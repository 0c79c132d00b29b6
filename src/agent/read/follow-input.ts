import type { Clock } from '../../platform/clock.ts';
import { errorCode } from '../../platform/disk.ts';
import { LIMITS } from '../../model/limits.ts';
import type { FollowOptions } from '../input-options.ts';
import type { Emit, Input, InputDoors, InputStatus, Position, SourceKind } from '../input.ts';
import { Checkpoints } from './checkpoints.ts';
import { checkBeginning, lookOver, type Followed } from './followed.ts';
import { readPacked } from './packed.ts';
import { findCopy, findRenamed } from './identify.ts';
import { count, lossOf, newTally, Reader, type Tally } from './reader.ts';
import { Sources, type Describe } from './sources.ts';
import { Queue } from './queue.ts';

export interface FollowedInput {
  readonly kind: SourceKind;
  readonly name: string;
  readonly options: FollowOptions;
  readonly describe: Describe;
  /** Runs beside the reading, until `signal` aborts (pod metadata). */
  /** Where `beside` counts too. */
  readonly tally?: Tally | undefined;
  readonly beside?: ((signal: AbortSignal) => Promise<void>) | undefined;
}

/** Time between rounds over all files, ms. */
const ROUND_MS = 100;
/** A file that cannot be read is tried again after so long, ms. */
const RETRY_MS = 5_000;

/** Nobody takes pieces any more, which is no trouble of the file's. */
class EmitFailed extends Error {
  constructor(cause: unknown) {
    super('a piece could not be given away', { cause });
  }
}

/** An input that follows files: the machine is told in followed.ts. */
export class FollowInput implements Input {
  private readonly what: FollowedInput;
  private readonly doors: InputDoors;
  private readonly clock: Clock;
  private readonly tally: Tally;
  private readonly checkpoints: Checkpoints;
  private readonly sources: Sources;
  private readonly queue = new Queue<Followed>();
  private readonly stopping = new AbortController();
  private readonly truncated = new Set<Followed>();
  private running: Promise<void> | undefined;
  private discoverAtMs = 0;

  constructor(what: FollowedInput, doors: InputDoors, checkpoints: Checkpoints) {
    this.what = what;
    this.doors = doors;
    this.clock = doors.clock;
    this.tally = what.tally ?? newTally();
    this.checkpoints = checkpoints;
    const { name, options, describe } = what;
    this.sources = new Sources(name, options, doors, checkpoints, describe, this.tally);
  }

  static async open(what: FollowedInput, doors: InputDoors): Promise<FollowInput> {
    const path = `${doors.stateDirectory}/checkpoints-${what.name}`;
    const checkpoints = await Checkpoints.open(path, doors.disk, doors.clock);
    return new FollowInput(what, doors, checkpoints);
  }

  run(emit: Emit): Promise<void> {
    const { signal } = this.stopping;
    const all = [
      this.round(),
      this.checkpoints.run(signal),
      ...Array.from({ length: LIMITS.agentReaders }, () => this.read(emit)),
    ];
    if (this.what.beside !== undefined) all.push(this.what.beside(signal));
    // Where one fails all end, and nobody is left behind.
    for (const one of all) one.catch(() => this.abort());
    this.running = Promise.allSettled(all).then((ends) => {
      const failed = ends.find((end) => end.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
    });
    return this.running;
  }

  async stop(): Promise<void> {
    this.abort();
    await this.running?.catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.stop();
    for (const one of this.sources.followed.values()) one.file?.close();
    await this.checkpoints.save();
  }

  acknowledge(source: string, position: Position): void {
    this.checkpoints.acknowledge(source, position);
  }

  status(): InputStatus {
    const followed = [...this.sources.followed.values()];
    const lagOf = (one: Followed): number => (one.isGzip ? 0 : Math.max(0, one.size - one.offset));
    const behind = followed
      .filter((one) => lagOf(one) > 0)
      .sort((a, b) => lagOf(b) - lagOf(a))
      .slice(0, 100)
      .map((one) => ({ source: one.source.id, path: one.path, lagBytes: lagOf(one) }));
    return {
      input: this.what.name,
      kind: this.what.kind,
      sources: followed.length,
      open: followed.filter(({ file }) => file !== undefined).length,
      readBytes: this.tally.readBytes,
      events: this.tally.events,
      lagBytes: followed.reduce((sum, one) => sum + lagOf(one), 0),
      drops: { ...this.tally.drops },
      troubles: { ...this.tally.troubles },
      behind,
    };
  }

  private abort(): void {
    this.stopping.abort();
    this.queue.close();
  }

  /** Looks for files and over them, again and again. */
  private async round(): Promise<void> {
    const { signal } = this.stopping;
    let saved: ReadonlySet<string> = new Set();
    while (!signal.aborted) {
      if (this.clock.monotonicMs() >= this.discoverAtMs) {
        this.discoverAtMs = this.clock.monotonicMs() + this.what.options.discoverMs;
        await this.sources.discover();
        const ids = [...this.sources.followed.keys()];
        if (ids.some((id) => !saved.has(id)) && (await this.save())) saved = new Set(ids);
      }
      const nowMs = this.clock.monotonicMs();
      for (const one of this.sources.followed.values()) {
        const isReady = !one.isQueued && one.nextLookMs <= nowMs && saved.has(one.checkpoint.id);
        if (isReady) this.look(one, nowMs);
      }
      await this.clock.sleep(ROUND_MS, signal);
    }
  }

  private async save(): Promise<boolean> {
    try {
      await this.checkpoints.save();
      return true;
    } catch (error) {
      count(this.tally.troubles, 'checkpoint_failed');
      this.doors.log.warn('new files wait: checkpoints cannot be written', { error });
      return false;
    }
  }

  private look(one: Followed, nowMs: number): void {
    if (one.isGzip) return this.enqueue(one);
    try {
      const wasNamed = one.detachedMs === undefined;
      const verdict = lookOver(one, nowMs, this.what.options);
      // Its name is another file's now, which is a source of its own.
      if (wasNamed && one.detachedMs !== undefined) {
        this.sources.release(one);
        this.discoverAtMs = 0;
      }
      if (verdict === 'same') return;
      if (verdict === 'truncated') this.truncated.add(one);
      if (verdict === 'gone') one.isEnding = true;
      this.enqueue(one);
    } catch (error) {
      this.fail(one, error);
    }
  }

  private enqueue(one: Followed): void {
    one.isQueued = true;
    this.queue.push(one);
  }

  /** One reader: takes one file after another. */
  private async read(emit: Emit): Promise<void> {
    const reader = new Reader(this.clock, this.tally);
    const guarded: Emit = (piece) =>
      emit(piece).catch((error: unknown) => {
        throw new EmitFailed(error);
      });
    for (let one = await this.queue.take(); one !== undefined; one = await this.queue.take()) {
      let isMore = false;
      try {
        isMore = await this.turn(one, reader, guarded);
      } catch (error) {
        if (error instanceof EmitFailed) throw error.cause;
        this.fail(one, error);
      }
      one.isQueued = false;
      if (isMore) this.enqueue(one);
    }
  }

  private async turn(one: Followed, reader: Reader, emit: Emit): Promise<boolean> {
    const { signal } = this.stopping;
    if (this.truncated.delete(one)) return this.restart(one, emit);
    if (!(await this.sources.open(one))) {
      if (!(await this.reopen(one))) {
        const lostBytes = one.isGzip ? 0 : Math.max(0, one.size - one.offset);
        await this.lose(one, lostBytes, 'file_deleted', emit);
        this.sources.end(one, false);
        return false;
      }
    }
    const { file } = one;
    if (file === undefined) return false;
    if (one.isGzip) {
      const isWhole = await readPacked(one, file, reader, emit, () => signal.aborted);
      if (isWhole) this.sources.end(one, true);
      else one.nextLookMs = this.clock.monotonicMs() + RETRY_MS;
      return false;
    }
    if (!(await checkBeginning(one, file))) return this.restart(one, emit);
    const isMore = await reader.turn(one, emit, () => signal.aborted, this.what.options);
    if (!one.isEnding || isMore || signal.aborted) return isMore;
    this.sources.end(one, false);
    return false;
  }

  /** The name of a closed file is gone: where it was renamed, its rest is read there. */
  private async reopen(one: Followed): Promise<boolean> {
    const { identity } = one.checkpoint;
    const path = await findRenamed(this.doors.disk, one.path, identity);
    this.discoverAtMs = 0;
    if (path === undefined) return false;
    this.sources.move(one, path, identity);
    one.isEnding = false;
    one.grownMs = this.clock.monotonicMs();
    return this.sources.open(one);
  }

  /** The file was truncated: the rest of what it held is read from its copy, if it has one. */
  private async restart(one: Followed, emit: Emit): Promise<boolean> {
    const lostBytes = Math.max(0, one.size - one.offset);
    const copy = await findCopy(this.doors.disk, one.path, one.checkpoint);
    this.discoverAtMs = 0;
    if (copy !== undefined && copy.look.sizeBytes >= one.offset) {
      this.sources.move(one, copy.path, copy.look.identity);
      one.grownMs = this.clock.monotonicMs();
      return true;
    }
    await this.lose(one, lostBytes, 'file_truncated', emit);
    this.sources.end(one, false);
    return false;
  }

  private async lose(one: Followed, bytes: number, reason: string, emit: Emit): Promise<void> {
    if (bytes === 0) return;
    count(this.tally.drops, reason);
    this.doors.log.error('a file lost bytes before they were read', { path: one.path, bytes });
    await emit(lossOf(one, bytes, this.clock.observedNs()));
  }

  private fail(one: Followed, error: unknown): void {
    const code = errorCode(error);
    const reason = code === 'EACCES' || code === 'EPERM' ? 'file_unreadable' : 'file_failed';
    count(this.tally.troubles, reason);
    this.doors.log.warn('a file cannot be read now', { path: one.path, error });
    one.nextLookMs = this.clock.monotonicMs() + RETRY_MS;
  }
}
