import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** A file of ours, as the checks see it. */
export interface SourceFile {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Something that breaks a law of STYLE.md's house. */
export interface Violation {
  readonly path: string;
  /** 1 where it concerns the whole file. */
  readonly line: number;
  readonly law: string;
  readonly message: string;
}

const OUR_FOLDERS = ['src', 'sim', 'bench', 'tools', 'bin', 'deploy'];

/** All files of our own code under `root`, sorted by path. */
export function readSourceFiles(root: string): SourceFile[] {
  const files: SourceFile[] = [];
  for (const folder of OUR_FOLDERS) {
    // Git keeps no empty folders.
    if (!existsSync(join(root, folder))) continue;
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const full = join(entry.parentPath, entry.name);
      const path = full.slice(root.length).replace(/^\/+/, '');
      if (/(^|\/)(node_modules|fixtures)\//.test(path)) continue;
      files.push({ path, text: /\.(ts|tsx|js)$/.test(path) ? readFileSync(full, 'utf8') : '' });
    }
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export function isTest(path: string): boolean {
  return /\.(test|fuzz|bench)\.tsx?$/.test(path);
}
