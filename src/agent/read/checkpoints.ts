import { z } from 'zod';
import { MeshtrailError } from '../../model/errors.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Disk } from '../../platform/disk.ts';
import type { Position } from '../input.ts';
import type { Fingerprint } from './fingerprint.ts';

/** What is remembered of one source between runs. */
export interface Checkpoint {
  readonly id: string;
  path: string;
  /** Device and inode; changes where a file was copied or compressed. */
  identity: string;
  print: Fingerprint;
  /** Everything before it was acknowledged. */
  position: Position;
  /** When the file was last there, ms since 1970. */
  seenMs: number;
}

const shape = z.strictObject({
  version: z.literal(1),
  sources: z.array(
    z.strictObject({
      id: z.string(),
      path: z.string(),
      identity: z.string(),
      print: z.strictObject({ length: z.int().min(0), digest: z.string() }),
      position: z.string(),
      seenMs: z.number(),
    }),
  ),
});

/** How long what was acknowledged may wait to be written down, ms: each time is an fsync. */
const SAVE_MS = 1_000;
/**
 * How long a file that is gone is remembered, ms: rotation compresses what it moved away a day
 * later, and its contents must not come again.
 */
const FORGET_MS = 2 * 86_400_000;

/**
 * The checkpoints of one input, in one small file that is replaced whole and durably. A new source
 * is in it before its first piece is emitted (`remember`); acknowledged positions follow within a
 * second, and at the end.
 */
export class Checkpoints {
  readonly all = new Map<string, Checkpoint>();
  /** Writes that failed; what was acknowledged stays in memory and is tried again. */
  failures = 0;
  private readonly path: string;
  private readonly disk: Disk;
  private readonly clock: Clock;
  private changed = false;
  private saving: Promise<void> | undefined;

  private constructor(path: string, disk: Disk, clock: Clock) {
    this.path = path;
    this.disk = disk;
    this.clock = clock;
  }

  /** Reads the file, or begins without. Rejects with `checkpoints_damaged`. */
  static async open(path: string, disk: Disk, clock: Clock): Promise<Checkpoints> {
    const checkpoints = new Checkpoints(path, disk, clock);
    if ((await disk.status(path)) === undefined) return checkpoints;
    const text = (await disk.readFile(path)).toString('utf8');
    const found = shape.safeParse(parseJson(text));
    if (!found.success) {
      throw new MeshtrailError(
        'checkpoints_damaged',
        `${path} cannot be read`,
        'put it back from a copy; without it all files are read from where `start_at` says',
      );
    }
    for (const one of found.data.sources) checkpoints.all.set(one.id, one);
    return checkpoints;
  }

  /** Writes what changed every second until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.clock.sleep(SAVE_MS, signal);
      // A full disk must not stop the reading: what is acknowledged is only written down later.
      await this.save().catch(() => (this.failures += 1));
    }
  }

  touch(): void {
    this.changed = true;
  }

  acknowledge(id: string, position: Position): void {
    const found = this.all.get(id);
    if (found === undefined || found.position === position) return;
    found.position = position;
    this.changed = true;
  }

  /** Forgets sources whose files have been gone for long. */
  forget(isFollowed: (id: string) => boolean): void {
    const leastMs = this.clock.nowMs() - FORGET_MS;
    for (const { id, seenMs } of this.all.values()) {
      if (seenMs >= leastMs || isFollowed(id)) continue;
      this.all.delete(id);
      this.changed = true;
    }
  }

  /** Makes everything durable as it is now. */
  async save(): Promise<void> {
    while (this.saving !== undefined) await this.saving.catch(() => undefined);
    if (!this.changed) return;
    this.changed = false;
    const text = JSON.stringify({ version: 1, sources: [...this.all.values()] });
    this.saving = this.disk.replaceFile(this.path, text);
    try {
      await this.saving;
    } catch (error) {
      this.changed = true;
      throw error;
    } finally {
      this.saving = undefined;
    }
  }
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
