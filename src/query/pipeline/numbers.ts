import { parseBytes } from '../logql/bytes.ts';
import { parseGoDuration } from '../logql/duration.ts';
import type { UnwrapConversion } from '../logql/ast.ts';
import { parseFloatText } from '../logql/number.ts';

/** Values of labels as numbers, read as Go reads them. */

/** A float with an optional sign, `Inf`, `infinity` and `NaN` in any case; `undefined` if none. */
export const parseGoFloat = (text: string): number | undefined => {
  const [, sign = '', rest = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  const word = rest.toLowerCase();
  if (word === 'nan' && sign === '') return NaN;
  let size: number;
  if (word === 'inf' || word === 'infinity') size = Infinity;
  else {
    const parsed = parseFloatText(rest);
    if (typeof parsed === 'string') return undefined;
    size = parsed;
  }
  return sign === '-' ? -size : size;
};

/** What `unwrap` makes of a label: the number, seconds of a duration, bytes of a size. */
export const unwrapped = (
  text: string,
  conversion: UnwrapConversion | null,
): number | undefined => {
  if (conversion === null) return parseGoFloat(text);
  if (conversion === 'bytes') {
    const bytes = parseBytes(text);
    return bytes === null ? undefined : Number(bytes);
  }
  const ns = parseGoDuration(text);
  return ns === null ? undefined : secondsOf(ns);
};

/** Seconds of a duration as Go divides them: whole seconds and the rest apart. */
export const secondsOf = (ns: bigint): number => {
  const whole = ns / 1_000_000_000n;
  return Number(whole) + Number(ns % 1_000_000_000n) / 1e9;
};
