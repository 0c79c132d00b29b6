import ts from 'typescript';
import { isTest, type SourceFile, type Violation } from './source-files.ts';

/** Names whose call asserts, wherever they come from. */
const ASSERTION = /^(expect|assert)/;

/** Law 9: every test asserts something, itself or through a function that does. */
export function checkTestsAssert({ path, text }: SourceFile): Violation[] {
  if (!isTest(path) || path.includes('.bench.')) return [];
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const bodies = new Map<string, ts.Node>();
  const tests: { body: ts.Node; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionDeclaration(node) && node.name) bodies.set(node.name.text, node);
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && node.initializer) {
      bodies.set(node.name.text, node.initializer);
    }
    const body = ts.isCallExpression(node) ? testBody(node) : undefined;
    if (body !== undefined) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      tests.push({ body, line: line + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  const violation = (line: number, message: string): Violation => ({
    path,
    line,
    law: 'asserts',
    message,
  });
  if (tests.length === 0) return [violation(1, 'holds no test')];
  return tests
    .filter(({ body }) => !asserts(body, bodies, new Set()))
    .map(({ line }) => violation(line, 'this test asserts nothing'));
}

/** The function of `test('...', fn)`, `it.each(...)('...', fn)` and their like. */
function testBody(call: ts.CallExpression): ts.Node | undefined {
  let callee: ts.Node = call.expression;
  while (!ts.isIdentifier(callee)) {
    if (ts.isPropertyAccessExpression(callee) || ts.isCallExpression(callee)) {
      if (/^(skip|todo|extend)$/.test(lastName(callee))) return undefined;
      callee = callee.expression;
    } else if (ts.isTaggedTemplateExpression(callee)) callee = callee.tag;
    else return undefined;
  }
  if (callee.text !== 'test' && callee.text !== 'it') return undefined;
  return call.arguments.slice(1).find((word) => !ts.isObjectLiteralExpression(word));
}

/** Whether something below `node` asserts; functions of the same file are looked into. */
function asserts(node: ts.Node, bodies: Map<string, ts.Node>, seen: Set<string>): boolean {
  if (ts.isIdentifier(node)) return namedAsserts(node.text, bodies, seen);
  if (ts.isCallExpression(node)) {
    const name = lastName(node.expression);
    if (ASSERTION.test(name) || namedAsserts(name, bodies, seen)) return true;
  }
  return ts.forEachChild(node, (child) => asserts(child, bodies, seen) || undefined) ?? false;
}

function namedAsserts(name: string, bodies: Map<string, ts.Node>, seen: Set<string>): boolean {
  const body = bodies.get(name);
  if (body === undefined || seen.has(name)) return false;
  seen.add(name);
  return asserts(body, bodies, seen);
}

function lastName(node: ts.Node): string {
  if (ts.isIdentifier(node)) return node.text;
  return ts.isPropertyAccessExpression(node) ? node.name.text : '';
}
