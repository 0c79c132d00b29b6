import { LIMITS } from '../../model/limits.ts';
import type { Fault } from './errors.ts';
import { Refusal } from './errors.ts';
import { lexToken } from './lexer.ts';
import { RegexChecker } from './regex.ts';
import type { Token, TokenKind } from './token.ts';
import { lokiName, losesLine } from './token.ts';

/** The parser's place in the text: one token ahead, read only when somebody asks for it. */
export class Cursor {
  /**
   * Refusals of meaning that Loki reports only after the whole text has parsed, by the node at
   * which its check finds them.
   */
  readonly deferred = new Map<object, Fault>();
  /** Checks the query's regular expressions within its budget. */
  readonly regexes = new RegexChecker();
  private readonly text: string;
  private at = 0;
  private ahead: Token | null = null;
  private readonly nested = { operators: 0, parentheses: 0 };

  constructor(text: string) {
    this.text = text;
  }

  peek(): Token {
    this.ahead ??= lexToken(this.text, this.at);
    return this.ahead;
  }

  /** The token after the next one. */
  peekAfter(): Token {
    return lexToken(this.text, this.peek().end);
  }

  is(kind: TokenKind): boolean {
    return this.peek().kind === kind;
  }

  take(): Token {
    const token = this.peek();
    this.at = token.end;
    this.ahead = null;
    return token;
  }

  accept(kind: TokenKind): Token | null {
    return this.is(kind) ? this.take() : null;
  }

  /** Takes a token of this kind; otherwise refuses, naming `expected` (default: this kind). */
  expect(kind: TokenKind, expected: readonly string[] = [kind]): Token {
    return this.accept(kind) ?? this.fail(expected);
  }

  /** Refuses the next token. Loki lists what it expected where that is at most four things. */
  fail(expected: readonly string[] = []): never {
    const token = this.peek();
    const found = lokiName(token);
    const list = expected.length > 0 ? `, expecting ${expected.join(' or ')}` : '';
    throw new Refusal({
      reason: `syntax error: unexpected ${found}${list}`,
      pos: token.pos,
      place: losesLine(token) ? 'lost' : 'exact',
      found,
      expected,
    });
  }

  /**
   * Counts one operator (or aggregation, or function) or parenthesis: together they bound the depth
   * of the tree and of the parser's recursion. They count apart, because the printer writes every
   * operator in parentheses and what it prints must parse.
   */
  nest(what: 'operators' | 'parentheses', pos: number): void {
    this.nested[what]++;
    if (this.nested[what] > LIMITS.logqlNesting) {
      refuse(`query too complex (more than ${LIMITS.logqlNesting} ${what})`, pos);
    }
  }
}

/** Refuses the meaning of what stands at `pos`; Loki gives such refusals no place. */
export const refuse = (reason: string, pos: number): never => {
  throw new Refusal({ reason, pos, place: 'none' });
};
