import { NO_ZONE, ZONE_Z, zoneKey, zoneNumber } from './layout-time-forms.ts';
import { isDigitAt, two } from './time-digits.ts';

/** Number (`zoneNumber`) of the zone that was read last; read it at once. */
export const zone = { number: NO_ZONE };

/** The zone that was not `Z` and was read last: lines of one host have one zone. */
const last = { key: -1, offset: 0, number: NO_ZONE };

/** The zone from `at` to `end`: seconds east of UTC, `NaN` where it is none; sets `zone`. */
export const readZone = (buf: Uint8Array, at: number, end: number): number => {
  zone.number = NO_ZONE;
  if (at === end) return 0;
  zone.number = ZONE_Z;
  if (at + 1 === end && buf[at] === 0x5a) return 0;
  const key = zoneKey(buf, at, end);
  if (key < 0 || key !== last.key) {
    const offset = parseZone(buf, at, end);
    if (Number.isNaN(offset)) return NaN;
    last.key = key;
    last.offset = offset;
    last.number = zoneNumber(buf, at, end, key);
  }
  zone.number = last.number;
  return last.offset;
};

/**
 * Nothing, `Z`, `UTC`, `GMT`, `+hh:mm`, `+hhmm`, `+hh`, with a space in front or not, then Go's
 * ` UTC` and ` m=+...`. Seconds east of UTC, `NaN` where it is something else.
 */
const parseZone = (buf: Uint8Array, at: number, end: number): number => {
  let offset = 0;
  while (at < end && buf[at] === 0x20) at++;
  const sign = buf[at];
  if (at < end && (sign === 0x2b || sign === 0x2d)) {
    if (at + 3 > end) return NaN;
    const hours = two(buf, at + 1);
    at += 3;
    let minutes = 0;
    if (at < end && buf[at] === 0x3a) at++;
    if (isDigitAt(buf, at, end)) {
      if (at + 2 > end) return NaN;
      minutes = two(buf, at);
      at += 2;
    }
    if (hours > 23 || minutes > 59) return NaN;
    offset = (hours * 3_600 + minutes * 60) * (sign === 0x2b ? 1 : -1);
    while (at < end && buf[at] === 0x20) at++;
  }
  if (at < end && ((buf[at] as number) | 0x20) === 0x7a) at++;
  else if (at + 3 <= end && (isWord(buf, at, 'UTC') || isWord(buf, at, 'GMT'))) at += 3;
  if (at + 3 < end && isWord(buf, at, ' m=')) return offset;
  return at === end ? offset : NaN;
};

const isWord = (buf: Uint8Array, at: number, word: string): boolean => {
  for (let i = 0; i < word.length; i++) if (buf[at + i] !== word.charCodeAt(i)) return false;
  return true;
};
