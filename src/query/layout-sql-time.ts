import type { TimeForm, TimeStyle } from '../model/layout-time.ts';
import { literalSql } from './literal-sql.ts';

/** Times of layouts as ClickHouse expressions: what `printTime` prints. */

/** Formats of `formatDateTime`, and bytes that each prints; 0 where they differ. */
const STYLES: Readonly<Record<TimeStyle, readonly [format: string, length: number]>> = {
  T: ['%Y-%m-%dT%H:%i:%S', 19],
  _: ['%Y-%m-%d %H:%i:%S', 19],
  '/': ['%Y/%m/%d %H:%i:%S', 19],
  c: ['%d/%b/%Y:%H:%i:%S', 20],
  k: ['%m%d %H:%i:%S', 13],
  m: ['%b ', 15],
  n: ['%b ', 0],
};

const BILLION = 1_000_000_000;

/** The text of a DateTime64(9) between 1970 and 2262. */
export const timeSql = (time: string, form: TimeForm): string => {
  const ns = `toUnixTimestamp64Nano(${time})`;
  const nano = `${ns} % ${BILLION}`;
  if (form.style === 'nano') return `toString(${nano})`;
  if (form.style === 'epoch') return epochSql(ns, form.exponent, form.decimals);
  // In whole seconds, so that no offset leaves the range.
  const local =
    form.offsetSec === 0
      ? time
      : `toDateTime64(intDiv(${ns}, ${BILLION}) + ${form.offsetSec}, 0, 'UTC')`;
  const parts = [`formatDateTime(${local}, '${STYLES[form.style][0]}', 'UTC')`];
  if (form.style === 'm' || form.style === 'n') {
    // Whether `%e` pads its day is a setting of the engine.
    const day = `toString(toDayOfMonth(${local}, 'UTC'))`;
    parts.push(form.style === 'm' ? `leftPad(${day}, 2, ' ')` : day);
    parts.push(`formatDateTime(${local}, ' %H:%i:%S', 'UTC')`);
  }
  if (form.digits > 0) {
    const digits = `intDiv(${nano}, ${10 ** (9 - form.digits)})`;
    parts.push(`'${form.mark}'`, `leftPad(toString(${digits}), ${form.digits}, '0')`);
  }
  if (form.zone !== '') parts.push(literalSql(form.zone));
  return `concat(${parts.join(', ')}, '')`;
};

const epochSql = (ns: string, exponent: number, decimals: number): string => {
  const unit = 10 ** (9 - exponent);
  const whole = `toString(intDiv(${ns}, ${unit}))`;
  if (decimals === 0) return whole;
  const known = 9 - exponent;
  const all = known === 0 ? `''` : `leftPad(toString(${ns} % ${unit}), ${known}, '0')`;
  const fraction = `substring(concat(${all}, '${'0'.repeat(9)}'), 1, ${decimals})`;
  return `concat(${whole}, '.', ${fraction})`;
};

/** Bytes that all times of the form have; `undefined` where they differ. */
export const timeLength = (form: TimeForm): number | undefined => {
  if (form.style === 'nano' || form.style === 'epoch') return undefined;
  const whole = STYLES[form.style][1];
  const fraction = form.digits > 0 ? 1 + form.digits : 0;
  return whole === 0 ? undefined : whole + fraction + form.zone.length;
};
