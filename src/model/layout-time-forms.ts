import { TIME_STYLES, zoneOffset, type TimeForm, type TimeStyle } from './layout-time.ts';
import { LIMITS } from './limits.ts';

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
const numbers = new Map<number, number>();
const ZONE_BYTES = 7;

/** The bytes of a zone as one number, seven bits each; -1 where they are too many or no text. */
export const zoneKey = (buf: Uint8Array, start: number, end: number): number => {
  if (end - start > ZONE_BYTES) return -1;
  let key = 0;
  for (let at = start; at < end; at++) {
    const byte = buf[at] as number;
    // Zeros in front would not change the number.
    if (byte < 0x20 || byte > 0x7f) return -1;
    key = key * 128 + byte;
  }
  return key;
};

/** Numbers of no zone and of `Z`; -1 is that of one that cannot be printed again. */
export const NO_ZONE = 0;
export const ZONE_Z = 1;

/** The number of the zone from `start` to `end`, whose key is `key`. */
export const zoneNumber = (buf: Uint8Array, start: number, end: number, key: number): number => {
  if (key < 0) return -1;
  const known = numbers.get(key);
  if (known !== undefined) return known;
  if (zones.length >= LIMITS.timeZones) return -1;
  const text = String.fromCharCode(...buf.subarray(start, end));
  const offsetSec = zoneOffset(text);
  if (Number.isNaN(offsetSec)) return -1;
  numbers.set(key, zones.length);
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
 * @param zone `zoneNumber` of its zone
 */
export const clockForm = (style: number, fraction: number, zone: number): number =>
  zone < 0 ? 0 : FIRST_CLOCK + zone * FORMS_PER_ZONE + style * FRACTIONS + fraction;

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
