import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const packaged = `node-${process.platform}-${process.arch}`;
/** Makes the program believe that an old Node runs it. Children do not inherit it. */
const AS_NODE_20 =
  'data:text/javascript,Object.defineProperty(process, "versions", {value: {node: "20.1.0"}})';

let house = '';
beforeEach(async () => {
  house = await mkdtemp(join(tmpdir(), 'meshtrail-bin-'));
  await cp(join(root, 'bin'), join(house, 'bin'), { recursive: true });
  await mkdir(join(house, 'src/app'), { recursive: true });
  await mkdir(join(house, 'node_modules'));
  await writeFile(join(house, 'package.json'), '{"type":"module"}');
});
afterEach(() => rm(house, { recursive: true }));

const mainIs = (source: string): Promise<void> => writeFile(join(house, 'src/app/main.ts'), source);
const linkPackagedNode = (): Promise<void> =>
  symlink(join(root, 'node_modules', packaged), join(house, 'node_modules', packaged));

function start(nodeWords: string[], words: string[]) {
  const all = [...nodeWords, join(house, 'bin/meshtrail.js'), ...words];
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] });
  return { child, out: text(child.stdout), errors: text(child.stderr), exit: once(child, 'exit') };
}

test.each([
  ['our Node', []],
  ['an old Node', ['--import', AS_NODE_20]],
])('with %s it runs main.ts with the words and passes the exit code on', async (_name, node) => {
  await linkPackagedNode();
  await mainIs(`
    const words: string[] = process.argv.slice(2);
    console.log(process.versions.node.split('.')[0], words.join('|'));
    process.exitCode = 7;
  `);
  const { out, exit } = start(node, ['query', '{a="b c"}']);
  expect(await exit).toEqual([7, null]);
  const major = process.versions.node.split('.')[0] ?? '';
  expect(await out).toBe(`${major} query|{a="b c"}\n`);
});

test('an old Node passes SIGTERM on and waits for the end', async () => {
  await linkPackagedNode();
  await mainIs(`
    process.on('SIGTERM', () => { console.log('drained'); process.exit(3); });
    setInterval(() => {}, 1000);
    console.log('ready');
  `);
  const { child, out, exit } = start(['--import', AS_NODE_20], []);
  child.stdout.once('data', () => child.kill('SIGTERM'));
  expect(await exit).toEqual([3, null]);
  expect(await out).toBe('ready\ndrained\n');
});

test('an old Node without the packaged one says what to do', async () => {
  const { errors, exit } = start(['--import', AS_NODE_20], []);
  expect(await exit).toEqual([1, null]);
  expect(await errors).toContain('npm ci');
  expect(await errors).toContain(packaged);
});
