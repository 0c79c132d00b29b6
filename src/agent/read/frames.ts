import type { Clock } from '../../platform/clock.ts';
import type { Emit, SourceInfo } from '../input.ts';

/**
 * Messages of one sender that wait to be emitted, as a piece of their own each time: while one
 * piece is under way, the next is gathered.
 */
export class Gathered {
  heldBytes = 0;
  private chunks: Buffer[] = [];
  private ends: number[] = [];
  private cut: number[] = [];
  private emitting: Promise<void> | undefined;
  private total = 0;
  private readonly source: SourceInfo;
  private readonly emit: Emit;
  private readonly clock: Clock;

  constructor(source: SourceInfo, emit: Emit, clock: Clock) {
    this.source = source;
    this.emit = emit;
    this.clock = clock;
  }

  /** Takes one message; the bytes are copied. */
  add(bytes: Uint8Array, start: number, end: number, isCut: boolean): void {
    if (isCut) this.cut.push(this.ends.length);
    this.chunks.push(Buffer.from(bytes.subarray(start, end)));
    this.heldBytes += end - start;
    this.ends.push((this.ends.at(-1) ?? 0) + end - start);
  }

  /** Emits what there is; resolves when all of it is taken. */
  async flush(): Promise<void> {
    this.emitting ??= this.drain().finally(() => (this.emitting = undefined));
    return this.emitting;
  }

  private async drain(): Promise<void> {
    while (this.ends.length > 0) {
      const { chunks, ends, cut } = this;
      [this.chunks, this.ends, this.cut] = [[], [], []];
      const bytes = Buffer.concat(chunks);
      this.total += bytes.length;
      await this.emit({
        ...({ source: this.source, content: 'syslog', bytes, count: ends.length } as const),
        starts: Uint32Array.from([0, ...ends.slice(0, -1)]),
        ends: Uint32Array.from(ends),
        cut: cut.length > 0 ? cut : undefined,
        rawBytes: bytes.length,
        readNs: this.clock.observedNs(),
        position: `${this.total}`,
      });
      this.heldBytes -= bytes.length;
    }
  }
}
