import type { Compiled } from './compiled.ts';
import { formatFault } from './fault.ts';
import type { Field } from './field.ts';
import { GROK } from './grok-patterns.ts';
import { NAMED_GROUP, regexCompiled, type Group } from './regex-format.ts';

/** `%{NAME}`, `%{NAME:field}`, `%{NAME:field:type}`; a field may be `[a][b]`. */
const REFERENCE = /%\{([^}:]*)(?::([^}:]*))?(?::([^}:]*))?\}/g;

/** Patterns within patterns: the library's own go five deep. */
const MOST_DEPTH = 16;

const fieldName = (semantic: string): string =>
  semantic.replace(/^\[/, '').replace(/\]$/, '').replaceAll('][', '.');

const ALLOWED = Object.keys(GROK).sort();

/** Names that begin like an unknown one, else all. */
const near = (name: string): string => {
  const alike = ALLOWED.filter((one) => name !== '' && one.startsWith(name.slice(0, 3)));
  return `allowed: ${(alike.length > 0 ? alike : ALLOWED).join(', ')}`;
};

/** Grok: an expression with names of other expressions in it, whose values are fields. */
export const grokFormat = (definition: string): Compiled => {
  const groups: Group[] = [];
  const groupOf = (name: string, operator: string, at: number): string => {
    const group = `field${groups.length}`;
    const field: Field = { name, operator, at, shape: 'any', dash: true };
    groups.push({ group, field });
    return `(?P<${group}>`;
  };
  const expand = (text: string, at: number | undefined, depth: number): string =>
    text.replaceAll(REFERENCE, (whole: string, name: string, semantic: unknown, ...rest) => {
      const place = at ?? (rest[1] as number);
      const pattern = Object.hasOwn(GROK, name) ? GROK[name] : undefined;
      if (pattern === undefined)
        throw formatFault(definition, place, `${whole}: '${name}' is no pattern`, near(name));
      if (depth > MOST_DEPTH)
        throw formatFault(definition, place, 'patterns within patterns without end', 'fewer');
      const isNamed = typeof semantic === 'string' && semantic !== '';
      const open = isNamed ? groupOf(fieldName(semantic), whole, place) : '(?:';
      return `${open}${expand(pattern, place, depth + 1)})`;
    });
  const text = definition.replace(/[\r\n]+$/, '');
  const own = text.replaceAll(NAMED_GROUP, (whole: string, name: string, at: number) =>
    groupOf(name, `${whole})`, at),
  );
  const expression = expand(own, undefined, 0);
  return regexCompiled('grok', definition, expression, groups);
};
