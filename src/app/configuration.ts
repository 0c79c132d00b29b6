import { z } from 'zod';
import { MeshtrailError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import {
  bytesOfSize,
  isSize,
  readConfigurationText,
  sizeSchema as size,
} from '../platform/configuration-file.ts';
import { formatSchema, type ConfiguredFormat } from './configured-formats.ts';

/**
 * The configuration: one YAML file, `MESHTRAIL_*` variables, flags; later ones win. Errors name
 * line, column, what stands there and what is allowed.
 */
export const PORTS = {
  elasticsearch: 9200,
  loki: 3100,
  'otlp-grpc': 4317,
  'otlp-http': 4318,
  forward: 24_224,
  lumberjack: 5044,
  hec: 8088,
  datadog: 10_518,
  gelf: 12_201,
  syslog: 5140,
  'syslog-tls': 6514,
  relp: 2514,
  raw: 5170,
  journald: 19_532,
  zipkin: 9411,
  'jaeger-http': 14_268,
  'jaeger-grpc': 14_250,
  'jaeger-compact': 6831,
  'jaeger-binary': 6832,
  als: 9001,
} as const;

export type PortName = keyof typeof PORTS;

const port = z.union([z.int().min(0).max(65_535), z.literal('off')], {
  error: 'a port is a number from 0 to 65535, or off',
});
const onOff = z
  .union([z.boolean(), z.enum(['on', 'off'])], { error: 'on or off' })
  .transform((v) => v === true || v === 'on');

const snake = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const limitNames = new Map(Object.keys(LIMITS).map((name) => [snake(name), name]));
const limitShape = Object.fromEntries(
  [...limitNames.keys()].map((n) => [n, z.int().min(1).optional()]),
);
const portShape = Object.fromEntries(Object.keys(PORTS).map((n) => [n, port.optional()]));

const fileSchema = z.strictObject({
  listen: z.string().optional(),
  data: z.string().min(1).optional(),
  dev: z.boolean().optional(),
  insecure_listen: z.boolean().optional(),
  native_ports: onOff.optional(),
  node: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .optional(),
  threads: z.int().min(1).max(LIMITS.decodeThreads).optional(),
  tls: z
    .strictObject({ cert: z.string(), key: z.string(), client_ca: z.string().optional() })
    .optional(),
  ports: z.strictObject(portShape).optional(),
  engine: z
    .strictObject({
      url: z.string().optional(),
      user: z.string().optional(),
      password_file: z.string().optional(),
      memory_bytes: size.optional(),
      threads: z.int().min(1).max(256).optional(),
    })
    .optional(),
  journal: z.strictObject({ max_bytes: size.optional() }).optional(),
  redaction: z.enum(['default', 'off']).optional(),
  loki: z
    .strictObject({
      discover_service_name: z.boolean().optional(),
      discover_log_levels: z.boolean().optional(),
    })
    .optional(),
  forward: z.strictObject({ user_auth: onOff.optional() }).optional(),
  formats: z.record(z.string(), formatSchema).optional(),
  limits: z.strictObject(limitShape).optional(),
});

export type ConfigurationFile = z.infer<typeof fileSchema>;

export interface Configuration {
  readonly host: string;
  readonly port: number;
  readonly data: string;
  readonly dev: boolean;
  readonly insecureListen: boolean;
  readonly nativePorts: boolean;
  /** Name of this node in lanes; undefined: the one that the data directory remembers. */
  readonly node: string | undefined;
  readonly threads: number;
  readonly tls:
    { readonly cert: string; readonly key: string; readonly clientCa?: string } | undefined;
  readonly ports: Readonly<Record<PortName, number | 'off'>>;
  readonly engine: {
    /** 'embedded' or the URL of a ClickHouse server. */
    readonly home: string;
    readonly user: string;
    readonly passwordFile: string | undefined;
    readonly memoryBytes: number;
    readonly threads: number;
  };
  readonly journalMaxBytes: number;
  readonly discoverServiceName: boolean;
  readonly discoverLogLevels: boolean;
  /** Forward senders must show a user name and the key as password, beside the shared key. */
  readonly forwardUserAuth: boolean;
  readonly formats: Readonly<Record<string, ConfiguredFormat>>;
  readonly limits: Readonly<Record<string, number>>;
}

/** Flags as the command line gives them; undefined where not given. */
export interface Flags {
  readonly data?: string;
  readonly listen?: string;
  readonly config?: string;
  readonly engine?: string;
  readonly nativePorts?: string;
  readonly dev?: boolean;
  readonly insecureListen?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
}

const refuse = (message: string, hint: string): MeshtrailError =>
  new MeshtrailError('configuration_invalid', message, hint);

/** Reads the YAML text; throws MeshtrailError `configuration_invalid` with every finding. */
export const readConfigurationFile = (text: string, name: string): ConfigurationFile =>
  readConfigurationText(
    fileSchema,
    text,
    name,
    'correct the file; docs/configuration.md lists every key',
  );

/** `HOST:PORT`, `[::1]:PORT` or `:PORT`. */
export const parseListen = (text: string): { host: string; port: number } => {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const portNumber = Number(match?.[3]);
  if (match === null || portNumber > 65_535) {
    throw refuse(`listen: '${text}' is not HOST:PORT`, 'for example 127.0.0.1:7280');
  }
  return {
    host: match[1] ?? (match[2] === '' ? '127.0.0.1' : (match[2] as string)),
    port: portNumber,
  };
};

const flagOf = (value: string | undefined, name: string): boolean | undefined => {
  if (value === undefined || value === '') return undefined;
  if (['1', 'true', 'on', 'yes'].includes(value.toLowerCase())) return true;
  if (['0', 'false', 'off', 'no'].includes(value.toLowerCase())) return false;
  throw refuse(`${name}: '${value}' is neither on nor off`, `use ${name}=on or ${name}=off`);
};

const sizeOf = (value: string | undefined, name: string): number | undefined => {
  if (value === undefined) return undefined;
  if (isSize(value)) return bytesOfSize(value);
  throw refuse(`${name}: '${value}' is not a size`, `for example ${name}=512MiB`);
};

/** Lays flags over variables over the file over the defaults. */
export const settle = (
  flags: Flags,
  env: (name: string) => string | undefined,
  file: ConfigurationFile,
  machine: { readonly cores: number },
): Configuration => {
  const listen = parseListen(
    flags.listen ?? env('MESHTRAIL_LISTEN') ?? file.listen ?? '127.0.0.1:7280',
  );
  const cert = flags.tlsCert ?? env('MESHTRAIL_TLS_CERT') ?? file.tls?.cert;
  const key = flags.tlsKey ?? env('MESHTRAIL_TLS_KEY') ?? file.tls?.key;
  const clientCa = flags.tlsClientCa ?? env('MESHTRAIL_TLS_CLIENT_CA') ?? file.tls?.client_ca;
  if ((cert === undefined) !== (key === undefined)) {
    throw refuse('TLS needs both a certificate and its key', 'give --tls-cert and --tls-key');
  }
  const limits: Record<string, number> = {};
  for (const [name, value] of Object.entries(file.limits ?? {})) {
    if (typeof value === 'number') limits[limitNames.get(name) ?? name] = value;
  }
  const ports = Object.fromEntries(
    Object.entries(PORTS).map(([name, standard]) => {
      const chosen = (file.ports as Record<string, number | 'off' | undefined> | undefined)?.[name];
      return [name, chosen ?? standard];
    }),
  ) as Record<PortName, number | 'off'>;
  return {
    ...listen,
    data: flags.data ?? env('MESHTRAIL_DATA') ?? file.data ?? './data',
    dev: flags.dev ?? flagOf(env('MESHTRAIL_DEV'), 'MESHTRAIL_DEV') ?? file.dev ?? false,
    insecureListen:
      flags.insecureListen ??
      flagOf(env('MESHTRAIL_INSECURE_LISTEN'), 'MESHTRAIL_INSECURE_LISTEN') ??
      file.insecure_listen ??
      false,
    nativePorts:
      flagOf(flags.nativePorts, '--native-ports') ??
      flagOf(env('MESHTRAIL_NATIVE_PORTS'), 'MESHTRAIL_NATIVE_PORTS') ??
      file.native_ports ??
      true,
    node: env('MESHTRAIL_NODE') ?? file.node,
    threads: file.threads ?? Math.max(1, Math.min(LIMITS.decodeThreads, machine.cores - 1)),
    tls:
      cert === undefined || key === undefined
        ? undefined
        : { cert, key, ...(clientCa !== undefined && { clientCa }) },
    ports,
    engine: {
      home: flags.engine ?? env('MESHTRAIL_ENGINE') ?? file.engine?.url ?? 'embedded',
      user: env('MESHTRAIL_ENGINE_USER') ?? file.engine?.user ?? 'default',
      passwordFile: env('MESHTRAIL_ENGINE_PASSWORD_FILE') ?? file.engine?.password_file,
      memoryBytes: bytesOfSize(file.engine?.memory_bytes ?? 600 * 2 ** 20),
      threads: file.engine?.threads ?? machine.cores,
    },
    journalMaxBytes:
      sizeOf(env('MESHTRAIL_JOURNAL_MAX_BYTES'), 'MESHTRAIL_JOURNAL_MAX_BYTES') ??
      bytesOfSize(file.journal?.max_bytes ?? 4 * 2 ** 30),
    discoverServiceName: file.loki?.discover_service_name ?? true,
    discoverLogLevels: file.loki?.discover_log_levels ?? true,
    forwardUserAuth: file.forward?.user_auth ?? false,
    formats: file.formats ?? {},
    limits,
  };
};
