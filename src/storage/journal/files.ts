import { join } from 'node:path';
import { must } from '../../model/errors.ts';
import type { Disk, DiskFile } from '../../platform/disk.ts';
import type { Log } from '../../platform/log.ts';
import {
  COMMON_BYTES,
  encodeFileHeader,
  encodeHeads,
  FILE_HEADER_BYTES,
  SECTOR_BYTES,
} from './format.ts';

/** One file of the journal. */
export interface JournalFile {
  readonly number: number;
  readonly path: string;
  /** What counts: bytes beyond are the rest of a failed or torn write and are never read. */
  validBytes: number;
  /** Batches in it that the engine does not hold yet. */
  pending: number;
  /** Batches in it. */
  batches: number;
  /** Where the last of them begins and ends; known of recovered files only. */
  lastBatchAt: number;
  lastBatchEnd: number;
  /** Some of them have tokens. */
  hasTokens: boolean;
  /** When it got the newest of these, monotonic; of recovered files when it was found. */
  tokenMs: number;
  /** It has damage: it is set aside instead of deleted, for a human to look at. */
  damaged: boolean;
}

/** Says what stands in a new file's heads, given the files that it follows. */
export type HeadsOf = (files: [number, number][]) => string;

const FILE_NAME = /^(\d{8,10})\.journal$/;
const ASIDE_NAME = /^(\d{8,10})\.damaged$/;

export const fileName = (number: number): string => `${String(number).padStart(8, '0')}.journal`;

/** The number in a journal file's name; undefined for other names. */
export function fileNumber(name: string): number | undefined {
  const match = FILE_NAME.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** The number in the name of a file that was set aside. */
export function asideNumber(name: string): number | undefined {
  const match = ASIDE_NAME.exec(name);
  return match === null ? undefined : Number(match[1]);
}

export interface FileCounters {
  filesCreated: number;
  filesDeleted: number;
  filesSetAside: number;
}

/** Where a damaged file goes. */
export const asidePath = (path: string): string => path.replace(/\.journal$/, '.damaged');

interface Writer {
  readonly file: JournalFile;
  readonly handle: DiskFile;
}

/**
 * The journal's files: at most one is written, at its end; the others wait to be deleted.
 *
 * Two rules carry the weight. A file is never written again after a write or a sync of it failed,
 * nor after a successor was begun, whether that succeeded or not. And every file's heads say how
 * much of each older file counts, so that nothing left behind by a failed write comes back.
 */
export class JournalFiles {
  private readonly directory: string;
  private readonly disk: Disk;
  private readonly log: Log;
  private readonly files: Map<number, JournalFile>;
  private lastNumber: number;
  private writer: Writer | undefined;
  /** The newest file whose heads are durable; it stays. */
  private newest: JournalFile | undefined;
  private readonly counters: FileCounters;

  constructor(
    place: { directory: string; disk: Disk; log: Log },
    files: readonly JournalFile[],
    lastNumber: number,
    counters: FileCounters,
  ) {
    this.directory = place.directory;
    this.disk = place.disk;
    this.log = place.log;
    this.files = new Map(files.map((file) => [file.number, file]));
    this.newest = files.at(-1);
    this.lastNumber = lastNumber;
    this.counters = counters;
  }

  /** Bytes that count against the budget. */
  get usedBytes(): number {
    let sum = 0;
    for (const file of this.files.values()) sum += file.validBytes;
    return sum;
  }

  /** The file that is being written. */
  get current(): JournalFile | undefined {
    return this.writer?.file;
  }

  /** Begins the next file and makes its heads durable. When it throws, no file is writable. */
  async openNext(headsOf: HeadsOf): Promise<void> {
    await this.closeWriter();
    this.lastNumber += 1;
    const number = this.lastNumber;
    const path = join(this.directory, fileName(number));
    // Files without batches are not worth keeping; a successor that does not list them says so.
    const before = [...this.files.values()].filter((file) => file.batches > 0 || file.damaged);
    const json = headsOf(before.map((file) => [file.number, file.validBytes]));
    const contents = newFile(number, json);
    const handle = await this.disk.open(path, 'create');
    try {
      await handle.append([contents]);
      await handle.syncData();
      await this.disk.syncDirectory(this.directory);
    } catch (error) {
      await quietly(handle.close());
      await quietly(this.disk.unlink(path));
      throw error;
    }
    const file = emptyFile(number, path, contents.length);
    this.files.set(number, file);
    this.newest = file;
    this.writer = { file, handle };
    this.counters.filesCreated += 1;
  }

  /** Writes and syncs. When it throws, the file is given up: `validBytes` stays as it was. */
  async append(chunks: readonly Uint8Array[], sizeBytes: number): Promise<void> {
    const { file, handle } = must(this.writer, 'a file is open for writing');
    try {
      await handle.append(chunks);
      await handle.syncData();
    } catch (error) {
      this.writer = undefined;
      // Best effort: it frees the space. What decides is the length in the next file's heads.
      await quietly(handle.truncate(file.validBytes).then(() => handle.syncData()));
      await quietly(handle.close());
      throw error;
    }
    file.validBytes += sizeBytes;
  }

  async closeWriter(): Promise<void> {
    const writer = this.writer;
    this.writer = undefined;
    if (writer !== undefined) await quietly(writer.handle.close());
  }

  /**
   * Deletes what the engine holds, but for files with tokens since `tokensMs`, the newest first and
   * no more than `tokenBytes` of them. One call at a time.
   */
  async reap(tokensMs: number, tokenBytes: number): Promise<void> {
    const drained = [...this.files.values()].filter(
      (file) => file.pending === 0 && file !== this.newest,
    );
    const kept = new Set<JournalFile>();
    let left = tokenBytes;
    for (const file of drained.toReversed()) {
      if (!file.hasTokens || file.tokenMs <= tokensMs || file.damaged) continue;
      left -= file.validBytes;
      if (left >= 0) kept.add(file);
    }
    for (const file of drained) {
      if (kept.has(file)) continue;
      try {
        await this.remove(file);
      } catch (error) {
        const fields = { path: file.path, error };
        this.log.warn('a journal file that is no longer needed could not be removed', fields);
        return;
      }
    }
  }

  private async remove(file: JournalFile): Promise<void> {
    if (file.damaged) {
      await this.disk.rename(file.path, asidePath(file.path));
      this.counters.filesSetAside += 1;
      this.log.error('a damaged journal file was set aside', { path: file.path });
    } else {
      await this.disk.unlink(file.path);
      this.counters.filesDeleted += 1;
    }
    this.files.delete(file.number);
  }
}

export function emptyFile(number: number, path: string, validBytes: number): JournalFile {
  const nothing = { pending: 0, batches: 0, lastBatchAt: 0, lastBatchEnd: 0, tokenMs: 0 };
  return { number, path, validBytes, ...nothing, hasTokens: false, damaged: false };
}

/** File header and heads, twice: one rotten sector must not take both. */
function newFile(number: number, json: string): Buffer {
  const place = { file: number, offset: FILE_HEADER_BYTES, groupStart: 0 };
  const least = FILE_HEADER_BYTES + COMMON_BYTES + Buffer.byteLength(json);
  const copyAt = Math.ceil(least / SECTOR_BYTES) * SECTOR_BYTES;
  return Buffer.concat([
    encodeFileHeader(),
    encodeHeads(place, json, copyAt - FILE_HEADER_BYTES),
    encodeHeads({ ...place, offset: copyAt }, json),
  ]);
}

/** For cleaning up after a failure that is reported already. */
async function quietly(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch {
    // The failure that led here is the one to tell.
  }
}
