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
