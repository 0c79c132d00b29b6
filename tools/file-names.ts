import type { SourceFile, Violation } from './source-files.ts';

/** Words that say nothing about what is inside. */
const EMPTY_WORDS = /^(utils?|helpers?|commons?|managers?|misc|shared|index)$/;
const KEBAB = /^[a-z0-9]+(-[a-z0-9]+)*$/;
/** What may stand after the name: the kind of file or what a test needs. */
const SUFFIX = /^(\.[a-z0-9]+)+$/;
/** Names that others fixed. */
const FIXED_NAMES = /^(Dockerfile|README\.md|Makefile|\.[a-z-]+)$/;

/** Law 3: kebab-case names that are the user's or the field's own word. */
export function checkFileName({ path }: SourceFile): Violation[] {
  const violation = (message: string): Violation => ({ path, line: 1, law: 'name', message });
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  if (FIXED_NAMES.test(name)) return [];
  const dot = name.includes('.') ? name.indexOf('.') : name.length;
  const stem = name.slice(0, dot);
  const suffix = name.slice(dot);
  const found: Violation[] = [];
  for (const word of [...parts, stem]) {
    if (!KEBAB.test(word)) found.push(violation(`'${word}' is not kebab-case`));
    if (word.split('-').some((part) => EMPTY_WORDS.test(part))) {
      found.push(violation(`'${word}' does not say what is inside`));
    }
  }
  if (suffix !== '' && !SUFFIX.test(suffix)) found.push(violation(`'${suffix}' is no suffix`));
  return found;
}
