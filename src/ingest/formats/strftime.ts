import { daysOf } from '../../model/calendar.ts';
import { formatFault } from './fault.ts';

/** A time that was read by its own pattern; see `TimePattern.read`. */
export interface ReadTime {
  sec: number;
  nano: number;
}

/** A time pattern as proxies take it: strftime's letters, and digits of a second as `%3f`. */
export interface TimePattern {
  /** Position after the time at `at`, -1 where there is none. */
  measure(buf: Uint8Array, at: number, end: number): number;
  /** Reads what was measured; false where it names no instant. Zones are UTC where not written. */
  read(buf: Uint8Array, start: number, end: number, into: ReadTime): boolean;
}

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  nano: number;
  epoch: number;
  offset: number;
  afternoon: number;
}

/** One step of a pattern: reads at `at`, gives the position after it or -1. */
type Step = (buf: Uint8Array, at: number, end: number, parts: Parts) => number;

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const DAYS = 'sun mon tue wed thu fri sat'.split(' ');

const lower = (buf: Uint8Array, at: number, size: number): string =>
  String.fromCharCode(...buf.subarray(at, at + size)).toLowerCase();

/** `size` digits, blanks before them allowed where `padded`; -1 where there are none. */
const digits =
  (size: number, put: (parts: Parts, value: number) => void, padded = false): Step =>
  (buf, at, end, parts) => {
    if (at + size > end) return -1;
    let value = 0;
    for (let i = 0; i < size; i++) {
      const byte = buf[at + i] as number;
      if (padded && byte === 0x20 && i < size - 1 && value === 0) continue;
      if (byte < 0x30 || byte > 0x39) return -1;
      value = value * 10 + byte - 0x30;
    }
    put(parts, value);
    return at + size;
  };

const fraction = (size: number): Step =>
  digits(size, (parts, value) => (parts.nano = value * 10 ** (9 - size)));

const epoch: Step = (buf, at, end, parts) => {
  let value = 0;
  let stop = at;
  for (; stop < end && stop - at < 11; stop++) {
    const byte = buf[stop] as number;
    if (byte < 0x30 || byte > 0x39) break;
    value = value * 10 + byte - 0x30;
  }
  if (stop === at) return -1;
  parts.epoch = value;
  return stop;
};

const named =
  (names: readonly string[], full: boolean, put: (parts: Parts, index: number) => void): Step =>
  (buf, at, end, parts) => {
    if (at + 3 > end) return -1;
    const index = names.indexOf(lower(buf, at, 3));
    if (index < 0) return -1;
    put(parts, index);
    let stop = at + 3;
    while (full && stop < end && ((buf[stop] as number) | 0x20) >= 0x61) stop++;
    return stop;
  };

/** `+0000`, `+00:00` or `Z`. */
const zone: Step = (buf, at, end, parts) => {
  const sign = buf[at];
  if (at < end && sign === 0x5a) return at + 1;
  if (at + 5 > end || (sign !== 0x2b && sign !== 0x2d)) return -1;
  const colon = buf[at + 3] === 0x3a ? 1 : 0;
  const text = lower(buf, at + 1, 4 + colon).replace(':', '');
  if (!/^[0-9]{4}$/.test(text) || at + 5 + colon > end) return -1;
  const seconds = Number(text.slice(0, 2)) * 3_600 + Number(text.slice(2)) * 60;
  parts.offset = sign === 0x2d ? -seconds : seconds;
  return at + 5 + colon;
};

/** A zone's letters: only those of UTC are known, others name no instant. */
const zoneName: Step = (buf, at, end, parts) => {
  let stop = at;
  while (stop < end && ((buf[stop] as number) | 0x20) >= 0x61) stop++;
  if (stop === at) return -1;
  if (!['utc', 'gmt', 'z'].includes(lower(buf, at, stop - at))) parts.offset = NaN;
  return stop;
};

const half: Step = (buf, at, end, parts) => {
  const word = at + 2 <= end ? lower(buf, at, 2) : '';
  if (word !== 'am' && word !== 'pm') return -1;
  parts.afternoon = word === 'pm' ? 1 : 0;
  return at + 2;
};

const literal = (text: string): Step => {
  const bytes = new TextEncoder().encode(text);
  return (buf, at, end) => {
    if (at + bytes.length > end) return -1;
    for (let i = 0; i < bytes.length; i++) if (buf[at + i] !== bytes[i]) return -1;
    return at + bytes.length;
  };
};

const LETTERS: Readonly<Record<string, Step>> = {
  Y: digits(4, (parts, value) => (parts.year = value)),
  y: digits(2, (parts, value) => (parts.year = value + (value < 69 ? 2_000 : 1_900))),
  m: digits(2, (parts, value) => (parts.month = value)),
  d: digits(2, (parts, value) => (parts.day = value)),
  e: digits(2, (parts, value) => (parts.day = value), true),
  H: digits(2, (parts, value) => (parts.hour = value)),
  k: digits(2, (parts, value) => (parts.hour = value), true),
  I: digits(2, (parts, value) => (parts.hour = value)),
  l: digits(2, (parts, value) => (parts.hour = value), true),
  M: digits(2, (parts, value) => (parts.minute = value)),
  S: digits(2, (parts, value) => (parts.second = value)),
  f: fraction(9),
  s: epoch,
  b: named(MONTHS, false, (parts, index) => (parts.month = index + 1)),
  h: named(MONTHS, false, (parts, index) => (parts.month = index + 1)),
  B: named(MONTHS, true, (parts, index) => (parts.month = index + 1)),
  a: named(DAYS, false, () => undefined),
  A: named(DAYS, true, () => undefined),
  z: zone,
  Z: zoneName,
  p: half,
  '%': literal('%'),
  n: literal('\n'),
  t: literal('\t'),
};

/** Letters that stand for several. */
const WHOLE: Readonly<Record<string, string>> = {
  F: '%Y-%m-%d',
  T: '%H:%M:%S',
  R: '%H:%M',
  D: '%m/%d/%y',
  c: '%a %b %e %H:%M:%S %Y',
  r: '%I:%M:%S %p',
};

const ALLOWED = `times take ${[...Object.keys(LETTERS), ...Object.keys(WHOLE)]
  .filter((letter) => letter !== '%')
  .map((letter) => `%${letter}`)
  .join(' ')}, %1f to %9f, %E3S and Apache's msec_frac, usec_frac`;

/**
 * Makes a pattern of strftime's letters.
 * @param from where it stands in the definition, for faults
 */
export const timePattern = (text: string, definition: string, from: number): TimePattern => {
  const steps = stepsOf(text, definition, from);
  const parts: Parts = { ...NOTHING };
  const run = (buf: Uint8Array, at: number, end: number): number => {
    Object.assign(parts, NOTHING);
    for (const step of steps) {
      at = step(buf, at, end, parts);
      if (at < 0) return -1;
    }
    return at;
  };
  return {
    measure: run,
    read: (buf, start, end, into) => run(buf, start, end) === end && instantOf(parts, into),
  };
};

const NOTHING: Parts = {
  year: -1,
  month: 1,
  day: 1,
  hour: 0,
  minute: 0,
  second: 0,
  nano: 0,
  epoch: -1,
  offset: 0,
  afternoon: -1,
};

const stepsOf = (text: string, definition: string, from: number): Step[] => {
  const steps: Step[] = [];
  for (let at = 0; at < text.length;) {
    const match = /^%(?:E([0-9])S|([1-9])f|([A-Za-z%]))/.exec(text.slice(at));
    if (match === null) {
      if (text[at] === '%')
        throw formatFault(definition, from + at, `'${text.slice(at, at + 2)}' in a time`, ALLOWED);
      steps.push(literal(String.fromCodePoint(text.codePointAt(at) as number)));
      at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
      continue;
    }
    const [whole, seconds, size, letter = ''] = match;
    if (seconds !== undefined) {
      steps.push(LETTERS['S'] as Step);
      if (seconds !== '0') steps.push(literal('.'), fraction(Number(seconds)));
    } else if (size !== undefined) steps.push(fraction(Number(size)));
    else if (letter in WHOLE)
      steps.push(...stepsOf(WHOLE[letter] as string, definition, from + at));
    else if (letter in LETTERS) steps.push(LETTERS[letter] as Step);
    else throw formatFault(definition, from + at, `'${whole}' in a time`, ALLOWED);
    at += whole.length;
  }
  return steps;
};

/** Greatest second that the record holds: 2262-04-11T23:47:15Z. */
const MOST_SEC = 9_223_372_035;

const instantOf = (parts: Parts, into: ReadTime): boolean => {
  const { year, month, day, minute, second, nano, epoch: since, offset, afternoon } = parts;
  into.nano = nano;
  if (since >= 0) {
    into.sec = since;
    return true;
  }
  const hour = afternoon < 0 ? parts.hour : (parts.hour % 12) + 12 * afternoon;
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31) return false;
  if (hour > 23 || minute > 59 || second > 60) return false;
  into.sec = daysOf(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset;
  return into.sec >= 0 && into.sec <= MOST_SEC;
};
