/** Why a span is refused whose encoding is sound. */
export type BadSpan = 'bad_trace_id' | 'bad_span_id' | 'bad_timestamp';

/** Times of spans: nanoseconds since 1970 that fit 64 signed bits, which is until 2262. */
export const MAX_TIME_NS = 9_223_372_036_854_775_807n;

/** Nanoseconds of microseconds since 1970; undefined where they are no such time. */
export const nsOfMicros = (micros: bigint): bigint | undefined => {
  const ns = micros * 1_000n;
  return ns < 0n || ns > MAX_TIME_NS ? undefined : ns;
};
