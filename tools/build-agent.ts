import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/**
 * `npm run build:agent`: the agent as one file that runs with Node 24 alone,
 * dist/meshtrail-agent.js. Says which of our files and packages are in it; none of them may be the
 * engine's (tools/agent-bundle.engine.test.ts).
 */
const root = fileURLToPath(new URL('..', import.meta.url));

export interface AgentBundle {
  readonly file: string;
  readonly sizeBytes: number;
  /** Files that were written. */
  readonly files: readonly string[];
  /** What is in it: paths from the root of the repository. */
  readonly modules: readonly string[];
  /** What it imports when it runs. */
  readonly imports: readonly string[];
}

export const buildAgent = async (file = `${root}dist/meshtrail-agent.js`): Promise<AgentBundle> => {
  const bundle = await rolldown({
    input: `${root}src/app/agent.ts`,
    platform: 'node',
    // Packages that look for others at run time find them nowhere.
    resolve: { conditionNames: ['node', 'import', 'default'] },
    logLevel: 'silent',
  });
  const { output } = await bundle.write({
    file,
    format: 'esm',
    minify: 'dce-only',
    banner: `#!/usr/bin/env node
import { createRequire as makeRequire } from 'node:module';
const require = makeRequire(import.meta.url);`,
  });
  await bundle.close();
  const chunks = output.filter((one) => one.type === 'chunk');
  return {
    file,
    sizeBytes: readFileSync(file).length,
    files: output.map(({ fileName }) => fileName),
    modules: chunks.flatMap(({ moduleIds }) => moduleIds).map((id) => id.replace(root, '')),
    imports: chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]),
  };
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { file, sizeBytes, modules, imports } = await buildAgent();
  const packages = new Set(
    modules.flatMap((id) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[1] ?? []),
  );
  process.stdout.write(
    `${file}: ${sizeBytes} bytes of ${modules.length} modules\n` +
      `packages in it: ${[...packages].sort().join(', ')}\n` +
      `imports: ${[...new Set(imports)].sort().join(', ')}\n`,
  );
}
