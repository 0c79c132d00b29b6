import { gapOf, NO_GAP } from '../../model/gap.ts';
import { keys, type Key } from '../../model/key.ts';
import { LOST } from '../../model/placement.ts';
import type { Compiled } from './compiled.ts';
import { formatFault } from './fault.ts';
import type { Field } from './field.ts';
import { putValue } from './put-value.ts';

const QUOTE = 0x22;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A value of a line: its bytes, without the quotes, and whether quotes in it are doubled. */
interface Cell {
  readonly start: number;
  readonly end: number;
  readonly isDoubled: boolean;
}

/** Position of the quote that ends the value at `at`, -1 where there is none. */
const quoteEnd = (line: Uint8Array, at: number): number => {
  for (; at < line.length; at++) {
    if (line[at] !== QUOTE) continue;
    if (line[at + 1] !== QUOTE) return at;
    at++;
  }
  return -1;
};

/** The values of a line (RFC 4180), at most `most`; undefined where a quote has no end. */
const cellsOf = (line: Uint8Array, separator: number, most: number): Cell[] | undefined => {
  const cells: Cell[] = [];
  for (let at = 0; cells.length <= most;) {
    let end = line.indexOf(separator, at);
    if (end < 0) end = line.length;
    if (line[at] === QUOTE) {
      const quote = quoteEnd(line, at + 1);
      if (quote < 0) return undefined;
      if (quote + 1 < line.length && line[quote + 1] !== separator) return undefined;
      const isDoubled = line.subarray(at + 1, quote).includes(QUOTE);
      cells.push({ start: at + 1, end: quote, isDoubled });
      end = quote + 1;
    } else cells.push({ start: at, end, isDoubled: false });
    if (end >= line.length) return cells;
    at = end + 1;
  }
  return cells;
};

const textOf = (line: Uint8Array, { start, end, isDoubled }: Cell): string => {
  const text = decoder.decode(line.subarray(start, end));
  return isDoubled ? text.replaceAll('""', '"') : text;
};

/** `separator=; a;b`: the separator where it is not a comma, then the names of the columns. */
const HEAD = /^\s*separator=(\\t|\S)\s+/;

const columnsOf = (
  definition: string,
): { readonly separator: string; readonly fields: Field[] } => {
  const text = definition.replace(/[\r\n]+$/, '');
  const head = HEAD.exec(text);
  const separator = (head?.[1] ?? ',').replace('\\t', '\t');
  let at = head?.[0].length ?? 0;
  const fields = text
    .slice(at)
    .split(separator)
    .map((operator): Field => {
      const field = { operator, name: operator.trim(), at, shape: 'any', blank: true } as const;
      at += operator.length + 1;
      return field;
    });
  const seen = new Set<string>();
  for (const { name, at: place } of fields) {
    const what = name === '' ? 'a column without a name' : seen.has(name) ? `'${name}' again` : '';
    if (what !== '') throw formatFault(definition, place, what, 'each column has its own name');
    seen.add(name);
  }
  return { separator, fields };
};

/** Lines of separated values: the definition names the columns. */
export const csvFormat = (definition: string): Compiled => {
  const { separator, fields } = columnsOf(definition);
  const mark = separator.charCodeAt(0);
  if (mark > 0x7e || mark === QUOTE)
    throw formatFault(definition, 0, `'${separator}' separates nothing`, 'a sign of ASCII, or \\t');
  const keyed = fields.map(({ name }) => keys.of(name));
  const find = (line: Uint8Array): Cell[] | undefined => {
    const cells = cellsOf(line, mark, fields.length);
    return cells?.length === fields.length ? cells : undefined;
  };
  return {
    name: 'csv',
    fields,
    recognises: () => true,

    normalize(record) {
      const { lineBuf, lineStart, lineEnd } = record;
      const line = lineBuf.subarray(lineStart, lineEnd);
      const cells = find(line);
      if (cells === undefined) return false;
      let at = 0;
      cells.forEach((cell, i) => {
        const key = keyed[i] as Key;
        const field = fields[i] as Field;
        const gap = gapOf(line, at, cell.start, key);
        at = cell.end;
        if (!cell.isDoubled) {
          const [start, end] = [lineStart + cell.start, lineStart + cell.end];
          record.step(gap, putValue(record, field, key, lineBuf, start, end));
          return;
        }
        const bytes = encoder.encode(textOf(line, cell));
        putValue(record, field, key, bytes, 0, bytes.length);
        // No layout doubles quotes.
        record.step(gap, LOST);
      });
      record.tail = at === line.length ? NO_GAP : gapOf(line, at, line.length, NO_GAP.key);
      record.structured = true;
      return true;
    },

    read: (line) =>
      find(line)?.map((cell) => (cell.start === cell.end ? undefined : textOf(line, cell))),

    print: (values) =>
      encoder.encode(
        fields
          .map((_, i) => values[i] ?? '')
          .map((value) =>
            value.includes(separator) || value.includes('"')
              ? `"${value.replaceAll('"', '""')}"`
              : value,
          )
          .join(separator),
      ),

    why(line) {
      const cells = cellsOf(line, mark, fields.length);
      if (cells === undefined) return 'a quote has no end, or text behind it';
      const count = cells.length > fields.length ? 'more' : String(cells.length);
      return `expected ${fields.length} values, there are ${count}`;
    },
  };
};
