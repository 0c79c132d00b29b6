/** Numbers out of numbers. */

const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** The least value that a share of all values does not exceed (nearest rank). */
export const percentile = (values: readonly number[], share: number): number => {
  const rank = Math.max(1, Math.ceil(share * values.length));
  return sorted(values)[rank - 1] ?? Number.NaN;
};

export const median = (values: readonly number[]): number => percentile(values, 0.5);

export const MB = 1_000_000;

export const mbPerSecond = (bytes: number, ms: number): number => bytes / MB / (ms / 1000);
