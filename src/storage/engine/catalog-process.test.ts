import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Catalog } from './catalog.ts';

/** The catalog on the machine's own disk, in processes that are killed. */

const at = BigInt(Date.parse('2026-11-20T12:00:00Z')) * 1_000_000n;

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-catalog-process-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const here = new URL('.', import.meta.url).href;
/** Learns layouts without end, three at a time; prints each once it is told that it is known. */
const CHILD = `
  const { Catalog } = await import('${here}catalog.ts');
  const catalog = new Catalog(process.argv[1]);
  const bucket = catalog.bucketFor('acme', 'default', ${at}n);
  for (let n = Number(process.argv[2]); ; ) {
    await Promise.all([n++, n++, n++].map(async (one) => {
      await catalog.learn(bucket, [{ text: one + '<body>', services: ['s' + one, ''] }]);
      process.stdout.write(one + '\\n');
    }));
  }
`;

test('what was learnt before a kill -9 is known afterwards', async () => {
  const path = `${directory}/catalog.db`;
  for (let round = 0; round < 3; round++) {
    const first = round * 10_000;
    const argv = ['--no-warnings', '--input-type=module', '-e', CHILD, path, String(first)];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    const told: number[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      told.push(Number(line));
      if (told.length === 20) child.kill('SIGKILL');
    }
    expect(told.length).toBeGreaterThanOrEqual(20);
    const catalog = new Catalog(path);
    const bucket = catalog.bucketFor('acme', 'default', at);
    for (const one of told) {
      const use = { text: `${one}<body>`, services: [`s${one}`, ''] };
      expect(catalog.learn(bucket, [use])).toBeUndefined();
    }
    // What was under way stands whole or not at all, and does no harm: no row needs to have it.
    for (const { layout, services } of catalog.ranges('acme', at, at)[0]?.layouts ?? []) {
      const one = layout.text.replace('<body>', '');
      expect(services).toEqual(new Set(['', `s${one}`]));
    }
    catalog.close();
  }
});
