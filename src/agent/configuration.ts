import { z } from 'zod';
import type { AgentPacking } from '../model/agent-batch.ts';
import { MeshtrailError } from '../model/errors.ts';
import { LIMITS } from '../model/limits.ts';
import { bytesOfSize, readConfigurationText, sizeSchema } from '../platform/configuration-file.ts';
import { isLoopback } from '../platform/sockets.ts';
import type { CloudName } from './cloud.ts';
import { SEVERITY_WORDS, severityNumber, type ConditionOptions } from './condition.ts';
import { inputSchema, inputOptionsOf } from './configuration-inputs.ts';
import type { EventFields } from './input.ts';
import type { InputOptions } from './input-options.ts';
import type { ProcessingOptions } from './processing.ts';

/** The agent's configuration: one YAML file. docs/agent.md lists every key. */
const condition = z.strictObject({
  line: z.string().min(1).optional(),
  severity_below: z.enum(SEVERITY_WORDS).optional(),
  severity_at_least: z.enum(SEVERITY_WORDS).optional(),
  fields: z.record(z.string(), z.string()).optional(),
});
const rule = z.union(
  [z.strictObject({ exclude: condition }), z.strictObject({ include: condition })],
  { error: 'a rule is exclude or include, and its condition' },
);
const labels = z.record(z.string().regex(/^[A-Za-z_][\w.-]{0,255}$/), z.string());
const ms = z.int().min(1).max(86_400_000);

export const processingShape = {
  service: z.string().min(1).optional(),
  labels: labels.optional(),
  rules: z.array(rule).optional(),
  sample: z
    .strictObject({
      keep: z.number().min(0).max(1),
      always: z.enum(SEVERITY_WORDS).optional(),
      when: condition.optional(),
    })
    .optional(),
  rate_limit: z
    .strictObject({
      events_per_second: z.number().gt(0),
      burst: z.number().min(1).optional(),
    })
    .optional(),
};

const fileSchema = z.strictObject({
  servers: z
    .array(
      z.string().regex(/^https?:\/\/[^\s@]+$/, 'a server is http(s)://HOST:PORT, without a key'),
    )
    .min(1, 'at least one server'),
  key_file: z.string().optional(),
  key_env: z.string().optional(),
  tenant: z.string().min(1).optional(),
  tls: z
    .strictObject({
      ca: z.string().optional(),
      cert: z.string().optional(),
      key: z.string().optional(),
    })
    .optional(),
  data: z.string().min(1),
  host: z.string().min(1).max(253).optional(),
  listen: z.string().optional(),
  cloud: z.enum(['off', 'auto', 'aws', 'gcp', 'azure']).optional(),
  labels: labels.optional(),
  labels_from_environment: z.record(z.string(), z.string().min(1)).optional(),
  inputs: z.array(inputSchema(processingShape)).min(1, 'at least one input'),
  buffer: z
    .strictObject({ max_bytes: sizeSchema.optional(), root_key_file: z.string().optional() })
    .optional(),
  batch: z
    .strictObject({
      bytes: sizeSchema.optional(),
      wait_ms: ms.optional(),
      compression: z.enum(['zstd', 'gzip', 'off']).optional(),
    })
    .optional(),
  delivery: z
    .strictObject({
      requests: z.int().min(1).max(16).optional(),
      timeout_ms: ms.optional(),
      backoff_ms: ms.optional(),
      backoff_max_ms: ms.optional(),
    })
    .optional(),
});

type File = z.infer<typeof fileSchema>;
export type FileInput = File['inputs'][number];

export interface InputConfiguration {
  readonly options: InputOptions;
  readonly processing: ProcessingOptions;
  /** What the operator says about all its events. */
  readonly fields: EventFields;
}

export interface AgentConfiguration {
  readonly servers: readonly URL[];
  readonly keyFile: string | undefined;
  /** Name of the variable that holds the key. */
  readonly keyVariable: string;
  readonly tenant: string | undefined;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly data: string;
  readonly host: string | undefined;
  /** Where /metrics and /healthz are served; undefined: nowhere. */
  readonly listen: { readonly host: string; readonly port: number } | undefined;
  readonly cloud: CloudName | 'off' | 'auto';
  readonly labels: EventFields;
  /** Variable by label. */
  readonly labelsFromEnvironment: Readonly<Record<string, string>>;
  readonly inputs: readonly InputConfiguration[];
  readonly bufferMaxBytes: number;
  readonly rootKeyFile: string | undefined;
  readonly batchBytes: number;
  readonly batchWaitMs: number;
  readonly packing: AgentPacking;
  readonly requests: number;
  readonly timeoutMs: number;
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

const HINT = 'correct the file; docs/agent.md lists every key';

/** Throws MeshtrailError `configuration_invalid` with every finding. */
export const readAgentConfiguration = (text: string, name: string): AgentConfiguration => {
  const file = readConfigurationText(fileSchema, text, name, HINT);
  const names = file.inputs.map((input) => input.name ?? input.kind);
  const twice = names.find((one, at) => names.indexOf(one) !== at);
  if (twice !== undefined) {
    throw refuse(`${name}: two inputs are called '${twice}'`, 'give each input a name of its own');
  }
  if ((file.tls?.cert === undefined) !== (file.tls?.key === undefined)) {
    throw refuse(`${name}: tls needs both a certificate and its key`, 'give tls.cert and tls.key');
  }
  const { delivery, batch, buffer } = file;
  return {
    servers: file.servers.map((server) => serverOf(server, name)),
    keyFile: file.key_file,
    keyVariable: file.key_env ?? 'MESHTRAIL_KEY',
    tenant: file.tenant,
    tls: tlsOf(file.tls),
    data: file.data,
    host: file.host,
    listen: listenOf(file.listen ?? '127.0.0.1:7281', name),
    cloud: file.cloud ?? 'off',
    labels: file.labels ?? {},
    labelsFromEnvironment: file.labels_from_environment ?? {},
    inputs: file.inputs.map((input) => ({
      options: inputOptionsOf(input, name),
      processing: processingOf(input),
      fields: { ...(input.service !== undefined && { service: input.service }), ...input.labels },
    })),
    bufferMaxBytes: bufferBytes(buffer?.max_bytes ?? 2 ** 30, name),
    rootKeyFile: buffer?.root_key_file,
    batchBytes: Math.min(bytesOfSize(batch?.bytes ?? 2 ** 20), MOST_BATCH_BYTES),
    batchWaitMs: batch?.wait_ms ?? 250,
    packing: batch?.compression === 'off' ? 'identity' : (batch?.compression ?? 'zstd'),
    requests: delivery?.requests ?? 2,
    timeoutMs: delivery?.timeout_ms ?? 60_000,
    backoffMs: delivery?.backoff_ms ?? 500,
    backoffMaxMs: delivery?.backoff_max_ms ?? 30_000,
  };
};

/** Larger ones would only hold memory: two are under way, and two are being filled. */
const MOST_BATCH_BYTES = 8 * 2 ** 20;

/** A batch holds one relayed request at least, and the buffer two batches. */
const LEAST_BUFFER_BYTES = 2 * LIMITS.agentRequestBytes;

const bufferBytes = (size: string | number, name: string): number => {
  const bytes = bytesOfSize(size);
  if (bytes >= LEAST_BUFFER_BYTES) return bytes;
  throw refuse(`${name}: buffer.max_bytes: ${size} is less than ${LEAST_BUFFER_BYTES} bytes`);
};

const refuse = (message: string, hint = HINT): MeshtrailError =>
  new MeshtrailError('configuration_invalid', message, hint);

const serverOf = (text: string, name: string): URL => {
  if (!URL.canParse(text)) throw refuse(`${name}: servers: '${text}' is no URL`);
  return new URL(text);
};

const tlsOf = (tls: File['tls']): AgentConfiguration['tls'] => ({
  ...(tls?.ca !== undefined && { ca: tls.ca }),
  ...(tls?.cert !== undefined && { cert: tls.cert }),
  ...(tls?.key !== undefined && { key: tls.key }),
});

const listenOf = (text: string, name: string): AgentConfiguration['listen'] => {
  if (text === 'off') return undefined;
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw refuse(
      `${name}: listen: '${text}' is not HOST:PORT`,
      'for example 127.0.0.1:7281, or off',
    );
  }
  if (!isLoopback(host)) {
    throw refuse(
      `${name}: listen: /metrics is shown without a key, so not on ${host}`,
      'listen on 127.0.0.1, or turn it off',
    );
  }
  return { host, port };
};

const processingOf = (input: FileInput): ProcessingOptions => {
  const { sample, rate_limit: rate } = input;
  return {
    rules: (input.rules ?? []).map((one) =>
      'exclude' in one
        ? { exclude: conditionOf(one.exclude) }
        : { include: conditionOf(one.include) },
    ),
    sample: sample && {
      keep: sample.keep,
      alwaysSeverity: severityNumber(sample.always ?? 'error'),
      when: sample.when && conditionOf(sample.when),
    },
    rateLimit: rate && {
      eventsPerSecond: rate.events_per_second,
      burst: rate.burst ?? Math.max(1, rate.events_per_second),
    },
  };
};

const conditionOf = (file: z.infer<typeof condition>): ConditionOptions => ({
  line: file.line,
  severityBelow: file.severity_below,
  severityAtLeast: file.severity_at_least,
  fields: file.fields,
});
