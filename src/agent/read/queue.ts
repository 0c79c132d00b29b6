/** What waits for one of several readers, in order. */
export class Queue<T> {
  private readonly waiting: T[] = [];
  private readonly takers: ((item: T | undefined) => void)[] = [];
  private isClosed = false;

  push(item: T): void {
    const taker = this.takers.shift();
    if (taker !== undefined) taker(item);
    else this.waiting.push(item);
  }

  /** The next item; undefined once the queue is closed. */
  take(): Promise<T | undefined> {
    if (this.isClosed) return Promise.resolve(undefined);
    const item = this.waiting.shift();
    if (item !== undefined) return Promise.resolve(item);
    return new Promise((resolve) => this.takers.push(resolve));
  }

  close(): void {
    this.isClosed = true;
    this.waiting.length = 0;
    for (const taker of this.takers.splice(0)) taker(undefined);
  }
}
