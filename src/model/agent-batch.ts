import { LIMITS } from './limits.ts';

/**
 * What our agent sends (`POST /api/v1/agent/batches`), version 1:
 *
 *   'MTA1' | length of the head, u32 little-endian | head, JSON | events, packed as the head says
 *
 * The head stands in front of what is packed, so that the server's main thread can say which
 * numbers it has stored already without unpacking anything. The unpacked events are blocks one
 * after another, as `head.blocks` lists them. An event in a block is
 *
 *   length of the line, LEB128 | line | what the source's `with` says, in this order:
 *     time    u32 seconds, u32 nanoseconds since 1970, little-endian; 2^32 - 1 seconds: unknown
 *     flags   u8: 1 stdout, 2 stderr, 4 cut at the agent's longest line
 *     fields  LEB128 count, then for each name and value, both LEB128 length and bytes
 */
export const AGENT_PATH = '/api/v1/agent/batches';
export const AGENT_TYPE = 'application/vnd.meshtrail.agent.v1';

export const AGENT_FLAG = { stdout: 1, stderr: 2, cut: 4 } as const;
export const AGENT_NO_TIME = 0xffff_ffff;

export type AgentPacking = 'zstd' | 'gzip' | 'identity';

/** Bits of `with`. */
export const AGENT_WITH = { time: 1, flags: 2, fields: 4 } as const;

/**
 * - `line`: text that the source wrote.
 * - `syslog`: one message (RFC 5424 or 3164) without framing.
 * - `otlp`: the body of one OTLP/HTTP request; `request` tells how to read it.
 */
export type AgentContent = 'line' | 'syslog' | 'otlp';

/** One source's part of a batch: events `from` to `from + count - 1`, numbered without gaps. */
export interface AgentSource {
  /** What the agent calls it, the same through restarts and renames. */
  readonly source: string;
  /** `file`, `container`, `journald`, `syslog` ... */
  readonly kind: string;
  /** Where it is read now; '' where that says nothing. */
  readonly path: string;
  readonly content: AgentContent;
  /** Facts about all its events: names of columns or of metadata. */
  readonly fields: Readonly<Record<string, string>>;
  /** The lines' format, where the operator said it; '' else. */
  readonly format: string;
  readonly request?: { readonly path: string; readonly type: string; readonly encoding: string };
  readonly with: number;
  readonly from: number;
  readonly count: number;
  /** When the last of these events was read, nanoseconds since 1970; the time of those without. */
  readonly readNs: bigint;
  /** Events that rules of the agent left out since the source began, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** Bytes lost before they could be read since the source began: truncated or deleted. */
  readonly lostBytes: number;
}

export interface AgentHead {
  /** The agent's own id, drawn at its first start. */
  readonly agent: string;
  readonly host: string;
  readonly version: string;
  readonly packing: AgentPacking;
  /** Bytes that the agent knows to wait behind this batch, in its sources and its buffer. */
  readonly behindBytes: number;
  readonly sources: readonly AgentSource[];
  /** Each an index in `sources`, events, bytes. */
  readonly blocks: readonly (readonly [source: number, count: number, bytes: number])[];
}

const MAGIC = [0x4d, 0x54, 0x41, 0x31];
const PREFIX_BYTES = 8;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

const plain = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;

/** A batch without its packed events. */
export const encodeAgentHead = (head: AgentHead): Uint8Array<ArrayBuffer> => {
  const json = encoder.encode(JSON.stringify(head, plain));
  const out = new Uint8Array(PREFIX_BYTES + json.length);
  out.set(MAGIC);
  new DataView(out.buffer).setUint32(MAGIC.length, json.length, true);
  out.set(json, PREFIX_BYTES);
  return out;
};

export interface AgentBatch {
  readonly head: AgentHead;
  /** The events as packed; a view of the body. */
  readonly packed: Uint8Array;
}

/** Takes a batch apart; why it cannot be, in words, for what is none. Never throws. */
export const parseAgentBatch = (body: Uint8Array): AgentBatch | string => {
  if (body.length < PREFIX_BYTES || MAGIC.some((byte, i) => body[i] !== byte)) {
    return 'the body is no batch of an agent, or of a later version';
  }
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const length = view.getUint32(MAGIC.length, true);
  if (length > LIMITS.agentHeadBytes) return `the head is longer than ${LIMITS.agentHeadBytes}`;
  if (length > body.length - PREFIX_BYTES) return 'the body ends within its head';
  const end = PREFIX_BYTES + length;
  let json: unknown;
  try {
    json = JSON.parse(decoder.decode(body.subarray(PREFIX_BYTES, end)));
  } catch {
    return 'the head is no JSON';
  }
  const head = headOf(json);
  return typeof head === 'string' ? head : { head, packed: body.subarray(end) };
};

const headOf = (json: unknown): AgentHead | string => {
  if (!isObject(json)) return 'the head is no object';
  const { agent, host, version, packing, behindBytes } = json;
  if (!isName(agent) || agent === '' || !isName(host) || !isName(version)) {
    return 'agent, host and version are short texts';
  }
  if (packing !== 'zstd' && packing !== 'gzip' && packing !== 'identity') {
    return 'packing is zstd, gzip or identity';
  }
  if (!isCount(behindBytes)) return 'behindBytes is a count';
  if (!Array.isArray(json['sources']) || json['sources'].length > LIMITS.agentSources) {
    return `sources is a list of at most ${LIMITS.agentSources}`;
  }
  const sources: AgentSource[] = [];
  const names = new Set<string>();
  for (const [at, one] of json['sources'].entries()) {
    const source = sourceOf(one);
    if (typeof source === 'string') return `sources[${at}]: ${source}`;
    if (names.has(source.source)) return `sources[${at}]: the source is there twice`;
    names.add(source.source);
    sources.push(source);
  }
  const blocks = blocksOf(json['blocks'], sources);
  if (typeof blocks === 'string') return blocks;
  return { agent, host, version, packing, behindBytes, sources, blocks };
};

const blocksOf = (
  json: unknown,
  sources: readonly AgentSource[],
): [number, number, number][] | string => {
  if (!Array.isArray(json)) return 'blocks is a list';
  const counts = sources.map(() => 0);
  const blocks: [number, number, number][] = [];
  for (const one of json as unknown[]) {
    if (!Array.isArray(one)) return 'a block is three counts';
    const [source, count, bytes] = one as unknown[];
    if (!isCount(source) || source >= sources.length) return 'a block of no source';
    if (!isCount(count) || !isCount(bytes) || count > bytes) return 'a block is three counts';
    counts[source] = (counts[source] as number) + count;
    blocks.push([source, count, bytes]);
  }
  if (sources.some(({ count }, i) => counts[i] !== count)) return 'blocks and sources disagree';
  return blocks;
};

const sourceOf = (json: unknown): AgentSource | string => {
  if (!isObject(json)) return 'no object';
  const { source, kind, path, content, fields, format, from, count, dropped } = json;
  const { readNs, lostBytes } = json;
  if (!isName(source) || source === '' || !isName(kind)) return 'source and kind are short texts';
  if (typeof path !== 'string' || !isName(format)) return 'path and format are texts';
  if (content !== 'line' && content !== 'syslog' && content !== 'otlp') return 'unknown content';
  if (!isCount(json['with']) || json['with'] > 7) return 'with is of three bits';
  if (!isCount(from) || !isCount(count) || !isCount(from + count))
    return 'from and count are counts';
  if (!isCount(lostBytes)) return 'lostBytes is a count';
  if (typeof readNs !== 'string' || !/^\d{1,18}$|^[1-8]\d{18}$/.test(readNs))
    return 'readNs is a time';
  const texts = textsOf(fields);
  const counts = countsOf(dropped);
  if (texts === undefined || counts === undefined) return 'fields are texts, dropped are counts';
  const request = requestOf(json['request']);
  if (request === undefined && content === 'otlp') return 'request tells how to read it';
  return {
    ...{ source, kind, path, content, format, from, count, lostBytes },
    ...(request && { request }),
    ...{ with: json['with'], fields: texts, dropped: counts, readNs: BigInt(readNs) },
  };
};

const requestOf = (json: unknown): AgentSource['request'] => {
  if (!isObject(json)) return undefined;
  const { path, type, encoding } = json;
  return isName(path) && isName(type) && isName(encoding) ? { path, type, encoding } : undefined;
};

const textsOf = (json: unknown): Record<string, string> | undefined => {
  if (!isObject(json)) return undefined;
  const isText = (value: unknown): value is string => typeof value === 'string';
  return Object.values(json).every(isText) ? (json as Record<string, string>) : undefined;
};

const countsOf = (json: unknown): Record<string, number> | undefined => {
  if (!isObject(json) || !Object.values(json).every(isCount)) return undefined;
  const isWord = (name: string): boolean => /^[a-z_]{1,32}$/.test(name);
  return Object.keys(json).every(isWord) ? (json as Record<string, number>) : undefined;
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isName = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= LIMITS.agentNameLength;

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
