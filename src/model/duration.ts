/**
 * Durations and counts from bytes to integers. The record holds no floats: what does not fit an
 * integer is told apart by `measured.exact`, and its text is kept beside it by the caller.
 */

export const NS = { ns: 1, us: 1_000, ms: 1_000_000, s: 1_000_000_000 } as const;

/** The number that was read last; read it at once. */
export const measured = {
  value: 0,
  exact: true,
  /**
   * How `printScaled` gives a bare number's text again from `value`: in as few decimals as there
   * can be (-1), in so many (1 to 9), or not at all (-2). Unit ns: as a plain integer (-1).
   */
  decimals: -2,
  /** Digits after a bare number's point. Where `decimals` is -1, so many print it too. */
  places: 0,
};

const MAX = Number.MAX_SAFE_INTEGER;

/** A non-negative integer without leading zeros, at most 2^53 - 1; -1 for anything else. */
export const parseCount = (buf: Uint8Array, start: number, end: number): number => {
  const size = end - start;
  if (size === 0 || size > 16 || (size > 1 && buf[start] === 0x30)) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (buf[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value <= MAX ? value : -1;
};

/**
 * Position after the decimal number at `at`, which is added to `measured` in `unit`s; -1 if none.
 */
const addDecimal = (buf: Uint8Array, at: number, end: number, unit: number): number => {
  const start = at;
  let whole = 0;
  let digits = 0;
  for (; at < end && (buf[at] as number) >= 0x30 && (buf[at] as number) <= 0x39; at++) {
    whole = whole * 10 + ((buf[at] as number) - 0x30);
    digits++;
  }
  let value = whole * unit;
  measured.places = 0;
  if (at < end && buf[at] === 0x2e) {
    const point = at;
    let share = unit;
    for (at++; at < end && (buf[at] as number) >= 0x30 && (buf[at] as number) <= 0x39; at++) {
      const digit = (buf[at] as number) - 0x30;
      digits++;
      share /= 10;
      if (share >= 1) value += digit * share;
      else if (digit > 0) measured.exact = false;
    }
    measured.places = at - point - 1;
  }
  if (digits === 0 || at === start || !(value <= MAX)) return -1;
  measured.value += value;
  return at;
};

/** `measured.decimals` of the bare number from `start` to `end`. */
const decimalsOf = (buf: Uint8Array, start: number, end: number, unitNs: number): number => {
  const { places } = measured;
  const whole = places === 0 ? end - start : end - start - places - 1;
  // No digit before the point, or zeros that need not be there.
  if (whole < 1 || (whole > 1 && buf[start] === 0x30)) return -2;
  const last = buf[end - 1];
  if (places === 0) return last === 0x2e ? -2 : -1;
  const most = unitNs === NS.s ? 9 : unitNs === NS.ms ? 6 : unitNs === NS.us ? 3 : 0;
  if (places > most) return -2;
  return last === 0x30 ? places : -1;
};

/** The unit's length and nanoseconds at `at`: `ns us µs μs ms s m h d`; the longest that fits. */
const unit = { length: 0, ns: 0 };

const readUnit = (buf: Uint8Array, at: number, end: number): boolean => {
  const first = at < end ? buf[at] : 0;
  const second = at + 1 < end ? buf[at + 1] : 0;
  unit.length = 2;
  if (first === 0x6e && second === 0x73) unit.ns = NS.ns;
  else if (first === 0x75 && second === 0x73) unit.ns = NS.us;
  else if (first === 0x6d && second === 0x73) unit.ns = NS.ms;
  else if ((first === 0xc2 && second === 0xb5) || (first === 0xce && second === 0xbc)) {
    unit.ns = NS.us;
    unit.length = 3;
    return at + 2 < end && buf[at + 2] === 0x73;
  } else {
    unit.length = 1;
    if (first === 0x73) unit.ns = NS.s;
    else if (first === 0x6d) unit.ns = 60 * NS.s;
    else if (first === 0x68) unit.ns = 3_600 * NS.s;
    else if (first === 0x64) unit.ns = 86_400 * NS.s;
    else return false;
  }
  return true;
};

/**
 * Reads a duration into `measured.value`, nanoseconds: a bare number counts `unitNs` each (0: a
 * bare number is refused); Go's and Prometheus' forms (`13ms`, `1.5s`, `1m30s`, `250µs`) say their
 * units.
 *
 * @returns false for anything else: negative, exponents, over 2^53 ns (104 days).
 */
export const parseDuration = (
  buf: Uint8Array,
  start: number,
  end: number,
  unitNs: number,
): boolean => {
  measured.value = 0;
  measured.exact = true;
  measured.decimals = -2;
  let at = start;
  while (at < end) {
    let stop = at;
    while (stop < end && isNumeric(buf[stop] as number)) stop++;
    let ns = unitNs;
    let length = 0;
    if (stop < end) {
      if (!readUnit(buf, stop, end)) return false;
      ns = unit.ns;
      length = unit.length;
    } else if (at !== start || unitNs === 0) return false;
    if (addDecimal(buf, at, stop, ns) !== stop) return false;
    if (length === 0) measured.decimals = decimalsOf(buf, start, end, ns);
    at = stop + length;
  }
  return end > start && measured.value <= MAX;
};

const isNumeric = (byte: number): boolean => (byte >= 0x30 && byte <= 0x39) || byte === 0x2e;
