import type { LineFilter, LineOperand } from '../logql/ast.ts';
import { lineRegex } from '../regex.ts';
import type { Entry } from './entry.ts';
import { lineMentions } from './ip.ts';
import { patternTest } from './pattern.ts';
import type { Run } from './stage.ts';

/** `|= != |~ !~ |> !>`, also with `ip()` and several alternatives. */
export const lineFilter = (stage: LineFilter): Run => {
  const tests = stage.operands.map((operand) => operandTest(stage, operand));
  const negated = stage.op.startsWith('!');
  return (entry) => tests.some((test) => test(entry)) !== negated;
};

const operandTest = (stage: LineFilter, { text, ip }: LineOperand): Run => {
  if (ip) {
    const mentions = lineMentions(text);
    return (entry) => mentions(entry.line);
  }
  switch (stage.op) {
    case '|=':
    case '!=':
      return (entry: Entry) => entry.contains(text);
    case '|~':
    case '!~': {
      if (text === '') return () => true;
      const test = lineRegex(text);
      return (entry) => test(entry.matchable);
    }
    case '|>':
    case '!>': {
      const test = patternTest(text);
      return (entry) => test(entry.line);
    }
  }
};
