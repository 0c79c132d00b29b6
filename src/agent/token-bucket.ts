/** So many events a second, and some more at once after a quiet while. */
export class TokenBucket {
  private tokens: number;
  private atMs = -1;
  private readonly perSecond: number;
  private readonly burst: number;

  constructor(perSecond: number, burst: number) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.tokens = burst;
  }

  /** True where one more may pass at `nowMs` (monotonic). */
  take(nowMs: number): boolean {
    if (this.atMs >= 0) {
      const gained = ((nowMs - this.atMs) / 1_000) * this.perSecond;
      this.tokens = Math.min(this.burst, this.tokens + gained);
    }
    this.atMs = nowMs;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
