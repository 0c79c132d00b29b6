import { gapOf, NO_GAP } from '../../model/gap.ts';
import { keys } from '../../model/key.ts';
import type { Compiled } from './compiled.ts';
import { formatFault } from './fault.ts';
import type { Field } from './field.ts';
import { wordsOf } from './pasted.ts';
import { putValue } from './put-value.ts';

const QUOTE = 0x22;
const decoder = new TextDecoder();

/** A pair of a line: its name, and its value without quotes. */
interface Pair {
  readonly name: number;
  readonly nameEnd: number;
  readonly start: number;
  readonly end: number;
}

interface Separators {
  readonly pair: Uint8Array;
  readonly value: Uint8Array;
}

/** `pair=", " value=":"`; what is not said is a blank and `=`. */
const separatorsOf = (definition: string): Separators => {
  const found: Record<string, string> = { pair: ' ', value: '=' };
  for (const { text, places } of wordsOf(definition, 0)) {
    const at = text.indexOf('=');
    const name = text.slice(0, at);
    const value = text.slice(at + 1);
    if (at < 0 || !(name in found) || value === '')
      throw formatFault(
        definition,
        places[0] ?? 0,
        `'${text}' is no separator`,
        'name what stands between pairs and before values: pair=", " value=":"',
      );
    found[name] = value;
  }
  if (found['pair'] === found['value'])
    throw formatFault(definition, 0, 'both separators are the same', 'pair=" " value="="');
  return {
    pair: Buffer.from(found['pair'] as string),
    value: Buffer.from(found['value'] as string),
  };
};

const startsAt = (line: Buffer, at: number, text: Uint8Array): boolean =>
  line.subarray(at, at + text.length).equals(text);

/** The pairs of a line; a position where it has none. */
const pairsOf = (line: Buffer, { pair, value }: Separators): Pair[] | number => {
  const pairs: Pair[] = [];
  for (let at = 0; at < line.length;) {
    if (startsAt(line, at, pair)) {
      at += pair.length;
      continue;
    }
    const next = line.indexOf(pair, at);
    const nameEnd = line.indexOf(value, at);
    if (nameEnd <= at || (next >= 0 && next < nameEnd)) return at;
    let start = nameEnd + value.length;
    let end = line.indexOf(pair, start);
    if (end < 0) end = line.length;
    const quote = line[start] === QUOTE ? line.indexOf(QUOTE, start + 1) : -1;
    const behind = quote + 1;
    if (quote >= 0 && (behind === line.length || startsAt(line, behind, pair))) {
      start++;
      end = quote;
    }
    pairs.push({ name: at, nameEnd, start, end });
    at = end === quote ? behind : end;
  }
  return pairs.length > 0 ? pairs : 0;
};

const FIELD: Field = { name: '*', operator: 'name=value', at: 0, shape: 'any', dash: true };

/** Lines of nothing but pairs: their names are in the lines. */
export const kvFormat = (definition: string): Compiled => {
  const separators = separatorsOf(definition);
  const bufferOf = (line: Uint8Array): Buffer =>
    Buffer.from(line.buffer, line.byteOffset, line.length);
  return {
    name: 'kv',
    fields: [FIELD],
    recognises: () => true,

    normalize(record) {
      const { lineBuf, lineStart, lineEnd } = record;
      const line = bufferOf(lineBuf.subarray(lineStart, lineEnd));
      const pairs = pairsOf(line, separators);
      if (typeof pairs === 'number') return false;
      let at = 0;
      for (const { name, nameEnd, start, end } of pairs) {
        const key = keys.intern(line, name, nameEnd);
        const gap = gapOf(line, at, start, key);
        const [from, to] = [lineStart + start, lineStart + end];
        record.step(gap, putValue(record, FIELD, key, lineBuf, from, to));
        at = end;
      }
      record.tail = at === line.length ? NO_GAP : gapOf(line, at, line.length, NO_GAP.key);
      record.structured = true;
      return true;
    },

    read(line) {
      const pairs = pairsOf(bufferOf(line), separators);
      if (typeof pairs === 'number') return undefined;
      return pairs.map(({ start, end }) => decoder.decode(line.subarray(start, end)));
    },

    why(line) {
      const at = pairsOf(bufferOf(line), separators);
      return `column ${typeof at === 'number' ? at + 1 : 1}: expected a name and its value`;
    },
  };
};
