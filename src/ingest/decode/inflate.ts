import { constants, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { LIMITS } from '../../model/limits.ts';
import { readSnappyHead, uncompressSnappy } from './snappy.ts';

/**
 * Undoes a request's content-encoding, bounded by `LIMITS.inflatedBytes` twice: by the size that
 * the body declares, before anything is inflated, and by what really comes out.
 */
export type Inflated =
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false; readonly reason: InflateFailure };

export type InflateFailure = 'too_large' | 'malformed' | 'unknown_encoding';

const TOO_LARGE: Inflated = { ok: false, reason: 'too_large' };
const MALFORMED: Inflated = { ok: false, reason: 'malformed' };
const UNKNOWN: Inflated = { ok: false, reason: 'unknown_encoding' };

/**
 * @param encoding the Content-Encoding header, undefined or '' for none; compared without case
 * @param body the bytes as sent; returned themselves where nothing is to be undone
 * @param most bytes that may come out, at least 1
 *
 * Encodings: `identity`, `gzip` (also several members, RFC 1952), `deflate` (zlib's form and, as
 * many senders have it, the raw one), `zstd` (also several frames, RFC 8878). Never throws.
 */
export const inflate = (
  encoding: string | undefined,
  body: Uint8Array,
  most: number = LIMITS.inflatedBytes,
): Inflated => {
  switch ((encoding ?? '').trim().toLowerCase()) {
    case '':
    case 'identity':
      return body.length > most ? TOO_LARGE : { ok: true, bytes: body };
    case 'gzip':
    case 'x-gzip':
      return inflateGzip(body, most);
    case 'deflate':
      return inflateDeflate(body, most);
    case 'zstd':
      return inflateZstd(body, most);
    default:
      return UNKNOWN;
  }
};

/** A guess at the output's size: one allocation where it is right, and never beyond what can be. */
const chunkFor = (body: Uint8Array, declared: number): number => {
  // Deflate cannot expand more than 1032 times (zlib, "Maximum Compression Factor").
  const most = Math.min(body.length * 1_032, LIMITS.inflateChunkBytes);
  return Math.max(1_024, Math.min(declared, most));
};

const guarded = (run: () => Uint8Array): Inflated => {
  try {
    return { ok: true, bytes: run() };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ERR_BUFFER_TOO_LARGE' ? TOO_LARGE : MALFORMED;
  }
};

const inflateGzip = (body: Uint8Array, most: number): Inflated => {
  if (body.length < 18) return MALFORMED;
  // ISIZE of the last member: its inflated size modulo 2^32.
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const declared = view.getUint32(body.length - 4, true);
  return guarded(() =>
    gunzipSync(body, {
      maxOutputLength: most,
      chunkSize: chunkFor(body, declared + 1),
    }),
  );
};

const inflateDeflate = (body: Uint8Array, most: number): Inflated => {
  const options = {
    maxOutputLength: most,
    chunkSize: chunkFor(body, body.length * 8),
  };
  const [first = 0, second = 0] = body;
  // CMF and FLG: method 8, and together a multiple of 31 (RFC 1950).
  if ((first & 0x0f) === 8 && (first * 256 + second) % 31 === 0) {
    const zlib = guarded(() => inflateSync(body, options));
    if (zlib.ok || zlib.reason === 'too_large') return zlib;
  }
  return guarded(() => inflateRawSync(body, options));
};

const ZSTD_MAGIC = 0xfd2fb528;
const ZSTD_SKIPPABLE = 0x184d2a50;
/** Widest window that a receiver of this content-encoding must take: 8 MiB (RFC 9659). */
const ZSTD_WINDOW_LOG = 23;

interface ZstdFrame {
  readonly end: number;
  readonly skippable: boolean;
  /** Content size where the header declares it, else -1. */
  readonly declared: number;
}

/**
 * The extent of the frame at `at` (RFC 8878, 3.1); undefined where the bytes end before the frame.
 */
const readZstdFrame = (body: Uint8Array, at: number): ZstdFrame | undefined => {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  if (at + 8 > body.length) return undefined;
  const magic = view.getUint32(at, true);
  if ((magic & 0xfffffff0) >>> 0 === ZSTD_SKIPPABLE) {
    const end = at + 8 + view.getUint32(at + 4, true);
    return end > body.length ? undefined : { end, skippable: true, declared: 0 };
  }
  if (magic !== ZSTD_MAGIC) return undefined;
  const flags = body[at + 4] as number;
  const single = (flags & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][flags & 3] as number;
  const sizeField = flags >>> 6;
  const sizeBytes = sizeField === 0 ? (single ? 1 : 0) : 1 << sizeField;
  let next = at + 5 + (single ? 0 : 1) + dictionary;
  if (next + sizeBytes > body.length) return undefined;
  let declared = -1;
  if (sizeBytes === 1) declared = body[next] as number;
  else if (sizeBytes === 2) declared = view.getUint16(next, true) + 256;
  else if (sizeBytes === 4) declared = view.getUint32(next, true);
  else if (sizeBytes === 8) declared = Number(view.getBigUint64(next, true));
  next += sizeBytes;
  for (let last = false; !last;) {
    if (next + 3 > body.length) return undefined;
    const head = view.getUint16(next, true) | ((body[next + 2] as number) << 16);
    last = (head & 1) === 1;
    const type = (head >>> 1) & 3;
    if (type === 3) return undefined;
    next += 3 + (type === 1 ? 1 : head >>> 3);
  }
  if ((flags & 4) !== 0) next += 4;
  return next > body.length ? undefined : { end: next, skippable: false, declared };
};

/** Node's zlib stops after the first frame and says nothing of the rest; so frames are cut here. */
const inflateZstd = (body: Uint8Array, most: number): Inflated => {
  const parts: Uint8Array[] = [];
  let total = 0;
  if (body.length === 0) return MALFORMED;
  for (let at = 0; at < body.length;) {
    const frame = readZstdFrame(body, at);
    if (frame === undefined) return MALFORMED;
    const { end, skippable, declared } = frame;
    if (!skippable) {
      const room = most - total;
      if (declared > room) return TOO_LARGE;
      if (parts.length >= LIMITS.zstdFrames) return TOO_LARGE;
      const piece = body.subarray(at, end);
      const guess = declared < 0 ? piece.length * 8 : declared + 1;
      const part = guarded(() =>
        zstdDecompressSync(piece, {
          maxOutputLength: Math.max(1, room),
          chunkSize: Math.max(1_024, Math.min(guess, LIMITS.inflateChunkBytes)),
          params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG },
        }),
      );
      if (!part.ok) return part;
      total += part.bytes.length;
      if (total > most) return TOO_LARGE;
      parts.push(part.bytes);
    }
    at = end;
  }
  if (parts.length === 1) return { ok: true, bytes: parts[0] as Uint8Array };
  return { ok: true, bytes: Buffer.concat(parts) };
};

let snappyRoom = new Uint8Array(0);

/**
 * A snappy block (not the framed format), for the protocols whose body is one. The result lies in a
 * buffer that the next call on this thread overwrites: it is good for one decode.
 */
export const inflateSnappy = (block: Uint8Array): Inflated => {
  const head = readSnappyHead(block);
  if (head === undefined) return MALFORMED;
  const { size, start } = head;
  if (size > LIMITS.inflatedBytes) return TOO_LARGE;
  // An element of three bytes yields 64 at most: a declared size beyond that is a lie, and costs no
  // memory.
  if (size > (block.length - start) * 22) return MALFORMED;
  let out = snappyRoom;
  if (out.length < size) {
    out = new Uint8Array(Math.ceil(size / 65_536) * 65_536);
    if (out.length <= LIMITS.inflateKeptBytes) snappyRoom = out;
  }
  if (!uncompressSnappy(block, start, out, size)) return MALFORMED;
  return { ok: true, bytes: out.subarray(0, size) };
};
