import { LIMITS } from './limits.ts';

/**
 * The forms in which times stand in lines. As texts, in a layout's holes:
 *
 * - `time T.9Z`   style, then the fraction's mark and number of digits where there is one, then the
 *                 zone as it is written. Styles: `T` `2025-11-20T10:00:00`, `_` the same with a
 *                 space, `/` `2025/11/20 10:00:00`, `c` `20/Nov/2025:10:00:00` (common log format),
 *                 `k` `1120 10:00:00` (klog), `m` `Nov 20 10:00:00`, the day with two digits or a
 *                 space and one (RFC 3164), `n` the same without that space
 * - `epoch 3`     a count since 1970 in 10^-3 seconds (0, 3, 6 or 9), `epoch 0.6` with six decimals
 * - `nano`        the nanoseconds of the second
 */
export type TimeForm =
  | {
      readonly style: TimeStyle;
      /** Digits of the fraction, 0 to 9, and what stands before them. */
      readonly digits: number;
      readonly mark: '.' | ',';
      /** As written, with a space before it or not: ``, `Z`, `+01:00`, ` +0000`, ` UTC`. */
      readonly zone: string;
      /** Seconds east of UTC that the zone says. */
      readonly offsetSec: number;
    }
  | { readonly style: 'epoch'; readonly exponent: 0 | 3 | 6 | 9; readonly decimals: number }
  | { readonly style: 'nano' };

export const TIME_STYLES = ['T', '_', '/', 'c', 'k', 'm', 'n'] as const;
export type TimeStyle = (typeof TIME_STYLES)[number];

const BILLION = 1_000_000_000n;
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const two = (value: number): string => String(value).padStart(2, '0');

/** Zones as times write them, and none. */
const ZONE = /^( ?(Z|z|UTC|GMT|[+-]([01]\d|2[0-3])(:?[0-5]\d)?))?$/;

/** Seconds east of UTC; NaN where the text is no zone that can be printed again. */
export const zoneOffset = (zone: string): number => {
  const found = ZONE.exec(zone);
  if (found === null) return NaN;
  const sign = /[+-]/.exec(zone);
  if (sign === null) return 0;
  const hours = Number(zone.slice(sign.index + 1, sign.index + 3));
  const minutes = Number(zone.slice(sign.index + 3).replace(':', '') || '0');
  return (sign[0] === '-' ? -1 : 1) * (hours * 3_600 + minutes * 60);
};

/** The text of a time, nanoseconds since 1970 UTC, cut to the form's digits. */
export const printTime = (form: TimeForm, ns: bigint): string => {
  const nano = ns % BILLION;
  if (form.style === 'nano') return String(nano);
  if (form.style === 'epoch') {
    const unit = 10n ** BigInt(9 - form.exponent);
    const whole = String(ns / unit);
    if (form.decimals === 0) return whole;
    const fraction = String(ns % unit).padStart(9 - form.exponent, '0');
    return `${whole}.${fraction.padEnd(form.decimals, '0').slice(0, form.decimals)}`;
  }
  const date = new Date(Number(ns / BILLION + BigInt(form.offsetSec)) * 1_000);
  const iso = date.toISOString();
  const clock = iso.slice(-13, -5);
  const fraction =
    form.digits === 0 ? '' : form.mark + String(nano).padStart(9, '0').slice(0, form.digits);
  return `${dateText(form.style, date, iso)}${clock}${fraction}${form.zone}`;
};

const dateText = (style: TimeStyle, date: Date, iso: string): string => {
  const month = MONTHS[date.getUTCMonth()] as string;
  const day = date.getUTCDate();
  switch (style) {
    case 'T':
      return iso.slice(0, 11);
    case '_':
      return `${iso.slice(0, 10)} `;
    case '/':
      return `${iso.slice(0, 10).replaceAll('-', '/')} `;
    case 'c':
      return `${two(day)}/${month}/${date.getUTCFullYear()}:`;
    case 'k':
      return `${two(date.getUTCMonth() + 1)}${two(day)} `;
    case 'm':
      return `${month} ${String(day).padStart(2, ' ')} `;
    case 'n':
      return `${month} ${day} `;
  }
};

/** The form's text in a layout. */
export const timeFormText = (form: TimeForm): string => {
  if (form.style === 'nano') return 'nano';
  if (form.style === 'epoch') {
    return `epoch ${form.exponent}${form.decimals > 0 ? `.${form.decimals}` : ''}`;
  }
  const fraction = form.digits > 0 ? `${form.mark}${form.digits}` : '';
  return `time ${form.style}${fraction}${form.zone}`;
};

/** The form of a text; undefined where it is none. */
export const parseTimeForm = (text: string): TimeForm | undefined => {
  if (text === 'nano') return { style: 'nano' };
  const epoch = /^epoch ([0369])(?:\.([1-9]))?$/.exec(text);
  if (epoch !== null) {
    const exponent = Number(epoch[1]) as 0 | 3 | 6 | 9;
    return { style: 'epoch', exponent, decimals: Number(epoch[2] ?? '0') };
  }
  const time = /^time ([T_/ckmn])(?:([.,])([1-9]))?(.*)$/.exec(text);
  if (time === null) return undefined;
  const zone = time[4] as string;
  const offsetSec = zoneOffset(zone);
  if (Number.isNaN(offsetSec)) return undefined;
  return {
    style: time[1] as TimeStyle,
    digits: Number(time[3] ?? '0'),
    mark: (time[2] ?? '.') as '.' | ',',
    zone,
    offsetSec,
  };
};

/**
 * Small numbers for the forms of times, so that who reads times tells the form without making
 * objects or strings: 0 for none, then the 40 of numbers since 1970, then for each zone as it is
 * written the styles, marks and digits. Numbers are stable within a thread and mean nothing outside
 * it.
 */
const FIRST_CLOCK = 41;
/** Marks and digits of a fraction: `.` and 0 to 9 digits, then the same with `,`. */
const FRACTIONS = 20;
const FORMS_PER_ZONE = TIME_STYLES.length * FRACTIONS;

interface Zone {
  readonly text: string;
  readonly offsetSec: number;
}

const zones: Zone[] = [
  { text: '', offsetSec: 0 },
  { text: 'Z', offsetSec: 0 },
];
/** Numbers of zones by their bytes, seven bits each: an exact key without a string. */
const zoneNumbers = new Map<number, number>();
const ZONE_BYTES = 7;

let lastKey = 0;
let lastZone = -1;

/** The number of the zone from `start` to `end`; -1 where it cannot be printed again. */
const zoneNumber = (buf: Uint8Array, start: number, end: number): number => {
  if (start === end) return 0;
  if (start + 1 === end && buf[start] === 0x5a) return 1;
  if (end - start > ZONE_BYTES) return -1;
  let key = 0;
  for (let at = start; at < end; at++) {
    const byte = buf[at] as number;
    if (byte > 0x7f) return -1;
    key = key * 128 + byte;
  }
  if (key !== lastKey) {
    lastKey = key;
    lastZone = zoneNumbers.get(key) ?? newZone(buf, start, end, key);
  }
  return lastZone;
};

const newZone = (buf: Uint8Array, start: number, end: number, key: number): number => {
  if (zones.length >= LIMITS.timeZones) return -1;
  const text = String.fromCharCode(...buf.subarray(start, end));
  const offsetSec = zoneOffset(text);
  if (Number.isNaN(offsetSec)) return -1;
  zoneNumbers.set(key, zones.length);
  return zones.push({ text, offsetSec }) - 1;
};

/** Number of the form of a count since 1970 in 10^-exponent seconds; 0 for none. */
export const epochForm = (exponent: number, decimals: number): number =>
  decimals > 9 ? 0 : 1 + (exponent / 3) * 10 + decimals;

/**
 * Number of the form of a date and time; 0 for none.
 *
 * @param style index in `TIME_STYLES`
 * @param fraction its digits, 0 to 9, and 10 more where `,` stands before them
 * @param start where the zone starts in `buf`, which ends at `end`
 */
export const clockForm = (
  style: number,
  fraction: number,
  buf: Uint8Array,
  start: number,
  end: number,
): number => {
  const zone = zoneNumber(buf, start, end);
  return zone < 0 ? 0 : FIRST_CLOCK + zone * FORMS_PER_ZONE + style * FRACTIONS + fraction;
};

const made: TimeForm[] = [];

/** The form of a number above 0 that this thread gave. */
export const timeFormOf = (number: number): TimeForm => (made[number] ??= makeForm(number));

const makeForm = (number: number): TimeForm => {
  if (number < FIRST_CLOCK) {
    const exponent = (Math.floor((number - 1) / 10) * 3) as 0 | 3 | 6 | 9;
    return { style: 'epoch', exponent, decimals: (number - 1) % 10 };
  }
  const rest = number - FIRST_CLOCK;
  const { text, offsetSec } = zones[Math.floor(rest / FORMS_PER_ZONE)] as Zone;
  const inZone = rest % FORMS_PER_ZONE;
  const fraction = inZone % FRACTIONS;
  return {
    style: TIME_STYLES[Math.floor(inZone / FRACTIONS)] as TimeStyle,
    digits: fraction % 10,
    mark: fraction < 10 ? '.' : ',',
    zone: text,
    offsetSec,
  };
};
