/** Two digits at `at`, or a number over 99 where they are not digits. */
export const two = (buf: Uint8Array, at: number): number => {
  const a = (buf[at] as number) - 0x30;
  const b = (buf[at + 1] as number) - 0x30;
  return a >= 0 && a <= 9 && b >= 0 && b <= 9 ? a * 10 + b : 1_000;
};

/** Four digits at `at`, or -1 where they are not digits. */
export const four = (buf: Uint8Array, at: number): number => {
  const value = two(buf, at) * 100 + two(buf, at + 2);
  return value <= 9_999 && two(buf, at + 2) < 100 ? value : -1;
};

export const isDigitAt = (buf: Uint8Array, at: number, end: number): boolean =>
  at < end && (buf[at] as number) >= 0x30 && (buf[at] as number) <= 0x39;
