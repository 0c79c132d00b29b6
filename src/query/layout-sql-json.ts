import { DIALECT } from '../model/layout-json.ts';
import { literalSql } from './literal-sql.ts';

/**
 * JSON escapes as ClickHouse expressions: what `escapeJson` writes, in every dialect, also for
 * bytes that are not UTF-8. Layouts with such holes belong to lines that needed escapes, which are
 * few.
 */

/** A byte or character and what is written for it. */
type Escape = readonly [from: string, to: string];

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

/** The backslash comes first: all others write one. */
const asciiEscapes = (dialect: number): readonly Escape[] => {
  const inUnicode = new Set(
    BITS.flatMap(([bit, characters]) => ((dialect & bit) === 0 ? [] : Array.from(characters))),
  );
  const escapes: Escape[] = [['\\', '\\\\']];
  for (let code = 0; code < 0x80; code++) {
    const character = String.fromCharCode(code);
    const short = SHORT[character];
    if (character === '\\') continue;
    if (inUnicode.has(character) || (code < 0x20 && short === undefined)) {
      escapes.push([character, unicodeEscape(code, dialect)]);
    } else if (short !== undefined) escapes.push([character, short]);
    else if (character === '/' && (dialect & DIALECT.slash) !== 0) escapes.push(['/', '\\/']);
  }
  return escapes;
};

const unicodeEscape = (code: number, dialect: number): string => {
  const digits = code.toString(16).padStart(4, '0');
  return `\\u${(dialect & DIALECT.capitals) !== 0 ? digits.toUpperCase() : digits}`;
};

const replaceSql = (value: string, escapes: readonly Escape[]): string =>
  escapes.reduce(
    (sql, [from, to]) => `replaceAll(${sql}, ${literalSql(from)}, ${literalSql(to)})`,
    value,
  );

/** A value as it stands inside a JSON string of the dialect. */
export const escapedSql = (value: string, dialect: number): string => {
  const escapes = asciiEscapes(dialect);
  const rare = escapes.filter(([from]) => from < ' ' && from !== '\n');
  const usual = escapes.filter(([from]) => from >= ' ' || from === '\n');
  const lines: Escape[] = [
    ['\xe2\x80\xa8', unicodeEscape(0x2028, dialect)],
    ['\xe2\x80\xa9', unicodeEscape(0x2029, dialect)],
  ];
  const common = replaceSql(value, usual);
  const controls = rare.map(([from]) => from).join('');
  const has = `translate(${value}, ${literalSql(controls)}, ${literalSql(' '.repeat(controls.length))}) != ${value}`;
  let sql = `if(${has}, ${replaceSql(common, rare)}, ${common})`;
  if ((dialect & DIALECT.ascii) !== 0) sql = asciiOnlySql(sql, dialect);
  else if ((dialect & DIALECT.lines) !== 0) sql = replaceSql(sql, lines);
  return sql;
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
