/** A seeded generator (mulberry32): the same seed gives the same run's decisions. */
export interface Chance {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number;
}

export const chanceOf = (seed: number): Chance => {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  return { next, below: (bound) => Math.floor(next() * bound) };
};
