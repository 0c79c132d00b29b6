/** One step into a JSON value: a key of an object, or an index of an array. */
export type JsonStep = string | number;

interface Wrong {
  /** Loki's words. */
  readonly wrong: string;
}

/**
 * The steps of a `json` stage's expression, `a.b[0]["c d"]`, or what is wrong with it. Keys outside
 * of brackets are words; keys in quotes know no escapes and hold neither `"` nor `]`.
 */
export const parseJsonPath = (expression: string): { readonly steps: JsonStep[] } | Wrong => {
  const scanner = new Scanner(expression);
  const steps: JsonStep[] = [];
  for (;;) {
    const part = scanner.next();
    const first = steps.length === 0;
    if (part.kind === 'LSB') {
      const key = scanner.next();
      if (key.kind !== 'STRING' && key.kind !== 'INDEX') return unexpected(key, 'STRING or INDEX');
      steps.push(key.kind === 'INDEX' ? Number(key.text) : key.text);
      const close = scanner.next();
      if (close.kind !== 'RSB') return unexpected(close, 'RSB');
    } else if (part.kind === 'FIELD' && first) {
      steps.push(part.text);
    } else if (part.kind === 'DOT' && !first) {
      const field = scanner.next();
      if (field.kind !== 'FIELD') return unexpected(field, 'FIELD');
      steps.push(field.text);
    } else if (part.kind === '$end' && !first) {
      return scanner.wrong === '' ? { steps } : { wrong: scanner.wrong };
    } else {
      return unexpected(part, first ? 'LSB or FIELD' : '');
    }
  }
};

/**
 * The key that a `logfmt` stage's expression names, `key` or `"any key"`, or what is wrong with it.
 * Several keys, which Loki parses but never finds, are refused.
 */
export const parseLogfmtKey = (expression: string): { readonly key: string } | Wrong => {
  const start = /^[ \t\n]*(?:([A-Za-z_][A-Za-z0-9_]*)|"([^"\]]*)["\]]?)[ \t\n]*/.exec(expression);
  if (start === null) return { wrong: 'syntax error: unexpected $end, expecting STRING or KEY' };
  const [whole, word, quoted = ''] = start;
  const rest = expression.slice(whole.length);
  if (rest === '') return { key: word ?? quoted };
  if (/^[A-Za-z_]/.test(rest)) return { wrong: 'syntax error: unexpected KEY' };
  return { wrong: rest.startsWith('"') ? 'syntax error: unexpected STRING' : unexpectedChar(rest) };
};

const unexpectedChar = (rest: string): string =>
  `unexpected char ${String.fromCodePoint(rest.codePointAt(0) ?? 0)}`;

interface Part {
  readonly kind: 'LSB' | 'RSB' | 'DOT' | 'FIELD' | 'STRING' | 'INDEX' | '$end';
  readonly text: string;
}

const MARKS = { '[': 'LSB', ']': 'RSB', '.': 'DOT' } as const;

class Scanner {
  /** Why the scan ended before the text did. */
  wrong = '';
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  next(): Part {
    const form =
      /[ \t\n]*(?:([[\].])|([A-Za-z_][A-Za-z0-9_]*)|([0-9]+)(?=[ \t\n\]])|"([^"\]]*)["\]]?)/y;
    form.lastIndex = this.at;
    const match = form.exec(this.text);
    if (match === null) {
      const rest = this.text.slice(this.at).replace(/^[ \t\n]+/, '');
      if (rest !== '') this.wrong = unexpectedChar(rest);
      return { kind: '$end', text: '' };
    }
    this.at = form.lastIndex;
    const [, mark, field, index, string = ''] = match;
    if (mark !== undefined) return { kind: MARKS[mark as keyof typeof MARKS], text: mark };
    if (field !== undefined) return { kind: 'FIELD', text: field };
    if (index !== undefined) return { kind: 'INDEX', text: index };
    return { kind: 'STRING', text: string };
  }
}

const unexpected = ({ kind }: Part, expected: string): Wrong => ({
  wrong: `syntax error: unexpected ${kind}${expected === '' ? '' : `, expecting ${expected}`}`,
});
