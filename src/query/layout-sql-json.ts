import { DIALECT } from '../model/layout-json.ts';
import { literalSql } from './literal-sql.ts';

/**
 * JSON escapes as ClickHouse expressions: what `escapeJson` writes, in every dialect, also for
 * bytes that are not UTF-8. Layouts with such holes belong to lines that needed escapes, which are
 * few.
 */

const SHORT: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

const BITS: readonly (readonly [bit: number, characters: string])[] = [
  [DIALECT.html, '<>&'],
  [DIALECT.quote, "'"],
  [DIALECT.equals, '='],
  [DIALECT.del, '\x7f'],
  [DIALECT.backspace, '\b\f'],
  [DIALECT.tab, '\t\n\r'],
];

/** What is written for the ASCII characters that the dialect does not leave as they are. */
export const asciiEscapes = (dialect: number): ReadonlyMap<string, string> => {
  const inUnicode = new Set(
    BITS.flatMap(([bit, characters]) => ((dialect & bit) === 0 ? [] : Array.from(characters))),
  );
  const escapes = new Map<string, string>();
  for (let code = 0; code < 0x80; code++) {
    const character = String.fromCharCode(code);
    const short = SHORT[character];
    if (inUnicode.has(character) || (code < 0x20 && short === undefined)) {
      escapes.set(character, unicodeEscape(code, dialect));
    } else if (short !== undefined) escapes.set(character, short);
    else if (character === '/' && (dialect & DIALECT.slash) !== 0) escapes.set('/', '\\/');
  }
  return escapes;
};

const unicodeEscape = (code: number, dialect: number): string => {
  const digits = code.toString(16).padStart(4, '0');
  return `\\u${(dialect & DIALECT.capitals) !== 0 ? digits.toUpperCase() : digits}`;
};

/** Characters that are replaced one after the other, the backslash first: all others write one. */
const USUAL = Array.from('\\"\n<>&/\'=');

/**
 * A value as it stands inside a JSON string of the dialect. Values with rarer characters are gone
 * through byte by byte: a chain of forty replacements would be faster to run, but the engine's
 * names of such expressions grow by the square.
 */
export const escapedSql = (value: string, dialect: number): string => {
  const escapes = asciiEscapes(dialect);
  const usual = USUAL.reduce((text, character) => {
    const escape = escapes.get(character);
    if (escape === undefined) return text;
    return `replaceAll(${text}, ${literalSql(character)}, ${literalSql(escape)})`;
  }, value);
  const from = [...escapes.keys()].map(literalSql).join(', ');
  const to = [...escapes.values()].map(literalSql).join(', ');
  const each = `arrayMap(c -> transform(c, [${from}], [${to}], c), splitByString('', ${value}))`;
  const rare = [...escapes.keys()].filter((character) => !USUAL.includes(character)).join('');
  const without = `translate(${value}, ${literalSql(rare)}, '${' '.repeat(rare.length)}')`;
  const sql = `if(${without} = ${value}, ${usual}, arrayStringConcat(${each}))`;
  if ((dialect & DIALECT.ascii) !== 0) return asciiOnlySql(sql, dialect);
  if ((dialect & DIALECT.lines) === 0) return sql;
  return [0x2028, 0x2029].reduce((text, code) => {
    const character = literalSql(Buffer.from(String.fromCharCode(code)).toString('latin1'));
    return `replaceAll(${text}, ${character}, ${literalSql(unicodeEscape(code, dialect))})`;
  }, sql);
};

/**
 * Every UTF-8 character beyond ASCII as `\uXXXX`, or two of them; bytes that belong to none stay.
 * Where a character starts is seen from its own bytes alone: no first byte is one inside another.
 */
const asciiOnlySql = (text: string, dialect: number): string => {
  const digits = (code: string): string => {
    const hexadecimal = `leftPad(hex(${code}), 4, '0')`;
    return (dialect & DIALECT.capitals) !== 0 ? hexadecimal : `lower(${hexadecimal})`;
  };
  const unit = (code: string): string =>
    `concat(${literalSql('\\u')}, ${digits(`toUInt32(${code})`)})`;
  const size = `multiIf(b >= 240, 4, b >= 224, 3, b >= 194, 2, 1)`;
  const isCharacter = `(length(substring(t, i, ${size})) = ${size} AND isValidUTF8(substring(t, i, ${size})))`;
  const sizes = `arrayMap((b, i) -> if(b < 194 OR NOT ${isCharacter}, 1, ${size}), bs, arrayEnumerate(bs))`;
  const inside = `(i > 1 AND ns[i - 1] > 1) OR (i > 2 AND ns[i - 2] > 2) OR (i > 3 AND ns[i - 3] > 3)`;
  const low = (at: string): string => `bitAnd(bs[${at}], 63)`;
  const two = `bitAnd(b, 31) * 64 + ${low('i + 1')}`;
  const three = `bitAnd(b, 15) * 4096 + ${low('i + 1')} * 64 + ${low('i + 2')}`;
  const four = `(bitAnd(b, 7) * 262144 + ${low('i + 1')} * 4096 + ${low('i + 2')} * 64 + ${low('i + 3')} - 65536)`;
  const pair = `concat(${unit(`55296 + intDiv(${four}, 1024)`)}, ${unit(`56320 + ${four} % 1024`)})`;
  const one = `multiIf(${inside}, '', n = 1, substring(t, i, 1), n = 2, ${unit(two)}, n = 3, ${unit(three)}, ${pair})`;
  const joined = `arrayStringConcat(arrayMap((b, n, i) -> ${one}, bs, ns, arrayEnumerate(bs)))`;
  // One-element arrays give names to what is used many times.
  const withSizes = `arrayElement(arrayMap(ns -> ${joined}, [${sizes}]), 1)`;
  const withBytes = `arrayElement(arrayMap((t, bs) -> ${withSizes}, [x], [reinterpret(x, 'Array(UInt8)')]), 1)`;
  return `arrayElement(arrayMap(x -> ${withBytes}, [${text}]), 1)`;
};
