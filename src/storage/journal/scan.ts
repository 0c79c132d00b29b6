import type { DiskFile } from '../../platform/disk.ts';
import {
  decodeFileHeader,
  decodeFrameHeader,
  FILE_HEADER_BYTES,
  FORMAT_VERSION,
  FRAME_MAGIC,
  HEADER_MAX_BYTES,
  payloadMatches,
  type BatchHeader,
  type HeadsHeader,
} from './format.ts';
import { MeshtrailError } from '../../model/errors.ts';

/** What stands in a file, in order. Offsets are bytes from its start. */
export type Found =
  | { readonly kind: 'heads'; readonly header: HeadsHeader; readonly json: string }
  | { readonly kind: 'batch'; readonly header: BatchHeader; readonly data: Uint8Array }
  /** A batch whose key was destroyed, and the batch with it. */
  | { readonly kind: 'destroyed'; readonly header: BatchHeader }
  | Damage;

export interface Damage {
  readonly kind: 'damage';
  readonly from: number;
  readonly to: number;
  /** There when the header is intact and the payload is not. */
  readonly header: BatchHeader | undefined;
}

/** Decrypts a batch frame. */
export type OpenFrame = (
  header: BatchHeader,
  headerBytes: Uint8Array,
  payload: Uint8Array,
) => Promise<Uint8Array | 'damaged' | 'destroyed'>;

/**
 * Reads a file up to `end`, checking everything: header CRC, place, GCM tag. After damage it looks
 * for the next intact header of this place; ciphertext cannot pass for one, as its 32-bit magic,
 * 32-bit CRC, file number and offset would all have to match.
 * Throws MeshtrailError `journal_version` for a file from a newer program.
 */
export async function* scanFile(
  file: DiskFile,
  number: number,
  end: number,
  open: OpenFrame,
): AsyncGenerator<Found> {
  const window = new ReadWindow(file, end);
  const version = decodeFileHeader(await window.at(0, FILE_HEADER_BYTES));
  if (version !== undefined && version > FORMAT_VERSION) throw fromTheFuture(file.path, version);
  let damagedFrom = version === undefined ? 0 : undefined;
  let at = Math.min(FILE_HEADER_BYTES, end);
  while (at < end) {
    const header = decodeFrameHeader(await window.at(at, HEADER_MAX_BYTES), number, at);
    const frameEnd = header === undefined ? 0 : at + header.headerBytes + header.payloadBytes;
    if (header === undefined || frameEnd > end) {
      damagedFrom ??= at;
      at = await window.find(FRAME_MAGIC, at + 1);
      continue;
    }
    const frame = await window.at(at, frameEnd - at);
    const found = await judge(header, frame, open);
    if (found !== undefined) {
      if (damagedFrom !== undefined) yield damage(damagedFrom, at);
      damagedFrom = undefined;
      yield found;
    } else {
      damagedFrom ??= at;
    }
    at = frameEnd;
  }
  if (damagedFrom !== undefined && end > 0) yield damage(damagedFrom, end);
}

async function judge(
  header: BatchHeader | HeadsHeader,
  frame: Uint8Array,
  open: OpenFrame,
): Promise<Found | undefined> {
  const payload = frame.subarray(header.headerBytes);
  if (header.kind === 'heads') {
    if (!payloadMatches(header, payload)) return undefined;
    return { kind: 'heads', header, json: Buffer.from(payload).toString('utf8') };
  }
  const data = await open(header, frame.subarray(0, header.headerBytes), payload);
  if (data === 'destroyed') return { kind: 'destroyed', header };
  if (data === 'damaged') {
    const { offset } = header;
    return { kind: 'damage', from: offset, to: offset + frame.length, header };
  }
  return { kind: 'batch', header, data };
}

function damage(from: number, to: number): Damage {
  return { kind: 'damage', from, to, header: undefined };
}

const WINDOW_BYTES = 1 << 20;

/** Reads a file forwards through a buffer, so that small frames cost no system call each. */
class ReadWindow {
  private readonly file: DiskFile;
  private readonly end: number;
  private memory = Buffer.alloc(0);
  /** The part of `memory` that was filled, from `start` in the file. */
  private buffer = this.memory;
  private start = 0;

  constructor(file: DiskFile, end: number) {
    this.file = file;
    this.end = end;
  }

  /** Up to `length` bytes from `position`, fewer only at the end; good until the next call. */
  async at(position: number, length: number): Promise<Buffer> {
    const wanted = Math.min(length, this.end - position);
    const offset = position - this.start;
    if (offset < 0 || offset + wanted > this.buffer.length) {
      const size = Math.min(Math.max(wanted, WINDOW_BYTES), this.end - position);
      if (size > this.memory.length) this.memory = Buffer.allocUnsafeSlow(size);
      const filled = await this.file.read(this.memory.subarray(0, size), position);
      this.buffer = this.memory.subarray(0, filled);
      this.start = position;
      return this.buffer.subarray(0, wanted);
    }
    return this.buffer.subarray(offset, offset + wanted);
  }

  /** Position of the next `magic` at or after `position`, else the end. */
  async find(magic: Buffer, position: number): Promise<number> {
    let at = position;
    while (at + magic.length <= this.end) {
      // What is buffered comes first: rereading at each false start would cost a window each.
      const buffered = this.start + this.buffer.length - at;
      const inside = at >= this.start && buffered >= magic.length;
      const chunk = await this.at(at, inside ? buffered : WINDOW_BYTES);
      const index = chunk.indexOf(magic);
      if (index >= 0) return at + index;
      if (chunk.length < magic.length) break;
      at += chunk.length - magic.length + 1;
    }
    return this.end;
  }
}

function fromTheFuture(path: string, version: number): MeshtrailError {
  return new MeshtrailError(
    'journal_version',
    `${path} has journal format ${version}; this program knows ${FORMAT_VERSION}`,
    'Run the program version that wrote it, or a newer one.',
  );
}
