import type { Compiled } from './compiled.ts';
import { formatFault } from './fault.ts';
import type { Field } from './field.ts';
import { Pattern, type Piece } from './pattern.ts';
import { textCompiled } from './text-compiled.ts';

const KEY = /^%\{([^}]*)\}/;

const fieldOf = (definition: string, operator: string, key: string, at: number): Field => {
  if (key === '' || /^[?+*&/]|->$/.test(key))
    throw formatFault(
      definition,
      at,
      `${operator}: values that are skipped, appended, padded or named by the line are not taken`,
      'name every value: %{name}',
    );
  const name = key.replace(/^\[/, '').replace(/\]$/, '').replaceAll('][', '.');
  return { name, operator, at, shape: 'any', dash: true };
};

/** Dissect: `%{name}` and what stands between. */
export const dissectFormat = (definition: string): Compiled => {
  const text = definition.replace(/[\r\n]+$/, '');
  const pieces: Piece[] = [];
  for (let at = 0; at < text.length;) {
    const match = KEY.exec(text.slice(at));
    if (match === null) pieces.push(text.charAt(at++));
    else {
      pieces.push(fieldOf(definition, match[0], match[1] as string, at));
      at += match[0].length;
    }
  }
  return textCompiled('dissect', [new Pattern(definition, pieces)], () => undefined);
};
