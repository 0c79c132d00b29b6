import { RE2JS } from 're2js';

/**
 * Regular expressions, RE2's language in both evaluators: re2js in process, RE2 itself in the
 * engine. Both take linear time. Labels: the whole value, `.` matches newlines. Lines: anywhere,
 * it does not.
 */

/** Tests a whole label value. Throws where the expression is no RE2, which parsers have checked. */
export const labelRegex = (regex: string): ((value: string) => boolean) => {
  const alternatives = plainAlternatives(regex);
  if (alternatives !== undefined) {
    const set = new Set(alternatives);
    return (value) => set.has(value);
  }
  const compiled = RE2JS.compile(regex, RE2JS.DOTALL);
  return (value) => compiled.testExact(value);
};

/** Tests a line. */
export const lineRegex = (regex: string): ((line: string) => boolean) => {
  const literal = plainAlternatives(regex);
  if (literal?.length === 1) return (line) => line.includes(literal[0] as string);
  const compiled = RE2JS.compile(regex);
  return (line) => compiled.test(line);
};

/** The same expressions as the engine's `match` wants them. */
export const labelRegexSql = (regex: string): string => `^(?s:${regex})$`;
export const lineRegexSql = (regex: string): string => `(?-s:${regex})`;

/** Characters that mean themselves in RE2, and escapes of punctuation. */
const PLAIN = /^(?:[^\\^$.|?*+()[\]{}]|\\[-.^$|?*+()[\]{}/\\])*$/u;
const PLAIN_ALTERNATIVES = 256;

/**
 * The texts `a`, `b`, `c` of `a|b|c` where nothing in it is an expression, so that it can be looked
 * up instead of matched; else `undefined`.
 */
export const plainAlternatives = (regex: string): readonly string[] | undefined => {
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i <= regex.length; i++) {
    const char = regex.charAt(i);
    if (char === '\\') {
      if (++i === regex.length) return undefined;
      continue;
    }
    if (char !== '|' && char !== '') continue;
    parts.push(regex.slice(from, i));
    from = i + 1;
  }
  if (parts.length > PLAIN_ALTERNATIVES || !parts.every((part) => PLAIN.test(part)))
    return undefined;
  return parts.map((part) => part.replaceAll(/\\(.)/gu, '$1'));
};
