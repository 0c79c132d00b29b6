/**
 * The tokens of one tenant that were seen lately, each with the mark of the claim that brought it.
 *
 * Two sets, the newer and the older: what is new goes to the newer; when that is half of what may
 * be remembered, by number or by age, it becomes the older, and what was the older is forgotten.
 * So a token is remembered for at least half of the window and never longer than the whole of it.
 * A set is an open-addressed table of three words per place (high, low, mark), at most half full:
 * 24 to 48 bytes per token.
 */
export class TokenWindow {
  private newer = new TokenSet(LEAST_PLACES);
  private older = new TokenSet(LEAST_PLACES);
  /** When the newer set got its first token and its last, on the caller's clock, ms. */
  private sinceMs = 0;
  private lastMs = 0;
  /** When the older set got its last. */
  private olderLastMs = 0;
  /** Keeps the reading ahead from being left out as useless. */
  private touched = 0;

  /** Tokens remembered. */
  get size(): number {
    return this.newer.size + this.older.size;
  }

  /** Bytes of the tables. */
  get sizeBytes(): number {
    return this.newer.sizeBytes + this.older.sizeBytes;
  }

  /**
   * Claims the tokens of `rows` rows for `mark` (not 0). `holders[row]` becomes 0 where the row is
   * new or has no token, else the mark that holds its token, which may be `mark` itself.
   * @param most tokens remembered; `ageMs` for how long
   * @returns how many rows are new
   */
  claim(
    tokens: Int32Array,
    rows: number,
    mark: number,
    holders: Int32Array,
    bounds: Bounds,
  ): number {
    let fresh = 0;
    this.age(bounds);
    this.lastMs = bounds.nowMs;
    for (let row = 0; row < rows; row++) {
      if (row % AHEAD === 0) {
        const end = Math.min(rows, row + AHEAD);
        this.touched ^= this.newer.touch(tokens, row, end) ^ this.older.touch(tokens, row, end);
      }
      const high = tokens[2 * row] as number;
      const low = tokens[2 * row + 1] as number;
      holders[row] = 0;
      if ((high | low) === 0) {
        fresh++;
        continue;
      }
      const held = this.older.size === 0 ? 0 : this.older.markOf(high, low);
      const holder = held === 0 ? this.newer.claim(high, low, mark) : held;
      holders[row] = holder;
      if (holder !== 0) continue;
      fresh++;
      if (this.newer.size >= bounds.most / 2) this.turn();
    }
    return fresh;
  }

  /** Takes back what `mark` claimed of these, so that they are new again. */
  release(tokens: Int32Array, rows: number, mark: number): void {
    for (let row = 0; row < rows; row++) {
      const high = tokens[2 * row] as number;
      const low = tokens[2 * row + 1] as number;
      if ((high | low) === 0) continue;
      this.newer.release(high, low, mark);
      this.older.release(high, low, mark);
    }
  }

  /** Forgets what is too old; true when nothing is left. */
  age({ nowMs, ageMs }: Bounds): boolean {
    if (this.newer.size > 0 && nowMs - this.sinceMs >= ageMs / 2) this.turn();
    if (this.newer.size === 0) this.sinceMs = nowMs;
    if (this.older.size > 0 && nowMs - this.olderLastMs >= ageMs / 2) this.forgetOlder();
    return this.size === 0;
  }

  /** Forgets the older half, to make room for others. */
  shrink(): void {
    if (this.older.size === 0) this.turn();
    this.forgetOlder();
  }

  private forgetOlder(): void {
    this.older = new TokenSet(LEAST_PLACES);
  }

  private turn(): void {
    const { newer, older } = this;
    this.older = newer;
    this.olderLastMs = this.lastMs;
    // Its memory is used again, unless it was for far more than comes now.
    this.newer = older.places <= 2 * newer.places ? older : new TokenSet(LEAST_PLACES);
    this.newer.clear();
    this.sinceMs = this.lastMs;
  }
}

export interface Bounds {
  /** Tokens that may be remembered. */
  readonly most: number;
  /** For how long, ms. */
  readonly ageMs: number;
  /** On a clock that does not go back, ms. */
  readonly nowMs: number;
}

/** Tokens whose places are read before the first of them is looked for. */
const AHEAD = 64;
const LEAST_PLACES = 16;
const WORDS = 3;

class TokenSet {
  size = 0;
  private words: Int32Array;
  /** Places - 1; places are a power of two. */
  private mask: number;

  constructor(places: number) {
    this.words = new Int32Array(places * WORDS);
    this.mask = places - 1;
  }

  get places(): number {
    return this.mask + 1;
  }

  get sizeBytes(): number {
    return this.words.byteLength;
  }

  clear(): void {
    if (this.size > 0) this.words.fill(0);
    this.size = 0;
  }

  /** The mark that holds the token, 0 where none does. */
  markOf(high: number, low: number): number {
    const { words } = this;
    const at = this.find(words, high, low);
    return words[at + 2] as number;
  }

  /** Holds the token for `mark`, unless one holds it already: that one's mark is returned. */
  claim(high: number, low: number, mark: number): number {
    const { words } = this;
    const at = this.find(words, high, low);
    const held = words[at + 2] as number;
    if (held !== 0) return held;
    words[at + 2] = mark;
    // A token that was taken back has kept its place.
    if (((words[at] as number) | (words[at + 1] as number)) !== 0) return 0;
    words[at] = high;
    words[at + 1] = low;
    this.size++;
    if (this.size * 2 > this.places) this.grow();
    return 0;
  }

  release(high: number, low: number, mark: number): void {
    const { words } = this;
    const at = this.find(words, high, low);
    if (words[at + 2] === mark) words[at + 2] = 0;
  }

  /**
   * Reads the places of tokens that will be looked for: their way from memory overlaps, where one
   * after another each would be waited for.
   */
  touch(tokens: Int32Array, from: number, to: number): number {
    const { words, mask } = this;
    let sum = 0;
    for (let row = from; row < to; row++) {
      sum ^= words[((tokens[2 * row + 1] as number) & mask) * WORDS] as number;
    }
    return sum;
  }

  /** The place of the token, or the free one that it would get. */
  private find(words: Int32Array, high: number, low: number): number {
    let place = low & this.mask;
    for (;;) {
      const at = place * WORDS;
      const first = words[at] as number;
      const second = words[at + 1] as number;
      if ((first === high && second === low) || (first | second) === 0) return at;
      place = (place + 1) & this.mask;
    }
  }

  private grow(): void {
    const before = this.words;
    const words = new Int32Array(before.length * 2);
    this.words = words;
    this.mask = this.mask * 2 + 1;
    this.size = 0;
    for (let from = 0; from < before.length; from += WORDS) {
      const high = before[from] as number;
      const low = before[from + 1] as number;
      const mark = before[from + 2] as number;
      if (mark === 0) continue;
      const at = this.find(words, high, low);
      words[at] = high;
      words[at + 1] = low;
      words[at + 2] = mark;
      this.size++;
    }
  }
}
