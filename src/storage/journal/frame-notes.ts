import type { Batch } from '../../model/batch.ts';
import type { Origin } from '../../model/origin.ts';

/**
 * What a frame keeps of a batch beside its columns, behind them in the encrypted payload:
 *
 *   columns | tokens | origins, JSON | length of that JSON, u32
 *
 * Tokens are two u32 per row. Which of them there are is said by flags in the header; a frame
 * without any is its columns alone. All numbers are little-endian, as is every machine that Node
 * runs on.
 */
export const HAS_TOKENS = 1;
export const HAS_ORIGINS = 2;

export interface FrameNotes {
  readonly flags: number;
  readonly bytes: Uint8Array;
}

export interface Payload {
  readonly data: Uint8Array;
  readonly tokens: Uint32Array<ArrayBuffer> | undefined;
  readonly origins: readonly Origin[] | undefined;
}

const NONE: FrameNotes = { flags: 0, bytes: new Uint8Array(0) };
const TOKEN_BYTES = 8;

export function encodeNotes({ tokens, origins }: Pick<Batch, 'tokens' | 'origins'>): FrameNotes {
  if (tokens === undefined && origins === undefined) return NONE;
  const first =
    tokens === undefined
      ? NONE.bytes
      : new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength);
  if (origins === undefined) return { flags: HAS_TOKENS, bytes: first };
  const rows = origins.map(({ agent, source, from, to }) => [agent, source, from, to]);
  const json = Buffer.from(JSON.stringify(rows));
  const bytes = Buffer.alloc(first.length + json.length + 4);
  bytes.set(first);
  bytes.set(json, first.length);
  bytes.writeUInt32LE(json.length, bytes.length - 4);
  return { flags: HAS_ORIGINS | (tokens === undefined ? 0 : HAS_TOKENS), bytes };
}

/** Takes a decrypted payload apart; undefined when it is too short for what its header says. */
export function splitPayload(
  { notes, rows }: { readonly notes: number; readonly rows: number },
  payload: Uint8Array,
): Payload | undefined {
  let end = payload.length;
  let origins: Origin[] | undefined;
  if ((notes & HAS_ORIGINS) !== 0) {
    if (end < 4) return undefined;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const start = end - 4 - view.getUint32(end - 4, true);
    if (start < 0) return undefined;
    const json = Buffer.from(payload.subarray(start, end - 4)).toString('utf8');
    const list = JSON.parse(json) as [string, string, number, number][];
    origins = list.map(([agent, source, from, to]) => ({ agent, source, from, to }));
    end = start;
  }
  let tokens: Uint32Array<ArrayBuffer> | undefined;
  if ((notes & HAS_TOKENS) !== 0) {
    const start = end - rows * TOKEN_BYTES;
    if (start < 0) return undefined;
    tokens = new Uint32Array(2 * rows);
    new Uint8Array(tokens.buffer).set(payload.subarray(start, end));
    end = start;
  }
  return { data: payload.subarray(0, end), tokens, origins };
}
