import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

type Versions = Readonly<Record<string, string>>;

interface Manifest {
  readonly dependencies: Versions;
  readonly devDependencies: Versions;
  readonly optionalDependencies: Versions;
}

interface LockFile {
  readonly packages: Readonly<Record<string, { resolved?: string; hasInstallScript?: true }>>;
}

const manifest = JSON.parse(read('package.json')) as Manifest & {
  readonly allowScripts?: Readonly<Record<string, boolean>>;
};
const pinned: Versions = {
  ...manifest.dependencies,
  ...manifest.devDependencies,
  ...manifest.optionalDependencies,
};

test('docs/dependencies.md names every package with its version, why, and what else', () => {
  const rows = [
    ...read('docs/dependencies.md').matchAll(/^\| `(.+?)` +\| (\S+) +\| (.+) \| (.+) \|$/gm),
  ];
  const documented = Object.fromEntries(rows.map(([, name = '', version]) => [name, version]));
  expect(documented).toEqual(pinned);
});

test('every version is pinned exactly', () => {
  for (const version of Object.values(pinned))
    expect(version).toMatch(/^(npm:@?[\w./-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/);
});

test('no package may run an install script', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as LockFile;
  const scripted = Object.entries(packages).filter(([, one]) => one.hasInstallScript === true);
  for (const [path] of scripted) {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    expect(manifest.allowScripts, `${name} has an install script`).toHaveProperty([name], false);
  }
});

test('the lock file names no registry but the public one', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as LockFile;
  const resolved = Object.values(packages).flatMap((one) => one.resolved ?? []);
  expect(resolved.filter((url) => !url.startsWith('https://registry.npmjs.org/'))).toEqual([]);
});
