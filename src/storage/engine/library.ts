import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { MeshtrailError } from '../../model/errors.ts';
import { platformName } from '../../platform/processes.ts';

/** npm's packages of ClickHouse as a library, by Node's name of the platform. */
const PACKAGES: Readonly<Record<string, string>> = {
  'linux-x64': '@chdb/lib-linux-x64-gnu',
  'linux-arm64': '@chdb/lib-linux-arm64-gnu',
  'darwin-x64': '@chdb/lib-darwin-x64',
  'darwin-arm64': '@chdb/lib-darwin-arm64',
};

/** Path of the engine's library. Throws `engine_missing`. */
export function engineLibrary(platform: string = platformName()): string {
  const name = PACKAGES[platform];
  if (name === undefined) {
    throw new MeshtrailError(
      'engine_missing',
      `there is no embedded engine for ${platform}`,
      'Use --engine URL with a ClickHouse server.',
    );
  }
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return `${dirname(manifest)}/libchdb.so`;
  } catch (error) {
    throw new MeshtrailError(
      'engine_missing',
      `the package ${name} is not installed`,
      'Run `npm ci`, or use --engine URL with a ClickHouse server.',
      { cause: error },
    );
  }
}
