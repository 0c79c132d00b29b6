const NS_PER_S = 1_000_000_000n;

/** RFC 3339 in UTC with nanoseconds, from nanoseconds since 1970. */
export const rfc3339 = (ns: bigint): string => {
  const seconds = new Date(Number((ns / NS_PER_S) * 1_000n)).toISOString().slice(0, 19);
  return `${seconds}.${(ns % NS_PER_S).toString().padStart(9, '0')}Z`;
};
