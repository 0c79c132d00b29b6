import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import ts from 'typescript';
import { isTest, type SourceFile, type Violation } from './source-files.ts';

/** What the files of one folder may import besides each other. */
interface Walls {
  /** Folders of src/. */
  readonly folders: readonly string[];
  /** Folders or files of src/ from which types alone may come. */
  readonly types?: readonly string[];
  /** Parts of Node. (What leads outside has its door in src/platform; ESLint keeps that.) */
  readonly node: readonly string[] | 'any';
  readonly packages: 'any' | 'none';
}

/** What neither reads nor changes the world. */
const PURE = ['buffer', 'util', 'assert', 'string_decoder'];

const impure = (...folders: string[]): Walls => ({ folders, node: 'any', packages: 'any' });
const pure = (...node: string[]): Walls => ({
  folders: ['model'],
  types: ['platform'],
  node: [...PURE, ...node],
  packages: 'any',
});

/** "The house" of STYLE.md, as a table. A folder that is not listed here may not exist. */
const TABLE: Readonly<Record<string, Walls>> = {
  model: { folders: [], node: ['buffer'], packages: 'none' },
  platform: impure('model'),
  'ingest/receive': impure('model', 'platform'),
  // Hashing is pure: shared keys are proved by digests.
  'ingest/decode': pure('zlib', 'crypto'),
  'ingest/normalize': { ...pure(), packages: 'none' },
  // Definitions become normalizers: what concludes from fields is theirs too.
  'ingest/formats': { ...pure(), folders: ['model', 'ingest/normalize'] },
  'ingest/multiline': pure(),
  'ingest/enrich': { ...pure(), packages: 'none' },
  'ingest/redact': pure('crypto'),
  'storage/journal': impure('model', 'platform'),
  'storage/seal': pure('crypto'),
  'storage/engine': impure('model', 'platform'),
  'storage/lifecycle': impure('model', 'platform'),
  'storage/state': impure('model', 'platform'),
  query: pure(),
  detect: impure('model', 'platform', 'query'),
  comply: impure('model', 'platform', 'query', 'storage/seal'),
  access: impure('model', 'platform'),
  api: impure('model', 'platform', 'query', 'access'),
  // The agent never opens the store: no engine, no keys of buckets, no queries.
  agent: impure(
    'model',
    'platform',
    'ingest/normalize',
    'ingest/multiline',
    'ingest/redact',
    'ingest/enrich',
    'ingest/decode',
    'storage/journal',
    // Its buffer's keys are its own.
    'storage/lifecycle/keyring.ts',
    'storage/lifecycle/keyring-wrapper.ts',
  ),
  app: impure(
    'model',
    'platform',
    'agent',
    'ingest',
    'storage',
    'query',
    'detect',
    'comply',
    'access',
    'api',
  ),
  ui: { folders: [], types: ['api/contract.ts'], node: [], packages: 'any' },
};

/** What an `import()` names whose words are only known when it runs. */
const COMPUTED = 'a computed name';

interface Import {
  readonly from: string;
  readonly typesOnly: boolean;
  readonly line: number;
}

/**
 * The import table: who may know whom. Tests beside the code keep it too, save that
 * `*.engine.test.ts` put parts of the house together and may import any of src/.
 */
export function checkImports({ path, text }: SourceFile): Violation[] {
  if (!path.startsWith('src/') || !/\.tsx?$/.test(path)) return [];
  const folder = folderOf(path);
  const walls = folder === undefined ? undefined : TABLE[folder];
  if (folder === undefined || walls === undefined) {
    const message = 'its folder has no line in the import table (tools/import-table.ts)';
    return [{ path, line: 1, law: 'imports', message }];
  }
  const found: Violation[] = [];
  for (const one of importsOf(path, text)) {
    const target = one.from.startsWith('.') ? posix.join(posix.dirname(path), one.from) : one.from;
    const allowed = one.from.startsWith('.')
      ? mayImportFile(path, folder, walls, target, one.typesOnly)
      : mayImportPackage(path, walls, target, one.typesOnly);
    if (allowed) continue;
    const message = `${folder} may not import ${one.typesOnly ? 'even types of ' : ''}${target}`;
    found.push({ path, line: one.line, law: `imports ${target}`, message });
  }
  return found;
}

/** The line of the table that a file falls under: `ingest/decode` for src/ingest/decode/x/y.ts. */
function folderOf(path: string): string | undefined {
  const [, first, second] = path.split('/');
  return [`${first}/${second}`, first].find((name) => name !== undefined && name in TABLE);
}

function mayImportFile(
  path: string,
  folder: string,
  walls: Walls,
  target: string,
  typesOnly: boolean,
): boolean {
  if (isTest(path) && /^(fixtures|tools|sim)\//.test(target)) return true;
  if (!target.startsWith('src/')) return false;
  if (path.endsWith('.engine.test.ts')) return true;
  const inside = (name: string): boolean =>
    target === `src/${name}` || target.startsWith(`src/${name}/`);
  if (inside(folder) || walls.folders.some(inside)) return true;
  return typesOnly && (walls.types ?? []).some(inside);
}

function mayImportPackage(path: string, walls: Walls, name: string, typesOnly: boolean): boolean {
  if (isTest(path)) return true;
  if (name === COMPUTED) return false;
  if (!isBuiltin(name)) return walls.packages === 'any';
  // One spelling, so that a package can never stand in for a part of Node.
  if (!name.startsWith('node:')) return false;
  return typesOnly || walls.node === 'any' || walls.node.includes(name.slice('node:'.length));
}

/** Every import and re-export of a file; a computed `import()` imports `COMPUTED`. */
function importsOf(path: string, text: string): Import[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
  const found: Import[] = [];
  const add = (node: ts.Node, from: ts.Expression | undefined, typesOnly: boolean): void => {
    if (from === undefined) return;
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
    const name = ts.isStringLiteralLike(from) ? from.text : COMPUTED;
    found.push({ from: name, typesOnly, line: line + 1 });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, importsTypesOnly(node));
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node)) {
      add(node, ts.isLiteralTypeNode(node.argument) ? literalOf(node.argument) : undefined, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function literalOf(type: ts.LiteralTypeNode): ts.Expression | undefined {
  return ts.isStringLiteral(type.literal) ? type.literal : undefined;
}

/** `import type {...}` and `import { type A, type B }`, not a bare `import '...'`. */
function importsTypesOnly(node: ts.ImportDeclaration): boolean {
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const names = clause.namedBindings;
  if (clause.name !== undefined || names === undefined || !ts.isNamedImports(names)) return false;
  return names.elements.length > 0 && names.elements.every((name) => name.isTypeOnly);
}
