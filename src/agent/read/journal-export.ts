import { LIMITS } from '../../model/limits.ts';

/** One entry of a journal: its fields by name; of repeated names the first. */
export type JournalEntry = ReadonlyMap<string, Buffer>;

const LF = 0x0a;
const EQUALS = 0x3d;
const SIZE_BYTES = 8;

/**
 * Cuts what `journalctl -o export` writes into entries (systemd, "Journal Export Formats"):
 *
 *     NAME=text LF                            a field whose text has no control characters
 *     NAME LF size (8 bytes, little) value LF     any other
 *     LF                                      the entry ends
 *
 * What is not whole is kept for the next call; an entry over the bound is skipped and counted.
 */
export class JournalExport {
  /** Entries that were too long. */
  skipped = 0;
  private held: Buffer = Buffer.alloc(0);
  private isSkipping = false;

  *feed(bytes: Buffer): Generator<JournalEntry> {
    this.held = this.held.length === 0 ? bytes : Buffer.concat([this.held, bytes]);
    for (;;) {
      const entry = new Map<string, Buffer>();
      const end = readEntry(this.held, entry);
      if (end < 0) break;
      this.held = this.held.subarray(end);
      if (this.isSkipping) this.isSkipping = false;
      else if (entry.size > 0) yield entry;
    }
    if (this.held.length > LIMITS.journaldEntryBytes) {
      this.skipped++;
      this.isSkipping = true;
      this.held = Buffer.alloc(0);
    }
  }
}

/** Where the entry at the start of `held` ends; -1 where it is not whole. */
const readEntry = (held: Buffer, entry: Map<string, Buffer>): number => {
  let at = 0;
  for (;;) {
    const feed = held.indexOf(LF, at);
    if (feed < 0) return -1;
    if (feed === at) return at + 1;
    const equals = held.indexOf(EQUALS, at);
    if (equals >= 0 && equals < feed) {
      put(entry, held.toString('latin1', at, equals), held.subarray(equals + 1, feed));
      at = feed + 1;
      continue;
    }
    const start = feed + 1 + SIZE_BYTES;
    if (held.length < start) return -1;
    const size = Number(held.readBigUInt64LE(feed + 1));
    if (held.length < start + size + 1) return -1;
    put(entry, held.toString('latin1', at, feed), held.subarray(start, start + size));
    at = start + size + 1;
  }
};

const put = (entry: Map<string, Buffer>, name: string, value: Buffer): void => {
  if (!entry.has(name)) entry.set(name, value);
};
