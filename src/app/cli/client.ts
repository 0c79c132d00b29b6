import type { Command } from 'commander';
import { MeshtrailError } from '../../model/errors.ts';
import { systemEnvironment } from '../../platform/environment.ts';
import { systemSockets } from '../../platform/sockets.ts';

/** The server that client commands talk to. */
export interface Target {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TargetFlags {
  readonly url?: string;
  readonly tenant?: string;
}

export const addTargetOptions = (command: Command): Command =>
  command
    .option(
      '--url <url>',
      'address of the server (default $MESHTRAIL_URL or http://127.0.0.1:7280)',
    )
    .option('--tenant <name>', "tenant to ask for (default: the server's default tenant)");

export const targetOf = (flags: TargetFlags): Target => {
  const text = flags.url ?? systemEnvironment.get('MESHTRAIL_URL') ?? 'http://127.0.0.1:7280';
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new MeshtrailError(
      'url_invalid',
      `'${text}' is not a URL`,
      'for example --url http://127.0.0.1:7280',
    );
  }
  const key = systemEnvironment.get('MESHTRAIL_KEY');
  const headers: Record<string, string> = {};
  if (key !== undefined && key !== '') headers['authorization'] = `Bearer ${key}`;
  if (flags.tenant !== undefined) headers['x-scope-orgid'] = flags.tenant;
  return { url, headers };
};

const explain = (status: number): string => {
  if (status === 401) return 'set MESHTRAIL_KEY to the administrator key';
  if (status === 429 || status === 503) return 'the server is busy: try again in a moment';
  if (status === 404) return 'is this a Meshtrail server? check --url';
  return 'see the message above';
};

/** Sends a request; throws MeshtrailError with the server's own words when it refuses. */
export const ask = async (
  target: Target,
  path: string,
  init: RequestInit = {},
): Promise<Response> => {
  const url = new URL(path, target.url);
  const headers = { ...target.headers, ...(init.headers as Record<string, string> | undefined) };
  let response: Response;
  try {
    response = await systemSockets.fetch(url, { ...init, headers });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : '';
    throw new MeshtrailError(
      'server_unreachable',
      `no answer from ${target.url.origin}${cause === '' ? '' : `: ${cause}`}`,
      'is the server running? start it with: npm start -- --dev',
      { cause: error },
    );
  }
  if (response.ok) return response;
  const words = (await response.text()).trim().slice(0, 2_000);
  throw new RefusedError(
    response.status,
    `${response.status} from ${url.pathname}: ${messageOf(words)}`,
  );
};

export class RefusedError extends MeshtrailError {
  readonly status: number;

  constructor(status: number, message: string) {
    super('server_refused', message, explain(status));
    this.status = status;
  }
}

const messageOf = (words: string): string => {
  try {
    const parsed = JSON.parse(words) as { error?: { message?: string; hint?: string } };
    if (parsed.error?.message === undefined) return words;
    return parsed.error.hint
      ? `${parsed.error.message} (${parsed.error.hint})`
      : parsed.error.message;
  } catch {
    return words;
  }
};

const UNITS_NS: Readonly<Record<string, bigint>> = {
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
};

/** A span such as `90s`, `1h30m`, `7d`, in nanoseconds. */
export const parseSpan = (text: string): bigint => {
  const parts = [...text.matchAll(/(\d+)([smhdw])/gy)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text) {
    throw new MeshtrailError(
      'span_invalid',
      `'${text}' is not a span of time`,
      'for example 30m, 6h, 7d',
    );
  }
  return parts.reduce(
    (sum, [, count, unit]) => sum + BigInt(count as string) * (UNITS_NS[unit as string] as bigint),
    0n,
  );
};

/** A time: RFC 3339, epoch seconds, or epoch nanoseconds; result in nanoseconds. */
export const parseTime = (text: string): bigint => {
  if (/^\d{16,19}$/.test(text)) return BigInt(text);
  if (/^\d{9,11}$/.test(text)) return BigInt(text) * 1_000_000_000n;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) {
    throw new MeshtrailError(
      'time_invalid',
      `'${text}' is not a time`,
      'for example 2026-01-31T12:00:00Z, or epoch seconds',
    );
  }
  return BigInt(ms) * 1_000_000n;
};

/** Nanoseconds since 1970 as RFC 3339 UTC with nine digits. */
export const formatTime = (ns: bigint): string => {
  const seconds = ns / 1_000_000_000n;
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${text}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`;
};
