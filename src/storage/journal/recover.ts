import { join } from 'node:path';
import { z } from 'zod';
import { MeshtrailError, must } from '../../model/errors.ts';
import type { Bucket, NumberedBatch, SegmentEnd } from '../../model/storage.ts';
import type { Disk, DiskFile } from '../../platform/disk.ts';
import { errorCode, isDiskFull } from '../../platform/disk.ts';
import type { Log } from '../../platform/log.ts';
import { COPY_SUFFIX, copyFile } from './copy.ts';
import {
  asideNumber,
  asidePath,
  emptyFile,
  fileName,
  fileNumber,
  type JournalFile,
} from './files.ts';
import { decrypt, type FrameKeys } from './frame-cipher.ts';
import { type BatchHeader, TAG_BYTES } from './format.ts';
import { splitPayload } from './frame-notes.ts';
import { type Lanes, lanesShape } from './lanes.ts';
import { JournalBatch, type PendingBatches, type ReadBack } from './pending.ts';
import { type Damage, type Found, type OpenFrame, scanFile } from './scan.ts';

/** What recovery works on and what it fills. */
export interface Recovery {
  readonly directory: string;
  readonly disk: Disk;
  readonly log: Log;
  readonly keys: FrameKeys;
  readonly lanes: Lanes;
  readonly pending: PendingBatches;
  readonly readBack: ReadBack;
  resolveBucket(id: string): Bucket;
  onTokens?(batch: NumberedBatch, tokens: Uint32Array): void;
}

export interface Recovered {
  readonly files: JournalFile[];
  readonly lastNumber: number;
  /** Segments that end in these files, in order; those still open are in the lanes. */
  readonly ends: SegmentEnd[];
  /** Greatest `observedNs` seen. */
  readonly observedNs: bigint;
  readonly cutTails: number;
  readonly cutBytes: number;
  /** Places that could not be read although they had been durable. */
  readonly damages: number;
  readonly destroyedBatches: number;
}

const headsShape = z.object({
  files: z.array(z.tuple([z.number().int(), z.number().int().min(0)])),
  observedNs: z.string().regex(/^\d+$/),
  lanes: lanesShape,
});
type Heads = z.infer<typeof headsShape>;

export function headsJson(files: [number, number][], observedNs: bigint, lanes: Lanes): string {
  const heads: Heads = { files, observedNs: String(observedNs), lanes: lanes.toJson() };
  return JSON.stringify(heads);
}

/**
 * Reads all files in order and checks every frame, tags included: what it hands on is whole, and
 * a rotten frame is known before the engine's writer has begun (about 3.5 CPU s per gigabyte).
 * Throws MeshtrailError `journal_version`, `journal_damaged`, or the keyring's and disk's errors.
 */
export async function recover(recovery: Recovery): Promise<Recovered> {
  const { directory, disk } = recovery;
  const names = (await disk.list(directory)).map((entry) => entry.name);
  const numbers = names.flatMap((name) => fileNumber(name) ?? []).sort((a, b) => a - b);
  for (const name of names)
    if (name.endsWith(COPY_SUFFIX)) await disk.unlink(join(directory, name));
  const lastNumber = Math.max(0, ...numbers, ...names.flatMap((name) => asideNumber(name) ?? []));
  const newest = await findNewest(recovery, numbers);
  const run = new RecoveryRun(recovery);
  for (const number of numbers) {
    const path = join(directory, fileName(number));
    const validBytes = number === newest?.number ? undefined : newest?.lengths.get(number);
    if (newest !== undefined && (number === newest.number || validBytes !== undefined)) {
      await run.readFile(number, path, validBytes);
    } else {
      // Its successor does not know it: deleted before, or never finished.
      await disk.unlink(path);
    }
  }
  return run.result(lastNumber);
}

interface Newest {
  readonly number: number;
  /** How much of each older file counts. */
  readonly lengths: ReadonlyMap<number, number>;
}

/** Of a file whose making was cut short: far more than heads without any lane. */
const TORN_FILE_BYTES = 65_536;

/** The newest file with heads; files after it were never finished. */
async function findNewest(recovery: Recovery, numbers: number[]): Promise<Newest | undefined> {
  const tornBytes: { path: string; sizeBytes: number }[] = [];
  let allowedBytes = TORN_FILE_BYTES;
  let newest: Newest | undefined;
  for (const number of numbers.toReversed()) {
    const path = join(recovery.directory, fileName(number));
    const { heads, batches, sizeBytes } = await firstHeads(recovery.disk, path, number);
    if (heads !== undefined) {
      newest = { number, lengths: new Map(heads.files) };
      allowedBytes += 2 * JSON.stringify(heads).length;
      break;
    }
    if (batches > 0) throw headsLost(path);
    tornBytes.push({ path, sizeBytes });
  }
  const lost = tornBytes.find(({ sizeBytes }) => sizeBytes > allowedBytes);
  if (lost !== undefined) throw headsLost(lost.path);
  return newest;
}

async function firstHeads(
  disk: Disk,
  path: string,
  number: number,
): Promise<{ heads: Heads | undefined; batches: number; sizeBytes: number }> {
  const file = await disk.open(path, 'read');
  try {
    const sizeBytes = await file.sizeBytes();
    let batches = 0;
    const skip: OpenFrame = () => Promise.resolve('destroyed');
    for await (const found of scanFile(file, number, sizeBytes, skip)) {
      if (found.kind === 'destroyed') batches += 1;
      if (found.kind !== 'heads') continue;
      const heads = parseHeads(found.json);
      if (heads !== undefined) return { heads, batches, sizeBytes };
    }
    return { heads: undefined, batches, sizeBytes };
  } finally {
    await file.close();
  }
}

class RecoveryRun {
  readonly files: JournalFile[] = [];
  readonly ends: SegmentEnd[] = [];
  observedNs = 0n;
  cutTails = 0;
  cutBytes = 0;
  damages = 0;
  destroyedBatches = 0;
  readonly #recovery: Recovery;
  /** Number of the file whose end the lanes stand at: a gap right after it is a loss. */
  #at = -1;

  constructor(recovery: Recovery) {
    this.#recovery = recovery;
  }

  result(lastNumber: number): Recovered {
    const { files, ends, observedNs, cutTails, cutBytes, damages, destroyedBatches } = this;
    return { files, lastNumber, ends, observedNs, cutTails, cutBytes, damages, destroyedBatches };
  }

  /** `validBytes` undefined: the newest file, whose end recovery decides. */
  async readFile(number: number, path: string, validBytes: number | undefined): Promise<void> {
    const { disk } = this.#recovery;
    const handle = await disk.open(path, 'read');
    try {
      const sizeBytes = await handle.sizeBytes();
      const file = emptyFile(number, path, validBytes ?? sizeBytes);
      this.files.push(file);
      const open: OpenFrame = (header, bytes, payload) => this.#open(header, bytes, payload);
      const found = scanFile(handle, number, file.validBytes, open);
      if (validBytes === undefined) await this.#readNewest(file, handle, found);
      else for await (const one of found) this.#take(file, one);
    } finally {
      await handle.close();
    }
  }

  /**
   * A frame's `groupStart` proves that all before it was durable. So damage is rot when a later
   * group follows it, and else the torn end of the last group, which nobody was told of: it is cut.
   */
  async #readNewest(
    file: JournalFile,
    handle: DiskFile,
    found: AsyncIterable<Found>,
  ): Promise<void> {
    let held: Found[] = [];
    let provenBytes = 0;
    for await (const one of found) {
      held.push(one);
      if (one.kind === 'damage') continue;
      provenBytes = one.header.groupStart;
      const doubtAt = held.findIndex((item) => item.kind === 'damage' && item.from >= provenBytes);
      const upTo = doubtAt === -1 ? held.length : doubtAt;
      for (const item of held.slice(0, upTo)) this.#take(file, item);
      held = held.slice(upTo);
    }
    const [torn, ...after] = held;
    if (torn !== undefined) await this.#cut(file, handle, torn as Damage, after);
    // What follows the last batch are heads, perhaps not durable; a new file brings new ones.
    file.validBytes = Math.min(file.validBytes, file.lastBatchEnd);
    if (file.batches > 0 && file.lastBatchAt >= provenBytes) await this.#makeSure(file, handle);
  }

  async #cut(file: JournalFile, handle: DiskFile, torn: Damage, after: Found[]): Promise<void> {
    const { disk, log } = this.#recovery;
    const sizeBytes = file.validBytes - torn.from;
    if (after.some((item) => item.kind === 'batch')) {
      // Whole frames beyond the tear: of a group that was never acknowledged, unless the last group
      // rotted after it was. The two look the same, so a copy stays for a human.
      await copyFile(disk, handle, asidePath(file.path), file.validBytes).catch(
        (error: unknown) => {
          file.damaged = true;
          log.warn('a torn journal file could not be copied aside', { path: file.path, error });
        },
      );
    }
    file.validBytes = torn.from;
    this.cutTails += 1;
    this.cutBytes += sizeBytes;
    const fields = { path: file.path, offset: torn.from, sizeBytes };
    log.warn('the torn end of a journal file was cut; it was never acknowledged', fields);
  }

  /**
   * The last group may stand in the system's memory only: a crash came before its sync, or its
   * sync failed, after which another sync of the same pages proves nothing. What is handed on
   * takes its numbers for good, so it must not vanish in a power cut: it is written afresh.
   */
  async #makeSure(file: JournalFile, handle: DiskFile): Promise<void> {
    const { disk, log } = this.#recovery;
    // A damaged file stays as it is.
    if (file.damaged) return handle.syncData();
    try {
      await copyFile(disk, handle, file.path, file.validBytes);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      // A server that cannot start cannot free the disk. The sync is proof enough, unless one
      // failed just before the crash; then a power cut may take rows that nobody was promised.
      log.warn('no room to write a recovered journal file afresh', { path: file.path, error });
      await handle.syncData();
    }
  }

  #take(file: JournalFile, found: Found): void {
    if (found.kind === 'heads') this.#takeHeads(file, found.json);
    else if (found.kind === 'damage') this.#report(file, found);
    else if (this.#number(file, found.header)) {
      if (found.kind === 'batch') this.#takeBatch(file, found.header, found.data);
      else this.destroyedBatches += 1;
    }
  }

  #takeHeads(file: JournalFile, json: string): void {
    const heads = parseHeads(json);
    if (heads === undefined) return;
    const { ends, missing } = this.#recovery.lanes.adopt(heads.lanes);
    this.ends.push(...ends);
    const follows = file.number === this.#at || file.number === this.#at + 1;
    if (follows) for (const gap of missing) this.#lost(file, gap);
    this.#at = file.number;
    this.#observe(BigInt(heads.observedNs));
  }

  /** False when the frame's numbers were given twice. */
  #number(file: JournalFile, header: BatchHeader): boolean {
    this.#observe(header.observedNs);
    file.lastBatchAt = header.offset;
    file.lastBatchEnd = header.offset + header.headerBytes + header.payloadBytes;
    const place = this.#recovery.lanes.replay(header, header.payloadBytes - TAG_BYTES);
    if (place === undefined) {
      const { offset } = header;
      const to = offset + header.headerBytes + header.payloadBytes;
      this.#report(file, { kind: 'damage', from: offset, to, header });
      return false;
    }
    if (place.ended !== undefined) this.ends.push(place.ended);
    const from = header.seq - place.missing;
    if (place.missing > 0 && file.number === this.#at) {
      this.#lost(file, { lane: header.lane, from, to: header.seq - 1 });
    }
    return true;
  }

  #takeBatch(file: JournalFile, header: BatchHeader, payload: Uint8Array): void {
    const { log, pending, readBack } = this.#recovery;
    let bucket: Bucket;
    try {
      bucket = this.#recovery.resolveBucket(header.bucketId);
    } catch (error) {
      file.damaged = true;
      this.damages += 1;
      const { bucketId, lane, seq, rows } = header;
      log.error('a journalled batch has no bucket', { bucketId, lane, seq, rows, error });
      return;
    }
    const { data, tokens, origins } = must(splitPayload(header, payload), 'a sealed payload');
    const sizes = { sizeBytes: data.length, notesBytes: payload.length - data.length };
    const meta = { ...header, ...sizes, origins };
    const batch = new JournalBatch(meta, bucket, file, header, readBack);
    if (tokens !== undefined) {
      file.hasTokens = true;
      this.#recovery.onTokens?.(batch, tokens);
    }
    file.batches += 1;
    pending.add(batch, data);
  }

  #report(file: JournalFile, damage: Damage): void {
    const { from, to, header } = damage;
    file.damaged = true;
    this.damages += 1;
    const rows = header && { lane: header.lane, seq: header.seq, rows: header.rows };
    const fields = { path: file.path, offset: from, sizeBytes: to - from, ...rows };
    this.#recovery.log.error('a place in the journal cannot be read; its rows are lost', fields);
  }

  #lost(file: JournalFile, gap: { lane: string; from: number; to: number }): void {
    const fields = { path: file.path, lane: gap.lane, firstSeq: gap.from, lastSeq: gap.to };
    this.#recovery.log.error('rows are missing from the journal', fields);
  }

  #observe(observedNs: bigint): void {
    if (observedNs > this.observedNs) this.observedNs = observedNs;
  }

  async #open(
    header: BatchHeader,
    headerBytes: Uint8Array,
    payload: Uint8Array,
  ): Promise<Uint8Array | 'damaged' | 'destroyed'> {
    try {
      const key = await this.#recovery.keys.get(header.disk, header.salt);
      return decrypt(key, header.counter, headerBytes, payload) ?? 'damaged';
    } catch (error) {
      if (errorCode(error) === 'key_destroyed') return 'destroyed';
      throw error;
    }
  }
}

function parseHeads(json: string): Heads | undefined {
  try {
    return headsShape.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

function headsLost(path: string): MeshtrailError {
  return new MeshtrailError(
    'journal_damaged',
    `the newest journal file has lost its heads: ${path}`,
    'Sequence numbers could be given twice. Put the file back from a copy, or ask for help.',
  );
}
