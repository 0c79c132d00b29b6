/**
 * The patterns of the `pattern` stage and of the line filters `|>` and `!>`: literal text with
 * captures, `<name>` or `<_>`. What does not look like a capture is literal.
 */
export type PatternPart =
  | { readonly type: 'literal'; readonly text: string }
  | { readonly type: 'capture'; /** `null` for `<_>`. */ readonly name: string | null };

/** Splits a pattern; two literals never stand side by side. */
export const parsePattern = (pattern: string): readonly PatternPart[] => {
  const parts: PatternPart[] = [];
  let literalFrom = 0;
  for (const match of pattern.matchAll(/<([A-Za-z_][A-Za-z0-9_]*)>/g)) {
    const [whole, name = ''] = match;
    if (match.index > literalFrom) {
      parts.push({ type: 'literal', text: pattern.slice(literalFrom, match.index) });
    }
    parts.push({ type: 'capture', name: name === '_' ? null : name });
    literalFrom = match.index + whole.length;
  }
  if (literalFrom < pattern.length) {
    parts.push({ type: 'literal', text: pattern.slice(literalFrom) });
  }
  return parts;
};

/** What is wrong with the pattern of a `pattern` stage, in Loki's words, or `null`. */
export const patternStageFault = (pattern: string): string | null => {
  if (pattern === '') return EMPTY;
  const parts = parsePattern(pattern);
  const names = parts.flatMap((part) =>
    part.type === 'capture' && part.name !== null ? [part.name] : [],
  );
  if (names.length === 0) return 'at least one capture is required';
  const seen = new Set<string>();
  const twice = names.find((name) => seen.size === seen.add(name).size);
  return (
    consecutiveFault(parts) ??
    (twice === undefined ? null : `duplicate capture name (${twice}): invalid expression`)
  );
};

/** What is wrong with the pattern of a line filter, in Loki's words, or `null`. */
export const patternFilterFault = (pattern: string): string | null => {
  const parts = parsePattern(pattern);
  const named = parts.find((part) => part.type === 'capture' && part.name !== null);
  return (
    consecutiveFault(parts) ??
    (named === undefined ? null : `named captures are not allowed: found '${source(named)}'`)
  );
};

const EMPTY =
  'parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL';

const consecutiveFault = (parts: readonly PatternPart[]): string | null => {
  const index = parts.findIndex(
    (part, i) => part.type === 'capture' && parts[i + 1]?.type === 'capture',
  );
  if (index < 0) return null;
  const pair = parts
    .slice(index, index + 2)
    .map(source)
    .join('');
  return `found consecutive capture '${pair}': invalid expression`;
};

const source = (part: PatternPart): string =>
  part.type === 'literal' ? part.text : `<${part.name ?? '_'}>`;
