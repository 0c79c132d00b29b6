import { DAY, daysOf, yearOf } from './calendar.ts';
import { clockForm, epochForm, NO_ZONE } from './layout-time-forms.ts';
import type { TimeStyle } from './layout-time.ts';
import { four, isDigitAt, two } from './time-digits.ts';
import { readZone, zone } from './time-zone.ts';

/**
 * Timestamps from bytes to seconds and nanoseconds since 1970 UTC, without strings, dates or
 * bigints.
 *
 * Understood: RFC 3339 and its ISO 8601 neighbours (`2025-11-20T10:00:00.123456789+01:00`,
 * `2025-11-20 10:00:00,123`, `2025/11/20 10:00:00`, `20251120T100000Z`), numbers of seconds,
 * milliseconds, microseconds or nanoseconds since 1970, the common log format
 * (`20/Nov/2025:10:00:00 +0000`), RFC 1123 and `ctime` forms, klog's `1120 10:00:00.000000` and
 * syslog's `Nov 20 10:00:00`. A time without a zone is taken as UTC. Digits below the nanosecond
 * are cut.
 */

/** The time that `parseTime` found last; read it at once. */
export const parsed = {
  sec: 0,
  nano: 0,
  /** Whether digits below the nanosecond were cut. */
  cut: false,
  /**
   * Number of the form in which `printTime` gives the same text again (`timeFormOf`); 0 where the
   * text cannot be had from its nanoseconds.
   */
  form: 0,
};

/** Numbers of the styles, their places in `TIME_STYLES`. */
const STYLE = { T: 0, _: 1, '/': 2, c: 3, k: 4, m: 5, n: 6 } satisfies Record<TimeStyle, number>;
const NO_STYLE = -1;

/** Greatest second that the record holds: 2262-04-11T23:47:15Z. */
export const MAX_TIME_SEC = 9_223_372_035;

/**
 * Numbers below this count no seconds since 1970 (they would be before March 1973, and are uptimes
 * and durations in practice); the same power splits milliseconds, microseconds and nanoseconds.
 */
const LEAST_EPOCH_DIGITS = 9;

const MONTHS = new Map<number, number>();
'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ').forEach((name, index) => {
  MONTHS.set(
    (name.charCodeAt(0) << 16) | (name.charCodeAt(1) << 8) | name.charCodeAt(2),
    index + 1,
  );
});

/** Whether three letters are written as `Nov` is. */
const isCapitalised = (buf: Uint8Array, at: number): boolean =>
  ((buf[at] as number) & 0x20) === 0 &&
  ((buf[at + 1] as number) & (buf[at + 2] as number) & 0x20) !== 0;

/** The month whose English three-letter name is at `at`, 0 where there is none. */
const monthAt = (buf: Uint8Array, at: number, end: number): number => {
  if (at + 3 > end) return 0;
  const letters =
    ((buf[at] as number) << 16) | ((buf[at + 1] as number) << 8) | (buf[at + 2] as number);
  return MONTHS.get(letters | 0x202020) ?? 0;
};

/**
 * Where the clock text ended, and its seconds of the day and nanoseconds. `fraction`: number of its
 * digits, and 10 more after a comma; -1 where the clock cannot be printed again.
 */
const clock = { at: 0, seconds: 0, nano: 0, cut: false, fraction: -1 };

/**
 * `hh:mm[:ss[.fraction]]`, or without colons where `basic`. A leap second counts as the next one.
 */
const readClock = (buf: Uint8Array, at: number, end: number, basic: boolean): boolean => {
  const gap = basic ? 0 : 1;
  if (at + 4 + gap > end) return false;
  const hour = two(buf, at);
  const minute = two(buf, at + 2 + gap);
  if (hour > 23 || minute > 59 || (!basic && buf[at + 2] !== 0x3a)) return false;
  at += 4 + gap;
  clock.seconds = hour * 3_600 + minute * 60;
  clock.nano = 0;
  clock.cut = false;
  clock.fraction = -1;
  clock.at = at;
  if (basic ? !isDigitAt(buf, at, end) : at >= end || buf[at] !== 0x3a) return true;
  at += gap;
  if (at + 2 > end) return false;
  const second = two(buf, at);
  if (second > 60) return false;
  clock.seconds += second;
  clock.fraction = second === 60 ? -1 : 0;
  clock.at = at + 2;
  readFraction(buf, at + 2, end);
  return true;
};

const POWERS = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9] as const;

/** `.123456` or `,123` at `at`, into `clock`; leaves it as it is where there is none. */
const readFraction = (buf: Uint8Array, at: number, end: number): void => {
  if (at >= end || (buf[at] !== 0x2e && buf[at] !== 0x2c) || !isDigitAt(buf, at + 1, end)) return;
  const comma = buf[at] === 0x2c;
  at++;
  let nano = 0;
  const start = at;
  const most = Math.min(end, start + 9);
  while (at < most) {
    const digit = (buf[at] as number) - 0x30;
    if (digit < 0 || digit > 9) break;
    nano = nano * 10 + digit;
    at++;
  }
  nano *= POWERS[9 - (at - start)] as number;
  if (clock.fraction === 0)
    clock.fraction = isDigitAt(buf, at, end) ? -1 : at - start + (comma ? 10 : 0);
  if (at === most) for (; isDigitAt(buf, at, end); at++) if (buf[at] !== 0x30) clock.cut = true;
  clock.nano = nano;
  clock.at = at;
};

/** Puts days, `clock` and zone together; false outside 1970..2262. */
const finish = (days: number, offset: number): boolean => {
  const sec = days * DAY + clock.seconds - offset;
  // Also false for NaN.
  if (!(sec >= 0 && sec <= MAX_TIME_SEC)) return false;
  parsed.sec = sec;
  parsed.nano = clock.nano;
  parsed.cut = clock.cut;
  parsed.form = 0;
  return true;
};

/** Tells the form of the time that `finish` took, with the clock and zone that were read last. */
const inStyle = (style: number): true => {
  if (style !== NO_STYLE && clock.fraction >= 0)
    parsed.form = clockForm(style, clock.fraction, zone.number);
  return true;
};

/** The date read last: lines of one day come together. */
const lastDate = new Uint8Array(10);
let lastDays = NaN;

const dateDays = (buf: Uint8Array, start: number): number => {
  let same = 0;
  while (same < 10 && lastDate[same] === buf[start + same]) same++;
  if (same === 10) return lastDays;
  for (let i = 0; i < 10; i++) lastDate[i] = buf[start + i] as number;
  lastDays = daysOf(four(buf, start), two(buf, start + 5), two(buf, start + 8));
  return lastDays;
};

/** `2025-11-20T10:00:00...`, also with slashes, a space, or a bare date. */
const parseIso = (buf: Uint8Array, start: number, end: number): boolean => {
  if (end - start < 10 || buf[start + 4] !== buf[start + 7]) return false;
  const days = dateDays(buf, start);
  if (end - start === 10) {
    clock.seconds = 0;
    clock.nano = 0;
    clock.cut = false;
    return finish(days, 0);
  }
  const between = buf[start + 10] as number;
  if (between !== 0x54 && between !== 0x74 && between !== 0x20) return false;
  if (!readClock(buf, start + 11, end, false)) return false;
  if (!finish(days, readZone(buf, clock.at, end))) return false;
  const dashes = buf[start + 4] === 0x2d;
  if (between === 0x20) return inStyle(dashes ? STYLE._ : STYLE['/']);
  return inStyle(between === 0x54 && dashes ? STYLE.T : NO_STYLE);
};

/** `20251120T100000Z`. */
const parseBasic = (buf: Uint8Array, start: number, end: number): boolean => {
  const days = daysOf(four(buf, start), two(buf, start + 4), two(buf, start + 6));
  if (!readClock(buf, start + 9, end, true)) return false;
  return finish(days, readZone(buf, clock.at, end));
};

/** `20/Nov/2025:10:00:00 +0000` (common log format), without brackets. */
const parseCommon = (buf: Uint8Array, start: number, end: number): boolean => {
  if (end - start < 17 || buf[start + 6] !== 0x2f || buf[start + 11] !== 0x3a) return false;
  const days = daysOf(four(buf, start + 7), monthAt(buf, start + 3, end), two(buf, start));
  if (!readClock(buf, start + 12, end, false)) return false;
  if (!finish(days, readZone(buf, clock.at, end))) return false;
  return inStyle(isCapitalised(buf, start + 3) ? STYLE.c : NO_STYLE);
};

/**
 * A number since 1970, its unit told by its size: 9 to 11 digits before the point are seconds, to
 * 14 milliseconds, to 17 microseconds, to 20 nanoseconds. (Each unit so covers 1973 to 5138.)
 */
const parseEpoch = (buf: Uint8Array, start: number, end: number): boolean => {
  let digits = 0;
  while (isDigitAt(buf, start + digits, end)) digits++;
  if (digits < LEAST_EPOCH_DIGITS || digits > 20 || buf[start] === 0x30) return false;
  const whole = digits <= 11 ? digits : digits - 3 * Math.ceil((digits - 11) / 3);
  const point = start + digits;
  if (point < end && (buf[point] !== 0x2e || point + 1 === end)) return false;
  let sec = 0;
  let nano = 0;
  let cut = false;
  let fraction = 0;
  for (let at = start; at < end; at++) {
    if (at === point) continue;
    if (!isDigitAt(buf, at, end)) return false;
    const digit = (buf[at] as number) - 0x30;
    if (at < start + whole) sec = sec * 10 + digit;
    else if (fraction++ < 9) nano = nano * 10 + digit;
    else if (digit > 0) cut = true;
  }
  for (; fraction < 9; fraction++) nano *= 10;
  if (sec > MAX_TIME_SEC) return false;
  parsed.sec = sec;
  parsed.nano = nano;
  parsed.cut = cut;
  parsed.form = cut ? 0 : epochForm(digits - whole, point < end ? end - point - 1 : 0);
  return true;
};

/**
 * Gives a time without a year the latest year that puts it no more than a day after
 * `referenceSec`: lines are of the past, by months at times, but a sender's clock may run ahead.
 * Older than last year's is none, so 29 February is understood near leap years only.
 */
const finishYearless = (
  month: number,
  day: number,
  offset: number,
  referenceSec: number,
): boolean => {
  if (!(referenceSec > 0)) return false;
  /** In the zone of the time. */
  const latest = referenceSec + DAY + offset;
  const year = yearOf(latest);
  const days = daysOf(year, month, day);
  if (days * DAY + clock.seconds <= latest) return finish(days, offset);
  return finish(daysOf(year - 1, month, day), offset);
};

/** `Nov 20 10:00:00[.123]` (RFC 3164) and `Nov 20 10:00:00 2025` (ctime), month name at `start`. */
const parseMonthFirst = (
  buf: Uint8Array,
  start: number,
  end: number,
  referenceSec: number,
): boolean => {
  const month = monthAt(buf, start, end);
  if (end - start < 14 || month === 0 || buf[start + 3] !== 0x20) return false;
  const padded = buf[start + 4] === 0x20;
  const wide = !padded && isDigitAt(buf, start + 5, end);
  const day = wide ? two(buf, start + 4) : (buf[start + (padded ? 5 : 4)] as number) - 0x30;
  const at = start + (padded || wide ? 6 : 5);
  if (day < 1 || day > (wide ? 31 : 9) || buf[at] !== 0x20) return false;
  if (isDigitAt(buf, at + 1, end) && buf[at + 5] === 0x20) {
    // `Nov 20 2025 10:00:00`: Cisco and others put the year before the time.
    if (!readClock(buf, at + 6, end, false)) return false;
    return finish(daysOf(four(buf, at + 1), month, day), readZone(buf, clock.at, end));
  }
  if (!readClock(buf, at + 1, end, false)) return false;
  const rest = clock.at;
  if (rest + 5 === end && buf[rest] === 0x20 && four(buf, rest + 1) > 0)
    return finish(daysOf(four(buf, rest + 1), month, day), 0);
  if (!finishYearless(month, day, readZone(buf, rest, end), referenceSec)) return false;
  if (!isCapitalised(buf, start) || (wide && day < 10)) return true;
  return inStyle(padded || wide ? STYLE.m : STYLE.n);
};

/** `Thu, 20 Nov 2025 10:00:00 GMT` (RFC 1123) and `Thu Nov 20 10:00:00 2025` (ctime). */
const parseDayName = (
  buf: Uint8Array,
  start: number,
  end: number,
  referenceSec: number,
): boolean => {
  if (buf[start + 3] === 0x20)
    return parseMonthFirst(buf, start + 4, end, referenceSec) && withoutForm();
  if (buf[start + 3] !== 0x2c || end - start < 22) return false;
  const month = monthAt(buf, start + 8, end);
  const days = daysOf(four(buf, start + 12), month, two(buf, start + 5));
  if (!readClock(buf, start + 17, end, false)) return false;
  return finish(days, readZone(buf, clock.at, end));
};

/** klog's `1120 10:00:00.000000`, after the severity letter. */
export const parseKlogTime = (
  buf: Uint8Array,
  start: number,
  end: number,
  referenceSec: number,
): boolean => {
  if (end - start < 13 || buf[start + 4] !== 0x20) return false;
  if (!readClock(buf, start + 5, end, false) || clock.at !== end) return false;
  if (!finishYearless(two(buf, start), two(buf, start + 2), 0, referenceSec)) return false;
  zone.number = NO_ZONE;
  return inStyle(STYLE.k);
};

/** For a time with something around it: its form is not that of the whole text. */
const withoutForm = (): true => {
  parsed.form = 0;
  return true;
};

/**
 * Reads the time that is written from `start` to `end`, whole, into `parsed`.
 *
 * @param referenceSec seconds since 1970 near which a time without a year lies; 0 where unknown,
 * then such times are not understood.
 * @returns false, with `parsed` unchanged, for anything else and for times outside 1970..2262.
 */
export const parseTime = (
  buf: Uint8Array,
  start: number,
  end: number,
  referenceSec = 0,
): boolean => {
  const first = start < end ? (buf[start] as number) : 0;
  if (first >= 0x30 && first <= 0x39) {
    const fifth = end - start > 4 ? buf[start + 4] : 0;
    if (fifth === 0x2d || fifth === 0x2f) return parseIso(buf, start, end);
    if (end - start > 3 && buf[start + 2] === 0x2f) return parseCommon(buf, start, end);
    if (end - start > 12 && buf[start + 8] === 0x54) return parseBasic(buf, start, end);
    return parseEpoch(buf, start, end);
  }
  if (first === 0x5b && buf[end - 1] === 0x5d)
    return parseTime(buf, start + 1, end - 1, referenceSec) && withoutForm();
  if (end - start < 14) return false;
  if (monthAt(buf, start, end) > 0) return parseMonthFirst(buf, start, end, referenceSec);
  if (/* a letter */ (first | 0x20) >= 0x61 && (first | 0x20) <= 0x7a)
    return (first === 0x49 || first === 0x57 || first === 0x45 || first === 0x46) &&
      isDigitAt(buf, start + 1, end)
      ? parseKlogTime(buf, start + 1, end, referenceSec) && withoutForm()
      : parseDayName(buf, start, end, referenceSec);
  return false;
};
