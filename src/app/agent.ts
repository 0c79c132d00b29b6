import { Command } from 'commander';
import { MeshtrailError } from '../model/errors.ts';
import { systemOutput } from '../platform/output.ts';
import { commandLine, exitNow } from '../platform/processes.ts';
import { addAgent } from '../agent/command.ts';
import { VERSION } from './version.ts';

/**
 * The entry of the bundle that is the agent alone (`npm run build:agent`): `meshtrail-agent.js
 * --config FILE` is `meshtrail agent --config FILE`.
 */
const program = new Command('meshtrail').version(VERSION);
addAgent(program, VERSION);
const words = commandLine();
const isNamed = ['agent', '--version', '-V'].includes(words[0] ?? '');

program
  .parseAsync(isNamed ? words : ['agent', ...words], { from: 'user' })
  .catch((error: unknown) => {
    const hint = error instanceof MeshtrailError && error.hint !== '' ? `  ${error.hint}\n` : '';
    systemOutput.notice(
      error instanceof MeshtrailError
        ? `meshtrail: ${error.message}\n${hint}`
        : `meshtrail: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    exitNow(1);
  });
