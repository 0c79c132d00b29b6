import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { cpuMs, residentBytes } from '../../platform/processes.ts';
import type { InputOptions } from '../input-options.ts';
import { openInput } from './open.ts';
import { doorsOf, fileOptions } from './testing-input.ts';

/**
 * What it costs to read a file and to find its events, from the disk's cache to pieces that nobody
 * looks at: `node src/agent/read/read.bench.ts FILE [rounds]`. The file holds NDJSON (the
 * standard data: /shared/bench/gen.js), or a container runtime's lines. CPU time of the process, so
 * that a busy machine counts less.
 */
const file = process.argv[2] ?? '';
const rounds = Number(process.argv[3] ?? 3);
const sizeBytes = statSync(file).size;

const follow = fileOptions(`${dirname(file)}/${basename(file)}`);
const kinds: Record<string, InputOptions> = {
  'lines, none': follow,
  'lines, auto': { ...follow, multiline: 'auto' },
  'lines, ^\\{': {
    ...follow,
    multiline: { start: '^\\{', flushMs: 1_000, maxLines: 1_000 },
  },
  'container, auto': {
    ...{ ...follow, multiline: 'auto' },
    ...{ kind: 'container', runtime: 'auto', kubernetes: undefined },
  },
};

for (const [name, options] of Object.entries(kinds)) {
  let best = 0;
  let events = 0;
  for (let round = 0; round < rounds; round++) {
    const state = mkdtempSync('/tmp/meshtrail-bench-');
    const input = await openInput(options, doorsOf(state));
    const beganMs = cpuMs();
    let raw = 0;
    events = 0;
    await new Promise<void>((resolve, reject) => {
      input
        .run(async ({ rawBytes, count }) => {
          raw += rawBytes;
          events += count;
          if (raw >= sizeBytes) resolve();
        })
        .catch(reject);
    });
    best = Math.max(best, sizeBytes / 1e3 / (cpuMs() - beganMs));
    await input.stop();
    await input.close();
    rmSync(state, { recursive: true });
  }
  const rssMb = Math.round(residentBytes() / 1e6);
  console.log(
    `${name}: ${Math.round(best)} raw MB per CPU-second, ${events} events, ${rssMb} MB RSS`,
  );
}
