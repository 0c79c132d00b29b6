/**
 * The engine's process: loads ClickHouse as a library and becomes a ClickHouse server on loopback.
 * Started by the supervisor as `node child.ts LIBRARY CONFIG DIRECTORY`; everything else is in the
 * configuration file and, as to keys, in the environment.
 *
 * It must not outlive its parent, or the next one would find the data locked: the kernel kills it
 * with its parent where it can (Linux), and it ends itself as soon as standard input closes, which
 * the kernel does also for a parent that was killed. With `kill -9` to itself: the library's
 * threads make an orderly exit unsafe, and the engine is built to be killed.
 */
import { DataType, load, open } from 'ffi-rs';
import {
  commandLine,
  onSignals,
  parentProcessId,
  processId,
  sendSignal,
  standardInput,
} from '../../platform/processes.ts';
import { systemClock } from '../../platform/clock.ts';
import { systemDisk } from '../../platform/disk.ts';
import { dieWithParent } from './parent-death.ts';
import { releaseStartupPages } from './startup-pages.ts';

/** Opens the port, then sleeps for ever: one row a second, no data, no work. */
const SERVE =
  'SYSTEM START LISTEN HTTP; SELECT sleepEachRow(1) FROM system.numbers ' +
  'SETTINGS max_block_size = 1, max_threads = 1, max_execution_time = 0, ' +
  'function_sleep_max_microseconds_per_block = 0, log_queries = 0 FORMAT Null';

/** How often the parent's life is asked after, should standard input have been kept open, ms. */
const PARENT_CHECK_MS = 1_000;

const die = (): void => void sendSignal(processId, 'SIGKILL');

const [library, configPath, directory] = commandLine();
if (library === undefined || configPath === undefined || directory === undefined) die();

const parent = parentProcessId();
dieWithParent();
// Dead already, before it could be asked for.
if (parentProcessId() !== parent) die();
systemClock.setRepeating(PARENT_CHECK_MS, () => {
  if (parentProcessId() !== parent) die();
});
const input = standardInput();
input.on('end', die);
input.on('close', die);
input.on('error', die);
// The parent's only word is that the engine answers: what memory only the start needed can go.
input.once('data', () => {
  void systemDisk
    .readFile('/proc/self/maps')
    .then((maps) => releaseStartupPages(maps.toString('utf8'), library as string))
    .catch(() => undefined); // Only Linux has it, and only memory is at stake.
});
// A terminal's Ctrl-C reaches the whole group: the parent decides when we end, it may still drain.
onSignals(['SIGINT', 'SIGHUP'], () => undefined);
onSignals(['SIGTERM'], die);

open({ library: 'chdb', path: library as string });
const words = [
  'clickhouse',
  `--config-file=${configPath}`,
  `--path=${directory}/`,
  '--query',
  SERVE,
];
// Answers when the engine has ended, which is always a failure: the reason is on standard error.
await load({
  library: 'chdb',
  funcName: 'chdb_query_cmdline',
  retType: DataType.External,
  paramsType: [DataType.I32, DataType.StringArray],
  paramsValue: [words.length, words],
  runInNewThread: true,
});
die();
