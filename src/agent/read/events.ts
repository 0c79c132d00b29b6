/** The events of one piece under construction; the arrays grow and are used again. */
export class Events {
  bytes: Buffer = Buffer.alloc(0);
  count = 0;
  starts = new Uint32Array(FIRST);
  ends = new Uint32Array(FIRST);
  /** Only where the source knows them: `hasOrigin`. */
  seconds = new Float64Array(0);
  nanos = new Uint32Array(0);
  stdio = new Uint8Array(0);
  hasOrigin = false;
  cut: number[] = [];

  clear(bytes: Buffer, hasOrigin: boolean): void {
    this.bytes = bytes;
    this.count = 0;
    this.hasOrigin = hasOrigin;
    if (this.cut.length > 0) this.cut = [];
  }

  push(start: number, end: number): void {
    if (this.count === this.starts.length) this.grow();
    this.starts[this.count] = start;
    this.ends[this.count++] = end;
  }

  /** Says where the last event comes from. */
  setOrigin(seconds: number, nanos: number, stdio: number): void {
    if (this.seconds.length < this.starts.length) this.growOrigin();
    this.seconds[this.count - 1] = seconds;
    this.nanos[this.count - 1] = nanos;
    this.stdio[this.count - 1] = stdio;
  }

  private grow(): void {
    const size = this.starts.length * 2;
    const { starts, ends } = this;
    this.starts = new Uint32Array(size);
    this.starts.set(starts);
    this.ends = new Uint32Array(size);
    this.ends.set(ends);
  }

  private growOrigin(): void {
    const size = this.starts.length;
    const { seconds, nanos, stdio } = this;
    this.seconds = new Float64Array(size);
    this.seconds.set(seconds);
    this.nanos = new Uint32Array(size);
    this.nanos.set(nanos);
    this.stdio = new Uint8Array(size);
    this.stdio.set(stdio);
  }
}

const FIRST = 4_096;
