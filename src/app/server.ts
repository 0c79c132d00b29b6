import { isAbsolute, join, resolve } from 'node:path';
import { createDecoders, type Decoders, type SharedSecret } from '../ingest/decode/all.ts';
import { Budget } from '../ingest/receive/budget.ts';
import type { TlsFiles } from '../ingest/receive/tls.ts';
import { MeshtrailError } from '../model/errors.ts';
import { LIMITS, overrideLimits } from '../model/limits.ts';
import { systemClock } from '../platform/clock.ts';
import { isDiskFull, systemDisk } from '../platform/disk.ts';
import { systemEnvironment } from '../platform/environment.ts';
import { createLog, type Log } from '../platform/log.ts';
import { coreCount, hostName, watchEventLoop, workingDirectory } from '../platform/processes.ts';
import { isLoopback } from '../platform/sockets.ts';
import { Acknowledger } from './acknowledge.ts';
import { openAdminKey } from './admin-key.ts';
import { AgentWatermarks } from './agent-watermarks.ts';
import { readConfigurationFile, settle, type Configuration, type Flags } from './configuration.ts';
import { Counters } from './counters.ts';
import { DecodePool } from './decode-pool.ts';
import { Definitions } from './definitions.ts';
import { greet } from './greeting.ts';
import { Intake } from './intake.ts';
import { openListeners, type Listeners } from './listeners.ts';
import { watch } from './gauges.ts';
import { Sources } from './sources.ts';
import { openStorage, type OpenStorage } from './storage.ts';
import { createApi } from './own-api.ts';

/** A running server: everything is wired here, and stopped in the reverse order. */
export interface Server {
  readonly greeting: string;
  /** Says that the greeting is out: `/readyz` answers 200 from now on. */
  announced(): void;
  readonly log: Log;
  readonly listeners: Listeners;
  /** Drains: no new requests, those under way finish, the journal empties as far as time allows. */
  stop(): Promise<void>;
}

/** Time for requests under way when the server stops, ms. */
const GRACE_MS = 2_500;
/** Time for the engine's writer to take what is journalled; the rest waits in the journal. */
const DRAIN_MS = 3_000;

const readPem = async (file: string, what: string): Promise<string> => {
  try {
    return (await systemDisk.readFile(file)).toString('utf8');
  } catch (error) {
    throw new MeshtrailError(
      'tls_file_unreadable',
      `the ${what} ${file} cannot be read: ${error instanceof Error ? error.message : ''}`,
      'check the path and its permissions',
    );
  }
};

const readTls = async (tls: Configuration['tls']): Promise<TlsFiles | undefined> => {
  if (tls === undefined) return undefined;
  return {
    cert: await readPem(tls.cert, 'TLS certificate'),
    key: await readPem(tls.key, 'TLS key'),
    ...(tls.clientCa !== undefined && { clientCa: await readPem(tls.clientCa, 'client CA') }),
  };
};

const readConfiguration = async (flags: Flags): Promise<Configuration> => {
  const env = (name: string): string | undefined => {
    const value = systemEnvironment.get(name);
    return value === '' ? undefined : value;
  };
  const file = flags.config ?? env('MESHTRAIL_CONFIG');
  let text = '';
  if (file !== undefined) {
    try {
      text = (await systemDisk.readFile(file)).toString('utf8');
    } catch (error) {
      throw new MeshtrailError(
        'configuration_unreadable',
        `the configuration ${file} cannot be read: ${error instanceof Error ? error.message : ''}`,
        'check the path and its permissions',
      );
    }
  }
  const parsed = readConfigurationFile(text, file ?? 'configuration');
  return settle(flags, env, parsed, { cores: coreCount() });
};

const refuseWideListening = (config: Configuration): void => {
  if (isLoopback(config.host)) return;
  if (config.dev) {
    throw new MeshtrailError(
      'listen_refused',
      `--dev switches authentication off, so it cannot listen on ${config.host}`,
      'listen on 127.0.0.1, or drop --dev and use the administrator key',
    );
  }
  if (config.tls === undefined && !config.insecureListen) {
    throw new MeshtrailError(
      'listen_refused',
      `listening on ${config.host} without TLS would send logs and keys in clear`,
      'give --tls-cert and --tls-key, or say --insecure-listen',
    );
  }
};

/** Also tries to write there: what follows would fail in words of its own. */
const makeDataDirectory = async (data: string): Promise<void> => {
  const unusable = (what: string, error: unknown): MeshtrailError =>
    new MeshtrailError(
      'data_directory_unusable',
      `the data directory ${data} cannot be ${what}: ${error instanceof Error ? error.message : ''}`,
      'give a directory that this user may write with --data DIR',
    );
  await systemDisk.makeDirectory(data).catch((error: unknown) => {
    throw unusable('made', error);
  });
  const probe = join(data, 'write-probe');
  try {
    await (await systemDisk.open(probe, 'append')).close();
    await systemDisk.unlink(probe);
  } catch (error) {
    // A full disk still has logs to read.
    if (!isDiskFull(error)) throw unusable('written', error);
  }
};

interface Decoding {
  readonly decoders: Decoders;
  readonly acknowledger: Acknowledger;
  readonly pool: DecodePool;
}

/** The decoding threads, and what becomes of their batches. */
const openDecoding = (
  config: Configuration,
  secret: SharedSecret,
  storage: OpenStorage,
  counters: Counters,
  log: Log,
): Decoding => {
  const { discoverServiceName, discoverLogLevels, threads, formats, limits } = config;
  const forward = { userAuth: config.forwardUserAuth };
  const options = { discoverServiceName, discoverLogLevels, secret, forward };
  const decoders = createDecoders(options);
  const streaming = decoders.grpc.filter(({ methods }) => methods.some(({ stream }) => stream));
  const bodies = decoders.http.filter(({ body }) => body !== undefined);
  const patient = new Set(
    [...decoders.streams, ...streaming, ...bodies].map((decoder) => decoder.name),
  );
  const acknowledger = new Acknowledger(storage, counters, systemClock, log, patient, (bucket) =>
    pool.layoutsFull(bucket),
  );
  const pool: DecodePool = new DecodePool(
    threads,
    { decoders: options, formats, limits },
    (result, settleJob) => acknowledger.take(result, settleJob),
    log,
  );
  return { decoders, acknowledger, pool };
};

/** Joins listeners to all of that, and knows how far the sources of agents are stored. */
const openIntake = (
  { pool, acknowledger }: Decoding,
  storage: OpenStorage,
  counters: Counters,
  log: Log,
  sources: Sources,
): Intake => {
  const agents = new AgentWatermarks(storage.watermarks);
  storage.onDurable((batch) => agents.durable(batch));
  const accepts = (): boolean => storage.accepting();
  const definitions = new Definitions(storage.definitions);
  const where = [pool, acknowledger, counters, systemClock, log, accepts] as const;
  return new Intake(...where, sources, agents, definitions);
};

export const startServer = async (flags: Flags): Promise<Server> => {
  const config = await readConfiguration(flags);
  refuseWideListening(config);
  overrideLimits(config.limits);
  const log = createLog(systemEnvironment.get('MESHTRAIL_LOG') === 'debug' ? 'debug' : 'warn');
  const data = isAbsolute(config.data) ? config.data : resolve(workingDirectory(), config.data);
  await makeDataDirectory(data);
  const tls = await readTls(config.tls);
  const counters = new Counters();
  const adminKey = await openAdminKey(
    systemDisk,
    data,
    systemEnvironment.get('MESHTRAIL_ADMIN_KEY'),
    config.dev,
  );
  const storage = await openStorage({ config, data, counters, log, hostName: hostName() });
  const secret = await adminKey.secret(storage.wrapper);
  const decoding = openDecoding(config, secret, storage, counters, log);
  const { decoders, acknowledger, pool } = decoding;
  const budget = new Budget(LIMITS.inFlightBytes);
  const sources = new Sources(storage.sources, systemClock);
  const intake = openIntake(decoding, storage, counters, log, sources);
  const loop = watchEventLoop();
  watch(counters, storage, budget, loop);
  let isStarting = true;
  const api = createApi({
    config,
    storage,
    counters,
    log,
    sources,
    isStarting: () => isStarting,
  });
  const listeners = await openListeners({
    config,
    tls,
    decoders,
    intake,
    api,
    authenticator: adminKey.authenticator,
    budget,
    counters,
    log,
  });
  const stop = async (): Promise<void> => {
    api.stop();
    await listeners.close(GRACE_MS);
    acknowledger.stop();
    await pool.stop();
    sources.stop();
    await storage.stop(DRAIN_MS);
    loop.stop();
  };
  await adminKey.keep(storage.wrapper);
  return {
    greeting: greet({ config, data, storage, listeners, adminKey: adminKey.shown }),
    announced: () => {
      isStarting = false;
    },
    log,
    listeners,
    stop,
  };
};
