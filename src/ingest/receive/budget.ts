/** Bytes that may be in memory between a socket and the journal; shared by all listeners. */
export class Budget {
  private readonly limit: number;
  private used = 0;
  private readonly waiting = new Set<() => void>();

  constructor(limitBytes: number) {
    this.limit = limitBytes;
  }

  get usedBytes(): number {
    return this.used;
  }

  /** Takes `bytes` if there is room. */
  take(bytes: number): boolean {
    if (this.used + bytes > this.limit) return false;
    this.used += bytes;
    return true;
  }

  /** Takes `bytes` in any case: they are in memory already, and their sender is paused instead. */
  force(bytes: number): void {
    this.used += bytes;
  }

  give(bytes: number): void {
    this.used -= bytes;
    if (this.used >= this.limit) return;
    for (const wake of [...this.waiting]) wake();
  }

  /** Calls `wake` once there is room again. */
  whenRoom(wake: () => void): void {
    const once = (): void => {
      this.waiting.delete(once);
      wake();
    };
    this.waiting.add(once);
  }

  get full(): boolean {
    return this.used >= this.limit;
  }
}
