import type { PatternStage } from '../logql/ast.ts';
import { parsePattern, type PatternPart } from '../logql/pattern.ts';
import type { Run } from './stage.ts';

/**
 * `| pattern "<ip> - <_> \"<method> <path>\""`: each capture ends where the literal after it first
 * occurs. Where that literal is missing the capture takes the rest and later ones stay unset.
 */
export const pattern = (stage: PatternStage): Run => {
  const parts = parsePattern(stage.pattern);
  return (entry) => {
    for (const [name, value] of capture(parts, entry.line)) entry.extract(name, value);
    return true;
  };
};

const capture = (parts: readonly PatternPart[], line: string): [name: string, value: string][] => {
  const found: [string, string][] = [];
  if (line === '') return found;
  let at = 0;
  let i = 0;
  const first = parts[0];
  if (first?.type === 'literal') {
    if (!line.startsWith(first.text)) return found;
    at = first.text.length;
    i = 1;
  }
  for (; i < parts.length; i += 2) {
    const part = parts[i] as PatternPart & { type: 'capture' };
    const literal = parts[i + 1] as (PatternPart & { type: 'literal' }) | undefined;
    const end = literal === undefined ? -1 : line.indexOf(literal.text, at);
    if (part.name !== null) found.push([part.name, end < 0 ? line.slice(at) : line.slice(at, end)]);
    if (end < 0) return found;
    at = end + (literal?.text.length ?? 0);
  }
  return found;
};

/**
 * The line filters `|>` and `!>`: the literals follow each other, each at its first occurrence,
 * with something (never nothing) at each `<_>`, and the line ends where the pattern does. As in
 * Loki, a literal at the pattern's start may have anything before it.
 */
export const patternTest = (text: string): ((line: string) => boolean) => {
  const parts = parsePattern(text);
  return (line) => {
    if (line === '' || parts.length === 0) return line === '' && parts.length === 0;
    let at = 0;
    for (const [i, part] of parts.entries()) {
      if (part.type === 'capture') continue;
      const found = line.indexOf(part.text, at);
      if (found < 0 || (i > 0 && found === at)) return false;
      at = found + part.text.length;
    }
    const openEnd = parts.at(-1)?.type === 'capture';
    return openEnd === (at !== line.length);
  };
};
