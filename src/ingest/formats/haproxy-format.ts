import { inferAccess } from '../normalize/conclude.ts';
import type { Compiled } from './compiled.ts';
import { formatFault } from './fault.ts';
import type { Field } from './field.ts';
import { BRACED, expressionOf, PAIRS, VARIABLES, type Variable } from './haproxy-variables.ts';
import { joined, unescapedText, wordsOf, type Pasted } from './pasted.ts';
import { Pattern, type Piece } from './pattern.ts';
import { textCompiled } from './text-compiled.ts';

/** `%name`, `%{flags}name`, `%(label)name`, `%[expression]`. */
const VARIABLE = /^%(?:\(([^)]*)\))?(?:\{([^}]*)\})?(?:\[((?:[^[\]]|\[[^\]]*\])*)\]|([A-Za-z]+))/;

/** A value and what HAProxy puts around it. */
interface Part {
  readonly id: string;
  readonly field: Field;
  readonly around: readonly [before: string, after: string];
  readonly isOptional: boolean;
}

const ALLOWED = `allowed: ${Object.keys(VARIABLES)
  .map((name) => `%${name}`)
  .join(' ')} %[EXPRESSION] %%`;

const partOf = (definition: string, at: number, match: RegExpExecArray, defaults: string): Part => {
  const [whole, , flags = '', expression, name = ''] = match;
  const found: Variable | undefined =
    expression === undefined ? VARIABLES[name] : expressionOf(expression);
  if (found === undefined)
    throw formatFault(definition, at, `${whole} is no variable of HAProxy`, ALLOWED);
  const isQuoted = flags.includes('-Q') ? false : `${flags},${defaults}`.includes('+Q');
  const isText = found.shape !== 'number';
  const isBraced = BRACED.has(name);
  const around = isBraced ? (['{', '}'] as const) : (['"', '"'] as const);
  const quotes = isText && isQuoted && found.shape !== 'request' && !isBraced;
  return {
    id: expression === undefined ? name : '',
    field: {
      ...found,
      operator: whole,
      at,
      ...(quotes && { shape: 'any', blank: true }),
    },
    around: isBraced || (isText && isQuoted) ? around : ['', ''],
    isOptional: isBraced,
  };
};

const partsOf = (definition: string, { text, places }: Pasted): (string | Part)[] => {
  const parts: (string | Part)[] = [];
  let defaults = '';
  for (let at = 0; at < text.length;) {
    if (text[at] !== '%' || text[at + 1] === '%') {
      parts.push(text.charAt(at));
      at += text[at] === '%' ? 2 : 1;
      continue;
    }
    const match = VARIABLE.exec(text.slice(at));
    const place = places[at] as number;
    if (match === null)
      throw formatFault(
        definition,
        place,
        `'${text.slice(at, at + 8)}' begins no variable`,
        'a variable is %name, %{+Q}name or %[expression]; a percent sign is %%',
      );
    const part = partOf(definition, place, match, defaults);
    // `%{+Q}o` prints nothing: its flags hold for what follows.
    if (part.id === 'o') defaults = match[2] ?? '';
    else parts.push(part);
    at += match[0].length;
    if (part.id === 'o') while (text[at] === ' ') at++;
  }
  return paired(parts);
};

/** Joins what is one value: `%ci:%cp`, `%HP%HQ`. */
const paired = (parts: readonly (string | Part)[]): (string | Part)[] => {
  const out: (string | Part)[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as string | Part;
    const between = typeof parts[i + 1] === 'string' ? (parts[i + 1] as string) : '';
    const next = parts[between === '' ? i + 1 : i + 2];
    if (typeof part === 'string' || typeof next !== 'object') {
      out.push(part);
      continue;
    }
    const name = PAIRS[`${part.id}${between}${next.id}`];
    if (name === undefined) {
      out.push(part);
      continue;
    }
    const operator = `${part.field.operator}${between}${next.field.operator}`;
    out.push({ ...part, id: '', field: { ...part.field, name, operator } });
    i += between === '' ? 1 : 2;
  }
  return out;
};

/** The pieces of a line in which the optional values numbered in `left` are left out. */
const piecesOf = (parts: readonly (string | Part)[], left: ReadonlySet<Part>): Piece[] => {
  const pieces: Piece[] = [];
  let text = '';
  for (const part of parts) {
    if (typeof part === 'string') {
      // Blanks next to each other are written as one.
      if (part !== ' ' || !text.endsWith(' ')) text += part;
    } else if (!left.has(part)) {
      pieces.push(text + part.around[0], part.field);
      [, text] = part.around;
    }
  }
  return [...pieces, text];
};

/** Most values that may be left out: each doubles the looks of a line. */
const MOST_OPTIONAL = 4;

const pastedOf = (definition: string): Pasted => {
  const directive = /^\s*(?:log-format|error-log-format|log-format-sd)\s+/.exec(definition);
  if (directive === null) return unescapedText(definition);
  return joined(wordsOf(definition, directive[0].length), definition.length);
};

/** HAProxy's `log-format`: the line of the configuration, or its text. */
export const haproxyFormat = (definition: string): Compiled => {
  const parts = partsOf(definition, pastedOf(definition));
  const optional = parts.filter((part) => typeof part !== 'string' && part.isOptional) as Part[];
  const last = optional[MOST_OPTIONAL];
  if (last !== undefined)
    throw formatFault(definition, last.field.at, 'too many captures', `at most ${MOST_OPTIONAL}`);
  const whole = new Pattern(definition, piecesOf(parts, new Set()));
  const others: Pattern[] = [];
  for (let mask = 1; mask < 1 << optional.length; mask++) {
    // Of one capture the request's is left last: it comes first.
    const left = new Set(optional.filter((_, i) => mask & (1 << (optional.length - 1 - i))));
    others.push(new Pattern(definition, piecesOf(parts, left)));
  }
  return textCompiled('haproxy', [whole, ...others], inferAccess);
};
