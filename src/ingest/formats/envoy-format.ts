import { C } from '../../model/columns.ts';
import type { LogRecord } from '../../model/record.ts';
import { inferAccess, inferIstio } from '../normalize/conclude.ts';
import type { Compiled } from './compiled.ts';
import { envoyField } from './envoy-operators.ts';
import { formatFault } from './fault.ts';
import { Pattern, type Piece } from './pattern.ts';
import { textCompiled } from './text-compiled.ts';

const OPERATOR = /^%([A-Z][A-Z0-9_]*)(?:\((.*?)\))?(?::([0-9]+))?%/s;

/** The parts of a format string: `%OPERATOR(X?Y):Z%`, `%%` for a percent sign, else as it is. */
export const envoyPieces = (definition: string): Piece[] => {
  const pieces: Piece[] = [];
  let text = '';
  for (let at = 0; at < definition.length;) {
    if (definition[at] !== '%') {
      text += definition.charAt(at++);
      continue;
    }
    if (definition[at + 1] === '%') {
      text += '%';
      at += 2;
      continue;
    }
    const match = OPERATOR.exec(definition.slice(at));
    if (match === null)
      throw formatFault(
        definition,
        at,
        `'${definition.slice(at, at + 16)}' begins no operator`,
        'an operator is %NAME%, %NAME(X?Y)% or %NAME(X):LENGTH%; a percent sign is %%',
      );
    const [whole, name = '', brackets] = match;
    if (text !== '') pieces.push(text);
    text = '';
    pieces.push(envoyField(definition, at, whole, name, brackets));
    at += whole.length;
  }
  if (text !== '') pieces.push(text);
  return pieces;
};

/** Which mesh's words: what a line proves beside its fields. */
export type EnvoyKind = 'envoy' | 'istio' | 'kuma';

const KUMA = new TextEncoder().encode('kuma');

export const concludeOf =
  (kind: EnvoyKind): ((record: LogRecord) => void) =>
  (record) => {
    inferAccess(record);
    if (kind === 'istio') inferIstio(record);
    if (kind === 'kuma' && !record.has(C.mesh)) record.set(C.mesh, KUMA, 0, KUMA.length);
  };

/** One format string; the line end that Envoy needs at its end belongs to no line. */
export const envoyFormat = (kind: EnvoyKind, definition: string): Compiled => {
  const text = definition.replace(/(\r?\n|\\n)+$/, '');
  const broken = text.indexOf('\n');
  if (broken >= 0)
    throw formatFault(definition, broken, 'a line ends here', 'a format is of one line');
  return textCompiled(kind, [new Pattern(definition, envoyPieces(text))], concludeOf(kind));
};
