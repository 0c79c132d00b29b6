import { join } from 'node:path';
import type { Command } from 'commander';
import { MeshtrailError } from '../model/errors.ts';
import { systemClock } from '../platform/clock.ts';
import { systemDisk } from '../platform/disk.ts';
import { systemEnvironment } from '../platform/environment.ts';
import { createLog, type Log } from '../platform/log.ts';
import { systemOutput } from '../platform/output.ts';
import {
  exitNow,
  expectLargeBuffers,
  hostName,
  onSignals,
  onUncaught,
  temporaryDirectory,
} from '../platform/processes.ts';
import { systemRandom } from '../platform/random.ts';
import { systemSockets } from '../platform/sockets.ts';
import { startAgent, type Agent } from './agent.ts';
import { readAgentConfiguration, type AgentConfiguration } from './configuration.ts';
import type { AgentDoors } from './doors.ts';
import { dryRun } from './dry-run.ts';
import { lockDirectory } from './lock.ts';
import { Processing } from './processing.ts';
import { readSecrets } from './secrets.ts';

interface AgentFlags {
  readonly config: string;
  readonly dryRun?: boolean;
  readonly inspect?: boolean;
  readonly events: string;
  readonly quietMs: string;
}

/** Time within which a stopped agent has delivered what it could; the rest waits in its buffer. */
const STOP_MS = 5_000;
/** The same where its inputs ended by themselves, and nobody waits for it to be gone. */
const DRAIN_MS = 60_000;

/** A fifth of the memory for a tenth of the speed: the agent is a guest on its host. */
const SMALL_HEAP = { growingPercent: 50, youngMb: 1 };

/** Adds `agent` and `agent check`. */
export const addAgent = (program: Command, version: string): void => {
  const agent = program
    .command('agent')
    .description('collect logs on this host and bring them to a server')
    .option('--config <file>', 'YAML configuration; docs/agent.md lists every key')
    .option(
      '--dry-run',
      'read and process, send nothing, remember nothing; says what would be sent',
    )
    .option('--inspect', 'with --dry-run: show each event stage by stage')
    .option('--events <n>', 'with --dry-run: end after so many events', '100')
    .option('--quiet-ms <ms>', 'with --dry-run: end when nothing came for so long', '2000')
    .addHelpText(
      'after',
      `
The key comes from the configuration's key_file, or from the variable MESHTRAIL_KEY. SIGHUP reads
the configuration again; one that cannot be used changes nothing. SIGTERM makes what was read
durable, delivers what it can in five seconds, and ends; the rest is delivered after the next start.

Examples:
  meshtrail agent --config /etc/meshtrail/agent.yaml
  meshtrail agent --config agent.yaml --dry-run --inspect
  meshtrail agent check --config agent.yaml
  kubectl logs -f deploy/checkout | meshtrail agent --config stdin.yaml`,
    )
    .action((flags: AgentFlags) => runCommand(flags, version));
  agent
    .command('check')
    .description('say whether a configuration can be used')
    .action(async (_own: unknown, command: Command) => {
      const { config } = command.optsWithGlobals<AgentFlags>();
      const configuration = await readFile(config);
      await readSecrets(configuration, doorsOf(version, createLog('warn')));
      await systemOutput.write(`${config}: can be used; ${configuration.inputs.length} inputs\n`);
    });
};

const doorsOf = (version: string, log: Log): AgentDoors => ({
  clock: systemClock,
  disk: systemDisk,
  sockets: systemSockets,
  random: systemRandom,
  environment: systemEnvironment,
  hostName: hostName(),
  log,
  version,
});

/** Reads and compiles; rejects with what is wrong. */
const readFile = async (path: string | undefined): Promise<AgentConfiguration> => {
  if (path === undefined) {
    throw new MeshtrailError('configuration_missing', 'no configuration', 'give --config FILE');
  }
  let text: string;
  try {
    text = (await systemDisk.readFile(path)).toString('utf8');
  } catch (error) {
    throw new MeshtrailError(
      'configuration_unreadable',
      `the configuration ${path} cannot be read: ${error instanceof Error ? error.message : ''}`,
      'check the path and its permissions',
    );
  }
  const configuration = readAgentConfiguration(text, path);
  for (const { processing } of configuration.inputs) {
    new Processing(processing, systemClock, systemRandom);
  }
  return configuration;
};

const runCommand = async (flags: AgentFlags, version: string): Promise<void> => {
  expectLargeBuffers(SMALL_HEAP);
  const level = systemEnvironment.get('MESHTRAIL_LOG') === 'debug' ? 'debug' : 'warn';
  const log = createLog(level);
  const doors = doorsOf(version, log);
  const configuration = await readFile(flags.config);
  if (flags.dryRun === true || flags.inspect === true) {
    await runDry(configuration, doors, flags);
    return;
  }
  await systemDisk.makeDirectory(configuration.data);
  const lock = lockDirectory(configuration.data);
  const agent = await startAgent(configuration, doors);
  let stopping = false;
  const stop = (code: number, withinMs: number): void => {
    if (stopping) return;
    stopping = true;
    systemClock.setTimer(2 * withinMs, () => exitNow(code === 0 ? 1 : code));
    agent.stop(withinMs).then(
      () => {
        lock.release();
        exitNow(code);
      },
      (error: unknown) => {
        log.error('the agent did not end well; its buffer keeps what it has', { error });
        exitNow(1);
      },
    );
  };
  onSignals(['SIGTERM', 'SIGINT'], () => stop(0, STOP_MS));
  onSignals(['SIGHUP'], () => void reload(agent, flags.config, log));
  onUncaught((error) => {
    log.error('an error that nobody caught; stopping', { error });
    stop(1, STOP_MS);
  });
  // Whoever reads this may send signals at once.
  const health = agent.health === undefined ? '' : `, /metrics on ${agent.health}`;
  await systemOutput.write(`meshtrail agent ${version} ${agent.id} is running${health}\n`);
  void agent.exhausted.then((isWell) => stop(isWell ? 0 : 1, DRAIN_MS));
};

const runDry = async (
  configuration: AgentConfiguration,
  doors: AgentDoors,
  flags: AgentFlags,
): Promise<void> => {
  const directory = join(temporaryDirectory(), `meshtrail-agent-${systemRandom.hex(8)}`);
  await systemDisk.makeDirectory(directory);
  try {
    await dryRun(configuration, doors, systemOutput, {
      inspect: flags.inspect === true,
      events: Number(flags.events),
      quietMs: Number(flags.quietMs),
      directory,
    });
  } finally {
    await systemDisk.removeTree(directory);
  }
  exitNow(0);
};

/** One after another; a configuration that cannot be used leaves the old one in force. */
let reloading: Promise<void> = Promise.resolve();

const reload = (agent: Agent, path: string, log: Log): Promise<void> => {
  reloading = reloading.then(async () => {
    try {
      await agent.reload(await readFile(path));
      systemOutput.notice(`meshtrail agent: ${path} was read again and is in force\n`);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      systemOutput.notice(`meshtrail agent: ${path} CANNOT BE USED, THE OLD ONE STAYS:\n${why}\n`);
      log.error('the new configuration cannot be used; the old one stays', { error });
    }
  });
  return reloading;
};
