import type { Bytes } from './bytes.ts';
import { DAY } from './calendar.ts';
import { POWERS, putByte, putDigits, putInteger, putZeros } from './layout-digits.ts';
import { printTime, type TimeForm } from './layout-time.ts';

/** Writes a time, nanoseconds since 1970, without what the form has for a zone. */
export type TimePrinter = (ns: bigint, out: Bytes) => void;

type ClockForm = Exclude<TimeForm, { readonly style: 'epoch' | 'nano' }>;
type EpochForm = Extract<TimeForm, { readonly style: 'epoch' }>;

const BILLION = 1_000_000_000;
const POINT = 0x2e;
const COLON = 0x3a;

/** The time taken apart last. */
const instant = { sec: 0, nano: 0 };
const words = new DataView(new ArrayBuffer(8));

/**
 * Takes nanoseconds below 2^63 apart without arithmetic of big integers: as a float they are known
 * to some 1,000 ns, so that the seconds are one off at most; the nanoseconds then follow from the
 * low 32 bits, which are exact.
 */
const split = (ns: bigint): void => {
  words.setBigInt64(0, ns, true);
  const low = words.getUint32(0, true);
  let sec = Math.floor((words.getUint32(4, true) * 4_294_967_296 + low) / BILLION);
  let nano = (low - Math.imul(sec, BILLION)) | 0;
  if (nano < 0) {
    sec--;
    nano += BILLION;
  } else if (nano >= BILLION) {
    sec++;
    nano -= BILLION;
  }
  instant.sec = sec;
  instant.nano = nano;
};

/** Dates are kept from row to row: lines of one day come together. */
const clockPrinter = (form: ClockForm): TimePrinter => {
  const dateForm = { ...form, digits: 0, zone: '' };
  const below = POWERS[9 - form.digits] as number;
  const mark = form.mark.charCodeAt(0);
  let dateDay = NaN;
  let date = '';
  return (ns, out) => {
    split(ns);
    const local = instant.sec + form.offsetSec;
    const day = Math.floor(local / DAY);
    if (day !== dateDay) {
      date = printTime(dateForm, ns).slice(0, -'hh:mm:ss'.length);
      dateDay = day;
    }
    out.reserve(32);
    for (let i = 0; i < date.length; i++) out.buf[out.length++] = date.charCodeAt(i);
    const second = local - day * DAY;
    const minute = (second / 60) | 0;
    const hour = (minute / 60) | 0;
    putDigits(out, hour, 2);
    putByte(out, COLON);
    putDigits(out, minute - hour * 60, 2);
    putByte(out, COLON);
    putDigits(out, second - minute * 60, 2);
    if (form.digits === 0) return;
    putByte(out, mark);
    putDigits(out, (instant.nano / below) | 0, form.digits);
  };
};

const epochPrinter = ({ exponent, decimals }: EpochForm): TimePrinter => {
  const known = Math.min(decimals, 9 - exponent);
  const unit = POWERS[9 - exponent] as number;
  const below = POWERS[9 - exponent - known] as number;
  return (ns, out) => {
    split(ns);
    const { sec, nano } = instant;
    const units = (nano / unit) | 0;
    if (sec === 0) putInteger(out, units);
    else {
      putInteger(out, sec);
      putDigits(out, units, exponent);
    }
    if (decimals === 0) return;
    putByte(out, POINT);
    putDigits(out, ((nano - units * unit) / below) | 0, known);
    putZeros(out, decimals - known);
  };
};

const printNano: TimePrinter = (ns, out) => {
  split(ns);
  putInteger(out, instant.nano);
};

/** What `printTime` gives, but for the zone. */
export const timePrinter = (form: TimeForm): TimePrinter => {
  if (form.style === 'nano') return printNano;
  return form.style === 'epoch' ? epochPrinter(form) : clockPrinter(form);
};
