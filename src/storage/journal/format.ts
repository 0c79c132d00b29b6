import { crc32 } from 'node:zlib';
import { LIMITS } from '../../model/limits.ts';
import { HAS_ORIGINS, HAS_TOKENS } from './frame-notes.ts';

/**
 * The journal's bytes, as docs/decisions/0002-journal-format.md defines them: a file header, then
 * frames. All numbers are little-endian. Pure; knows no keys.
 */

/** 2: frames may have notes behind their columns. Files of version 1 have none. */
export const FORMAT_VERSION = 2;
export const FILE_HEADER_BYTES = 16;
/** The part of a frame's header that both kinds share. */
export const COMMON_BYTES = 32;
/** A batch frame's header without its three names. */
export const BATCH_FIXED_BYTES = 124;
export const SALT_BYTES = 16;
export const TAG_BYTES = 16;
/** The second copy of a new file's heads begins at a multiple of this: in another disk sector. */
export const SECTOR_BYTES = 4_096;
/** Longest possible header: readers need no more to judge one. */
export const HEADER_MAX_BYTES = BATCH_FIXED_BYTES + 3 * LIMITS.laneNameBytes;

export const FRAME_MAGIC = Buffer.from('MTJF');
const FILE_MAGIC = Buffer.from('MTJOURNL');

/** Where a frame stands; part of its header, so that no frame passes for another. */
export interface FramePlace {
  readonly file: number;
  readonly offset: number;
  /** Everything in the file before this offset was durable when the frame was written. */
  readonly groupStart: number;
}

export interface BatchHeader extends FramePlace {
  readonly kind: 'batch';
  readonly headerBytes: number;
  /** Ciphertext and tag. */
  readonly payloadBytes: number;
  readonly seq: number;
  readonly rows: number;
  readonly columns: number;
  readonly segment: number;
  readonly observedNs: bigint;
  readonly minNs: bigint;
  readonly maxNs: bigint;
  readonly rawBytes: number;
  /** Number of the bucket's data key. */
  readonly disk: number;
  /** With the data key it makes the frame key; drawn at random each time a journal is opened. */
  readonly salt: Buffer;
  /** Makes the nonce; never used twice with one salt. */
  readonly counter: number;
  readonly lane: string;
  readonly bucketId: string;
  readonly protocol: string;
  /** Which notes stand behind the columns in the payload (frame-notes.ts). */
  readonly notes: number;
}

export interface HeadsHeader extends FramePlace {
  readonly kind: 'heads';
  readonly headerBytes: number;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
}

export type FrameHeader = BatchHeader | HeadsHeader;

export function encodeFileHeader(): Buffer {
  const header = Buffer.alloc(FILE_HEADER_BYTES);
  FILE_MAGIC.copy(header);
  header.writeUInt32LE(FORMAT_VERSION, 8);
  header.writeUInt32LE(crc32(header.subarray(0, 12)), 12);
  return header;
}

/** The format version, or undefined when these are not the first bytes of a journal file. */
export function decodeFileHeader(bytes: Uint8Array): number | undefined {
  const header = asBuffer(bytes);
  if (header.length < FILE_HEADER_BYTES) return undefined;
  if (!header.subarray(0, 8).equals(FILE_MAGIC)) return undefined;
  if (header.readUInt32LE(12) !== crc32(header.subarray(0, 12))) return undefined;
  return header.readUInt32LE(8);
}

const KIND_HEADS = 1;
const KIND_BATCH = 2;
const ALL_NOTES = HAS_TOKENS | HAS_ORIGINS;

/** A whole heads frame: its payload is clear JSON, padded with spaces to `frameBytes` if given. */
export function encodeHeads(place: FramePlace, json: string, frameBytes = 0): Buffer {
  const text = Buffer.from(json);
  const payloadBytes = Math.max(text.length, frameBytes - COMMON_BYTES);
  const frame = Buffer.alloc(COMMON_BYTES + payloadBytes, 0x20);
  text.copy(frame, COMMON_BYTES);
  writeCommon(frame, KIND_HEADS, COMMON_BYTES, payloadBytes, place);
  frame.writeUInt32LE(crc32(frame.subarray(COMMON_BYTES)), 28);
  sealHeader(frame, COMMON_BYTES);
  return frame;
}

/** Writes a batch frame's header at the start of `out` and answers its length in bytes. */
export function encodeBatchHeader(
  header: Omit<BatchHeader, 'kind' | 'headerBytes'>,
  out: Buffer,
): number {
  let end = BATCH_FIXED_BYTES;
  const name = (text: string, lengthAt: number): void => {
    const length = out.write(text, end);
    out.writeUInt16LE(length, lengthAt);
    end += length;
  };
  out.writeUInt32LE(0, 28);
  writeSafe(out, header.seq, 32);
  out.writeUInt32LE(header.rows, 40);
  out.writeUInt32LE(header.columns, 44);
  writeSafe(out, header.segment, 48);
  out.writeBigInt64LE(header.observedNs, 56);
  out.writeBigInt64LE(header.minNs, 64);
  out.writeBigInt64LE(header.maxNs, 72);
  writeSafe(out, header.rawBytes, 80);
  header.salt.copy(out, 88);
  writeSafe(out, header.counter, 104);
  out.writeUInt32LE(header.disk, 112);
  name(header.lane, 116);
  name(header.bucketId, 118);
  name(header.protocol, 120);
  out.writeUInt16LE(header.notes, 122);
  writeCommon(out, KIND_BATCH, end, header.payloadBytes, header);
  sealHeader(out, end);
  return end;
}

/**
 * Reads the frame header at the start of `bytes`, which were read from `file` at `offset`.
 * Undefined when there is no intact header of that place: never throws.
 */
export function decodeFrameHeader(
  bytes: Uint8Array,
  file: number,
  offset: number,
): FrameHeader | undefined {
  const buffer = asBuffer(bytes);
  if (buffer.length < COMMON_BYTES || !buffer.subarray(0, 4).equals(FRAME_MAGIC)) return undefined;
  const headerBytes = buffer.readUInt16LE(10);
  if (headerBytes < COMMON_BYTES || headerBytes > buffer.length) return undefined;
  if (buffer.readUInt32LE(4) !== crc32(buffer.subarray(8, headerBytes))) return undefined;
  if (buffer.readUInt32LE(16) !== file || buffer.readUInt32LE(20) !== offset) return undefined;
  const groupStart = buffer.readUInt32LE(24);
  const payloadBytes = buffer.readUInt32LE(12);
  if (payloadBytes > LIMITS.journalFrameBytes + TAG_BYTES) return undefined;
  const common = { file, offset, groupStart, headerBytes, payloadBytes };
  const kind = buffer.readUInt8(8);
  if (kind === KIND_HEADS) {
    return { kind: 'heads', ...common, payloadCrc: buffer.readUInt32LE(28) };
  }
  if (kind !== KIND_BATCH || headerBytes < BATCH_FIXED_BYTES || payloadBytes < TAG_BYTES) {
    return undefined;
  }
  return decodeBatch(buffer, common);
}

function decodeBatch(
  buffer: Buffer,
  common: Omit<HeadsHeader, 'kind' | 'payloadCrc'>,
): BatchHeader | undefined {
  const laneEnd = BATCH_FIXED_BYTES + buffer.readUInt16LE(116);
  const bucketEnd = laneEnd + buffer.readUInt16LE(118);
  const protocolEnd = bucketEnd + buffer.readUInt16LE(120);
  const notes = buffer.readUInt16LE(122);
  if (protocolEnd !== common.headerBytes || notes > ALL_NOTES) return undefined;
  return {
    kind: 'batch',
    ...common,
    seq: readSafe(buffer, 32),
    rows: buffer.readUInt32LE(40),
    columns: buffer.readUInt32LE(44),
    segment: readSafe(buffer, 48),
    observedNs: buffer.readBigInt64LE(56),
    minNs: buffer.readBigInt64LE(64),
    maxNs: buffer.readBigInt64LE(72),
    rawBytes: readSafe(buffer, 80),
    salt: Buffer.from(buffer.subarray(88, 88 + SALT_BYTES)),
    counter: readSafe(buffer, 104),
    disk: buffer.readUInt32LE(112),
    lane: buffer.toString('utf8', BATCH_FIXED_BYTES, laneEnd),
    bucketId: buffer.toString('utf8', laneEnd, bucketEnd),
    protocol: buffer.toString('utf8', bucketEnd, protocolEnd),
    notes,
  };
}

export function payloadMatches(header: HeadsHeader, payload: Uint8Array): boolean {
  return payload.length === header.payloadBytes && crc32(payload) === header.payloadCrc;
}

function writeCommon(
  out: Buffer,
  kind: number,
  headerBytes: number,
  payloadBytes: number,
  place: FramePlace,
): void {
  FRAME_MAGIC.copy(out);
  out.writeUInt8(kind, 8);
  out.writeUInt8(0, 9);
  out.writeUInt16LE(headerBytes, 10);
  out.writeUInt32LE(payloadBytes, 12);
  out.writeUInt32LE(place.file, 16);
  out.writeUInt32LE(place.offset, 20);
  out.writeUInt32LE(place.groupStart, 24);
}

function sealHeader(out: Buffer, headerBytes: number): void {
  out.writeUInt32LE(crc32(out.subarray(8, headerBytes)), 4);
}

const TWO_32 = 4_294_967_296;

/** Whole numbers up to 2^53 without a bigint. */
function writeSafe(out: Buffer, value: number, at: number): void {
  out.writeUInt32LE(value % TWO_32, at);
  out.writeUInt32LE(Math.floor(value / TWO_32), at + 4);
}

function readSafe(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at + 4) * TWO_32 + buffer.readUInt32LE(at);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
