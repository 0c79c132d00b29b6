import { COLUMNS } from '../model/columns.ts';
import type { Hole } from '../model/layout.ts';
import type { TimeForm } from '../model/layout-time.ts';
import { unescapedTexts } from './unescaped-texts.ts';

/** How a text may lie in what a hole prints. */
export type Place = 'contains' | 'startsWith' | 'endsWith' | 'equals';

/**
 * Whether a hole may print such a text: `false` only where no value does. Texts are binary
 * strings.
 */
export const mayPrint = (hole: Hole, place: Place, text: string): boolean => {
  const { form } = hole;
  switch (form.kind) {
    case 'text':
      return true;
    case 'dash':
      return place !== 'equals' || text !== '';
    case 'json':
      return unescapedTexts(form.dialect, place, text)?.length !== 0;
    case 'number':
      return mayBeNumber(DIGITS[COLUMNS[hole.column]?.kind ?? ''] ?? 0, place, text);
    case 'scaled':
      if (form.decimals === 0) return mayBeNumber(16, place, text);
      return place === 'equals'
        ? /^[0-9]+(\.[0-9]+)?$/.test(text)
        : place === 'startsWith'
          ? /^[0-9]+(\.[0-9]*)?$/.test(text)
          : /^[0-9]*\.?[0-9]*$/.test(text);
    case 'time':
      return mayBeTime(form.time, place, text);
  }
};

/** Digits of a column's greatest number; 64-bit ones are below 2^53. */
const DIGITS: Readonly<Record<string, number>> = { u8: 3, u16: 5, u64: 16 };

const mayBeNumber = (digits: number, place: Place, text: string): boolean => {
  if (text.length > digits || !/^[0-9]*$/.test(text)) return false;
  if (place === 'equals' && text === '') return false;
  const fromStart = place === 'equals' || place === 'startsWith';
  return !fromStart || text.length < 2 || !text.startsWith('0');
};

/** Times before their fraction: `0` is a digit, `_` a digit or a space, `A` a letter. */
const TEMPLATES = {
  T: '0000-00-00T00:00:00',
  _: '0000-00-00 00:00:00',
  '/': '0000/00/00 00:00:00',
  c: '00/AAA/0000:00:00:00',
  k: '0000 00:00:00',
  m: 'AAA _0 00:00:00',
} as const;

const mayBeTime = (form: TimeForm, place: Place, text: string): boolean => {
  if (form.style === 'nano') return mayBeNumber(9, place, text);
  if (form.style === 'epoch') {
    if (form.decimals === 0) return mayBeNumber(19, place, text);
    return /^[0-9]*\.?[0-9]*$/.test(text) && (place !== 'equals' || text !== '');
  }
  if (form.style === 'n') return place !== 'equals' || text !== '';
  const fraction = form.digits > 0 ? form.mark + '0'.repeat(form.digits) : '';
  const template = TEMPLATES[form.style] + fraction;
  const length = template.length + form.zone.length;
  const fits = (from: number): boolean => {
    for (let i = 0; i < text.length; i++) {
      const at = from + i;
      const zone = form.zone[at - template.length];
      const wanted = zone ?? template[at] ?? '';
      if (!(zone === undefined ? fitsTemplate(wanted, text[i] ?? '') : zone === text[i]))
        return false;
    }
    return true;
  };
  const last = length - text.length;
  if (last < 0) return false;
  if (place === 'equals') return last === 0 && fits(0);
  if (place === 'startsWith') return fits(0);
  if (place === 'endsWith') return fits(last);
  for (let from = 0; from <= last; from++) if (fits(from)) return true;
  return false;
};

const fitsTemplate = (wanted: string, character: string): boolean => {
  switch (wanted) {
    case '0':
      return character >= '0' && character <= '9';
    case '_':
      return character === ' ' || (character >= '0' && character <= '9');
    case 'A':
      return /^[A-Za-z]$/.test(character);
    default:
      return wanted === character;
  }
};
