import { z } from 'zod';
import { NORMALIZERS } from '../ingest/normalize/all.ts';
import { MeshtrailError } from '../model/errors.ts';
import { isLoopback } from '../platform/sockets.ts';
import type { FollowOptions, InputOptions } from './input-options.ts';

/** The part of the configuration that says what is read; input-options.ts tells the defaults. */
const FORMATS = NORMALIZERS.map(({ name }) => name);

const ms = z.int().min(0).max(31_536_000_000);
const strings = z.array(z.string().min(1));

const multiline = z.union(
  [
    z.enum(['auto', 'none']),
    z.strictObject({
      start: z.string().min(1).optional(),
      continues: z.string().min(1).optional(),
      end: z.string().min(1).optional(),
      flush_ms: z.int().min(1).max(600_000).optional(),
      max_lines: z.int().min(1).max(65_536).optional(),
    }),
  ],
  { error: 'multiline is auto, none, or patterns: start, continues, end' },
);

const lines = { multiline: multiline.optional(), format: z.enum(FORMATS).optional() };

const follow = {
  exclude: strings.optional(),
  start_at: z.enum(['beginning', 'end']).optional(),
  ignore_older_ms: ms.optional(),
  close_inactive_ms: ms.optional(),
  discover_ms: z.int().min(100).max(3_600_000).optional(),
  partial_line_ms: ms.optional(),
  gzip: z.boolean().optional(),
};

const kubernetes = z.strictObject({
  url: z.string().optional(),
  token_file: z.string().optional(),
  ca_file: z.string().optional(),
  node: z.string().optional(),
  labels: strings.optional(),
  annotations: strings.optional(),
  wait_ms: ms.optional(),
});

const address = z.strictObject({
  transport: z.enum(['tcp', 'udp']),
  host: z.string().optional(),
  port: z.int().min(0).max(65_535),
});

const INSECURE = 'insecure_listen: true says that anybody on the network may write here';

/** The schema of one input; `processing` is what every kind has besides. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- zod infers it
export const inputSchema = <P extends z.core.$ZodShape>(processing: P) => {
  const all = {
    name: z
      .string()
      .regex(/^[a-z0-9_-]{1,64}$/, 'a name is small letters, digits, _ and -')
      .optional(),
    ...processing,
  };
  return z.discriminatedUnion(
    'kind',
    [
      z.strictObject({
        kind: z.literal('file'),
        include: strings.min(1),
        encoding: z.enum(['auto', 'utf-8', 'utf-16le', 'utf-16be', 'latin1']).optional(),
        ...follow,
        ...lines,
        ...all,
      }),
      z.strictObject({
        kind: z.literal('container'),
        include: strings.min(1).optional(),
        runtime: z.enum(['auto', 'cri', 'docker']).optional(),
        kubernetes: z.union([z.boolean(), kubernetes]).optional(),
        ...follow,
        ...lines,
        ...all,
      }),
      z.strictObject({
        kind: z.literal('journald'),
        units: strings.optional(),
        directory: z.string().optional(),
        namespace: z.string().optional(),
        matches: strings.optional(),
        start_at: z.enum(['beginning', 'end']).optional(),
        program: z.string().optional(),
        ...all,
      }),
      z.strictObject({
        kind: z.literal('syslog'),
        listen: z.array(address).min(1),
        insecure_listen: z.boolean().optional(),
        ...all,
      }),
      z.strictObject({
        kind: z.literal('otlp'),
        host: z.string().optional(),
        port: z.int().min(0).max(65_535).optional(),
        insecure_listen: z.boolean().optional(),
        ...all,
      }),
      z.strictObject({ kind: z.literal('stdin'), ...lines, ...all }),
      z.strictObject({
        kind: z.literal('exec'),
        command: strings.min(1),
        directory: z.string().optional(),
        interval_ms: z.int().min(100).max(86_400_000).optional(),
        timeout_ms: z.int().min(100).max(86_400_000).optional(),
        ...lines,
        ...all,
      }),
    ],
    { error: 'kind is file, container, journald, syslog, otlp, stdin or exec' },
  );
};

type Input = z.infer<ReturnType<typeof inputSchema<{ service: z.ZodOptional<z.ZodString> }>>>;
type Kind<K extends Input['kind']> = Extract<Input, { kind: K }>;

/** With all defaults; throws `configuration_invalid` for what no schema can say. */
export const inputOptionsOf = (input: Input, file: string): InputOptions => {
  const name = input.name ?? input.kind;
  switch (input.kind) {
    case 'file':
      return {
        ...{ kind: 'file', name, include: input.include, encoding: input.encoding ?? 'auto' },
        ...followOf(input),
        ...linesOf(input, name, file),
      };
    case 'container':
      return {
        ...{ kind: 'container', name, include: input.include ?? ['/var/log/containers/*.log'] },
        runtime: input.runtime ?? 'auto',
        kubernetes: kubernetesOf(input.kubernetes),
        ...followOf(input),
        ...linesOf(input, name, file),
      };
    case 'journald':
      return {
        ...{ kind: 'journald', name, units: input.units ?? [], directory: input.directory },
        ...{ namespace: input.namespace, matches: input.matches ?? [] },
        ...{ startAt: input.start_at ?? 'end', program: input.program ?? 'journalctl' },
      };
    case 'syslog': {
      const listen = input.listen.map((one) => ({ ...one, host: one.host ?? '127.0.0.1' }));
      for (const { host } of listen) refuseWide(host, input.insecure_listen, name, file);
      return { kind: 'syslog', name, listen };
    }
    case 'otlp': {
      const host = input.host ?? '127.0.0.1';
      refuseWide(host, input.insecure_listen, name, file);
      return { kind: 'otlp', name, host, port: input.port ?? 4318 };
    }
    case 'stdin':
      return { kind: 'stdin', name, ...linesOf(input, name, file) };
    case 'exec':
      return {
        ...{ kind: 'exec', name, command: input.command, directory: input.directory },
        ...{ intervalMs: input.interval_ms, timeoutMs: input.timeout_ms ?? 60_000 },
        ...linesOf(input, name, file),
      };
  }
};

const refuseWide = (
  host: string,
  allowed: boolean | undefined,
  name: string,
  file: string,
): void => {
  if (isLoopback(host) || allowed === true) return;
  throw refuse(`${file}: inputs: ${name} would listen on ${host} without any key`, INSECURE);
};

const refuse = (message: string, hint: string): MeshtrailError =>
  new MeshtrailError('configuration_invalid', message, hint);

const followOf = (input: Kind<'file'> | Kind<'container'>): Omit<FollowOptions, 'include'> => ({
  exclude: input.exclude ?? [],
  startAt: input.start_at ?? 'beginning',
  ignoreOlderMs: input.ignore_older_ms ?? 0,
  closeInactiveMs: input.close_inactive_ms ?? 300_000,
  discoverMs: input.discover_ms ?? 5_000,
  partialLineMs: input.partial_line_ms ?? 30_000,
  gzip: input.gzip ?? true,
});

type Lines = Pick<Kind<'stdin'>, 'multiline' | 'format'>;

const linesOf = (
  { multiline: found = 'auto', format }: Lines,
  name: string,
  file: string,
): Pick<Extract<InputOptions, { kind: 'stdin' }>, 'multiline' | 'format'> => {
  if (typeof found === 'string') return { multiline: found, format };
  const { start, continues, end, flush_ms: flushMs, max_lines: maxLines } = found;
  if (start === undefined && continues === undefined && end === undefined) {
    throw refuse(
      `${file}: inputs: ${name}: multiline has no pattern`,
      'give start, continues or end, or say auto',
    );
  }
  const patterns = { start, continues, end };
  return {
    multiline: { ...patterns, flushMs: flushMs ?? 1_000, maxLines: maxLines ?? 1_000 },
    format,
  };
};

const kubernetesOf = (
  said: Kind<'container'>['kubernetes'],
): Extract<InputOptions, { kind: 'container' }>['kubernetes'] => {
  if (said === undefined || said === false) return undefined;
  const told = said === true ? {} : said;
  return {
    ...{ url: told.url, tokenFile: told.token_file, caFile: told.ca_file, node: told.node },
    ...{ labels: told.labels ?? [], annotations: told.annotations ?? [] },
    waitMs: told.wait_ms ?? 5_000,
  };
};
