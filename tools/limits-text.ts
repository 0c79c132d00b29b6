import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { LIMITS } from '../src/model/limits.ts';

const SOURCE = new URL('../src/model/limits.ts', import.meta.url);

interface Limit {
  readonly name: string;
  readonly reason: string;
}

interface Section {
  readonly title: string;
  readonly limits: Limit[];
}

/** docs/limits.md, made from the names, values and docstrings of src/model/limits.ts. */
export function limitsText(): string {
  const lines = [
    '# Limits',
    '',
    'Every queue, buffer, cache and loop of Meshtrail has a bound, and every bound is here. A bound',
    'that cuts or refuses something counts it where you can see it. Change one in the configuration',
    'file, under `limits:`, by the name in the first column.',
    '',
    'This page is made from `src/model/limits.ts` by `npm run docs`.',
  ];
  for (const { title, limits } of readSections(readFileSync(SOURCE, 'utf8'))) {
    lines.push('', `## ${title}`, '', '| Limit | Value | Why |', '| --- | --- | --- |');
    for (const { name, reason } of limits) {
      const value = valueText(name, (LIMITS as Readonly<Record<string, number>>)[name] ?? 0);
      lines.push(`| \`${snakeCase(name)}\` | ${value} | ${reason.replaceAll('|', '\\|')} |`);
    }
  }
  return lines.join('\n') + '\n';
}

/** The members of `LIMITS` under their `// --- section` comments; those before any are an error. */
export function readSections(text: string): Section[] {
  const source = ts.createSourceFile('limits.ts', text, ts.ScriptTarget.Latest, true);
  const sections: Section[] = [];
  for (const member of limitsObject(source).properties) {
    if (!ts.isPropertyAssignment(member)) throw new Error(`not a limit: ${member.getText()}`);
    const name = member.name.getText();
    const comments = ts.getLeadingCommentRanges(text, member.pos) ?? [];
    let reason = '';
    for (const { pos, end } of comments) {
      const comment = text.slice(pos, end);
      const title = /^\/\/ --- (.+)/.exec(comment)?.[1];
      if (title !== undefined) sections.push({ title: capital(title), limits: [] });
      else if (comment.startsWith('/**')) reason = plainComment(comment);
    }
    const section = sections.at(-1);
    if (section === undefined) throw new Error(`${name} stands before the first section`);
    // Two bounds of one thing may share a docstring: the second one stands right below the first.
    if (reason === '' && section.limits.length > 0) reason = 'As above.';
    if (reason === '') throw new Error(`${name} has no reason: give it a docstring`);
    section.limits.push({ name, reason });
  }
  return sections;
}

function limitsObject(source: ts.SourceFile): ts.ObjectLiteralExpression {
  let found: ts.ObjectLiteralExpression | undefined;
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.name.getText() === 'LIMITS') {
      const value = node.initializer;
      const object = value !== undefined && ts.isAsExpression(value) ? value.expression : value;
      if (object !== undefined && ts.isObjectLiteralExpression(object)) found = object;
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  if (found === undefined) throw new Error('src/model/limits.ts has no object LIMITS');
  return found;
}

function plainComment(comment: string): string {
  const words = comment.replace(/^\/\*\*|\*\/$/g, '').replace(/^\s*\* ?/gm, ' ');
  return words.replace(/\s+/g, ' ').trim();
}

/** As people say it: bytes in binary units, times in seconds, where that is exact. */
export function valueText(name: string, value: number): string {
  const plain = value.toLocaleString('en-US');
  if (/Bytes$/.test(name)) return scaled(value, 1024, ['bytes', 'KiB', 'MiB', 'GiB'], plain);
  if (/Ms$/.test(name)) return scaled(value, 1000, ['ms', 's'], plain);
  return plain;
}

function scaled(value: number, step: number, units: readonly string[], plain: string): string {
  let at = 0;
  let left = value;
  while (at + 1 < units.length && left >= step && left % step === 0) {
    left /= step;
    at += 1;
  }
  return at === 0 ? `${plain} ${units[0] ?? ''}` : `${left} ${units[at] ?? ''}`;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function capital(title: string): string {
  return title.slice(0, 1).toUpperCase() + title.slice(1);
}
