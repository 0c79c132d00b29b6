import { createHash, hkdfSync } from 'node:crypto';
import type { ChildProcess } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { LIMITS } from '../../model/limits.ts';
import { MeshtrailError } from '../../model/errors.ts';
import type { Keyring } from '../../model/storage.ts';
import { nodeProgram, startProgram } from '../../platform/processes.ts';
import { systemSockets } from '../../platform/sockets.ts';
import { EngineClient, readSilenceMs } from './client.ts';
import { diskKeyVariable, renderEngineFiles, type EngineLimits } from './config.ts';
import type { EngineOptions } from './engine.ts';
import { engineLibrary } from './library.ts';

/** One start of the embedded engine, until it ends. */
export interface EngineProcess {
  readonly processId: number;
  readonly port: number;
  readonly version: string;
  readonly writer: EngineClient;
  readonly reader: EngineClient;
  /** Disks 1 to this are loaded. */
  readonly disks: number;
  /** Resolves when the process is gone, whoever ended it. */
  readonly ended: Promise<void>;
  kill(): Promise<void>;
}

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
/** Lines of the engine's standard error that are kept to explain a failed start. */
const KEPT_LINES = 20;
const LINE_BYTES = 1_000;
const POLL_MS = 20;
/** How often one part of the engine may say something, and how many parts are told apart. */
const REPEAT_MS = 60_000;
const KEPT_PARTS = 100;

type Options = Pick<
  EngineOptions,
  'dataDirectory' | 'keyring' | 'clock' | 'disk' | 'log' | 'random'
>;

/**
 * Starts the engine with disks 1 to `disks` and waits until it answers. Throws
 * `engine_unavailable` with what the engine said when it ends before that.
 */
export async function startEngineProcess(
  options: Options,
  disks: number,
  limits: EngineLimits,
): Promise<EngineProcess> {
  const directory = `${options.dataDirectory}/engine`;
  const passwords = { writer: options.random.hex(24), reader: options.random.hex(24) };
  const port = await freePort();
  const files = renderEngineFiles({
    directory,
    port,
    disks,
    limits,
    writerPasswordHash: sha256(passwords.writer),
    readerPasswordHash: sha256(passwords.reader),
  });
  await options.disk.makeDirectory(`${directory}/disks`);
  await options.disk.replaceFile(`${directory}/config.xml`, files.configXml);
  await options.disk.replaceFile(`${directory}/users.xml`, files.usersXml);
  const env = await diskKeys(options.keyring, disks);
  const words = [CHILD, engineLibrary(), `${directory}/config.xml`, directory];
  const child = startProgram(nodeProgram(), words, {
    cwd: directory,
    env: { ...env, TZ: 'UTC', NODE_OPTIONS: '' },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const said = watchStandardError(child, options);
  const url = `http://127.0.0.1:${port}`;
  const connect = (user: 'writer' | 'reader'): EngineClient =>
    new EngineClient({
      url,
      user,
      password: passwords[user],
      ...(user === 'reader' && { silenceMs: readSilenceMs() }),
    });
  const clients = { writer: connect('writer'), reader: connect('reader') };
  let gone = false;
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      gone = true;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  }).then(async () => {
    await Promise.all([clients.writer.close(), clients.reader.close()]);
  });
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  // Once the child is gone its end of the pipe is too.
  child.stdin?.on('error', () => undefined);
  const version = await waitForAnswer(clients.writer, options, () => gone);
  if (version === undefined) {
    await kill();
    throw new MeshtrailError(
      'engine_unavailable',
      `the engine did not start: ${said.join(' ') || 'it said nothing'}`,
      'Is another server using this data directory?',
    );
  }
  child.stdin?.write('started\n');
  return { processId: child.pid ?? 0, port, version, ...clients, disks, ended, kill };
}

async function waitForAnswer(
  client: EngineClient,
  { clock }: Options,
  isGone: () => boolean,
): Promise<string | undefined> {
  const deadlineMs = clock.monotonicMs() + LIMITS.engineStartMs;
  while (!isGone() && clock.monotonicMs() < deadlineMs) {
    try {
      const [row] = await client.rows('SELECT version()');
      return String(row?.[0]);
    } catch {
      await clock.sleep(POLL_MS);
    }
  }
  return undefined;
}

/** The engine's keys are derived, so that the bucket's own key never leaves this process. */
async function diskKeys(keyring: Keyring, disks: number): Promise<Record<string, string>> {
  const numbers = Array.from({ length: disks }, (_, index) => index + 1);
  const keys: Record<string, string> = {};
  await Promise.all(
    numbers.map(async (disk) => {
      const key = hkdfSync('sha256', await keyring.dataKey(disk), '', 'meshtrail engine disk', 32);
      keys[diskKeyVariable(disk)] = Buffer.from(key).toString('hex');
    }),
  );
  return keys;
}

/** Warnings of the engine go into our log; its queries' texts never do (config.ts). */
function watchStandardError(child: ChildProcess, { log, clock }: Options): string[] {
  const kept: string[] = [];
  const heard = new Map<string, number>();
  let rest = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(0, LINE_BYTES);
    for (const line of lines) {
      const shown = line.slice(0, LINE_BYTES).trim();
      if (shown === '') continue;
      kept.push(shown);
      if (kept.length > KEPT_LINES) kept.shift();
      const [, level, text = ''] = /<(Warning|Error|Critical|Fatal)> (.*)/.exec(shown) ?? [];
      if (level === undefined) continue;
      // A part of the engine that repeats itself is heard once a minute.
      const part = text.slice(0, text.indexOf(':'));
      const nowMs = clock.monotonicMs();
      if (nowMs - (heard.get(part) ?? -Infinity) < REPEAT_MS) continue;
      if (heard.size >= KEPT_PARTS) heard.clear();
      heard.set(part, nowMs);
      log.warn('the engine says', { level, text });
    }
  });
  return kept;
}

/** A port of loopback that nobody has now; the start fails and is repeated should that change. */
async function freePort(): Promise<number> {
  const server = systemSockets.tcpServer({}, () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  return port;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
