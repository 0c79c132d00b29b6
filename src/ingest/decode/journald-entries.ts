import { LIMITS } from '../../model/limits.ts';
import type { EventSink, StreamAnswer, StreamSession } from './decode.ts';
import { sampleOf } from './inflated-body.ts';
import { JournalFields, putEntry } from './journald-record.ts';

/**
 * Cuts a stream of journal entries (systemd, "Journal Export Format"):
 *
 *        ┌────── LF alone: the entry, if it has fields
 *        ▼
 *      NAME ──'='──► TEXT ──LF──► a field, NAME
 *        │
 *        ├──LF──► SIZE ──8 bytes, little-endian──► VALUE(n) ──n bytes──► END ──LF──► a field, NAME
 *        │                                                                │
 *        └──what is no name──► LOST ◄───────────anything else─────────────┘
 *                               └──blank line──► one entry refused, NAME
 *
 * Of a value over the bound the first bytes are kept, and the rest is counted. Where the stream
 * splits never matters. An entry whose blank line never came is not whole and not kept: its sender
 * sends it again.
 */
const NAME = 0;
const TEXT = 1;
const SIZE = 2;
const VALUE = 3;
const END = 4;
const LOST = 5;

const LF = 0x0a;
const EQUALS = 0x3d;
const NAME_BYTES = 64;
const SIZE_BYTES = 8;
const NONE = Buffer.alloc(0);
const NOTHING = {};
/** What an upload keeps for small entries between reads. */
const LEAST = 16_384;

export class JournalEntries implements StreamSession {
  kept = 0;
  refused = 0;
  private state: number = NAME;
  /** Names and values of the entry so far. */
  private held = NONE;
  private size = 0;
  private readonly fields = new JournalFields();
  private nameStart = 0;
  private nameEnd = 0;
  private valueStart = 0;
  /** Bytes of the value that were left out. */
  private cut = 0;
  /** Bytes of the size that were read, and the size; then the bytes of the value to come. */
  private sizeAt = 0;
  private left = 0;
  /** In what is lost: whether the line at hand has no bytes so far. */
  private isBlank = false;
  private readonly all: { total: number };

  /** @param all bytes that the uploads of a thread hold together */
  constructor(all: { total: number }) {
    this.all = all;
  }

  feed(received: Uint8Array, sink: EventSink): StreamAnswer {
    const bytes = Buffer.from(received.buffer, received.byteOffset, received.length);
    for (let at = 0; at < bytes.length;) at = this.step(bytes, at, sink);
    return NOTHING;
  }

  /** What is held is not whole. */
  end(sink: EventSink): void {
    if (this.state !== NAME || this.size > 0) this.refuse(sink);
    this.begin();
    this.release();
  }

  /** Reads some bytes from `at`; gives the position behind them. */
  private step(bytes: Buffer, at: number, sink: EventSink): number {
    switch (this.state) {
      case NAME:
        return this.name(bytes, at, sink);
      case TEXT: {
        const feed = bytes.indexOf(LF, at);
        const stop = feed < 0 ? bytes.length : feed;
        this.hold(bytes, at, stop);
        if (feed < 0) return stop;
        this.endField();
        return feed + 1;
      }
      case SIZE:
        this.left += (bytes[at] as number) * 2 ** (8 * this.sizeAt++);
        if (this.sizeAt === SIZE_BYTES) this.beginValue();
        return at + 1;
      case VALUE: {
        const stop = Math.min(bytes.length, at + this.left);
        this.hold(bytes, at, stop);
        this.left -= stop - at;
        if (this.left === 0) this.state = END;
        return stop;
      }
      case END:
        if (bytes[at] !== LF) return this.lose(at);
        this.endField();
        return at + 1;
      default:
        return this.pass(bytes, at, sink);
    }
  }

  /** A name, or the rest of one; most fields lie whole in the bytes, and are copied at once. */
  private name(bytes: Buffer, start: number, sink: EventSink): number {
    let at = start;
    while (at < bytes.length && isNameByte(bytes[at] as number)) at++;
    const size = this.size - this.nameStart + at - start;
    if (size > NAME_BYTES) return this.lose(at);
    const byte = bytes[at];
    if (byte === LF && size === 0) {
      this.endEntry(sink);
      return at + 1;
    }
    if (byte !== undefined && (size === 0 || (byte !== LF && byte !== EQUALS))) {
      return this.lose(at);
    }
    if (byte === EQUALS) {
      const feed = bytes.indexOf(LF, at);
      if (feed > 0 && this.fits(feed - start)) {
        const shift = this.size - start;
        this.hold(bytes, start, feed);
        this.fields.add(this.nameStart, at + shift, at + shift + 1, this.size, 0);
        this.beginField();
        return feed + 1;
      }
    }
    this.hold(bytes, start, at);
    if (this.cut > 0) return this.lose(at);
    this.nameEnd = this.size;
    this.valueStart = this.size;
    if (byte === EQUALS) this.state = TEXT;
    else if (byte === LF) this.state = SIZE;
    return at + (byte === undefined ? 0 : 1);
  }

  private beginValue(): void {
    this.state = this.left === 0 ? END : VALUE;
    // No value is so long: this is no size.
    if (this.left > Number.MAX_SAFE_INTEGER) this.lose(0);
  }

  private endField(): void {
    this.fields.add(this.nameStart, this.nameEnd, this.valueStart, this.size, this.cut);
    this.beginField();
  }

  private beginField(): void {
    this.state = NAME;
    this.nameStart = this.size;
    this.cut = 0;
    this.sizeAt = 0;
    this.left = 0;
  }

  private endEntry(sink: EventSink): void {
    if (this.fields.count > 0) {
      putEntry(sink, this.held, this.fields);
      this.kept++;
    }
    this.begin();
  }

  /** Begins an entry. */
  private begin(): void {
    this.fields.clear();
    this.size = 0;
    this.beginField();
    if (this.held.length > LIMITS.scratchKeptBytes) this.release();
  }

  /** What comes makes no sense; gives the position where to pass it over. */
  private lose(at: number): number {
    this.state = LOST;
    this.isBlank = false;
    return at;
  }

  /** Passes over what is lost, up to a blank line. */
  private pass(bytes: Buffer, start: number, sink: EventSink): number {
    for (let at = start; at < bytes.length;) {
      const feed = bytes.indexOf(LF, at);
      if (feed === at && this.isBlank) {
        this.refuse(sink);
        this.begin();
        return at + 1;
      }
      if (feed < 0) {
        this.isBlank = false;
        return bytes.length;
      }
      this.isBlank = true;
      at = feed + 1;
    }
    return bytes.length;
  }

  private refuse(sink: EventSink): void {
    this.refused++;
    sink.reject('malformed_entry', sampleOf(this.held, 0, this.size));
  }

  /** Bytes that may yet be held. One more than a line: so a value is seen to be too long. */
  private room(): number {
    const inField = LIMITS.lineBytes + 1 + NAME_BYTES - (this.size - this.nameStart);
    return Math.min(inField, LIMITS.journaldEntryBytes - this.size);
  }

  private fits(size: number): boolean {
    if (this.room() < size) return false;
    if (this.size + size > this.held.length) this.grow(this.size + size);
    return this.size + size <= this.held.length;
  }

  /** Holds what there is room for, and counts the rest. */
  private hold(bytes: Buffer, start: number, end: number): void {
    const most = start + Math.max(0, Math.min(end - start, this.room()));
    const wanted = this.size + most - start;
    if (wanted > this.held.length) this.grow(wanted);
    const stop = Math.min(most, start + this.held.length - this.size);
    bytes.copy(this.held, this.size, start, stop);
    this.size += stop - start;
    this.cut += end - stop;
  }

  private grow(wanted: number): void {
    const room = Math.max(LEAST, wanted, Math.min(this.held.length * 2, 4 * wanted));
    const more = room - this.held.length;
    // Where all hold too much, long values are cut early.
    if (this.all.total + more > LIMITS.journaldHeldBytes && this.held.length >= LEAST) return;
    const grown = Buffer.allocUnsafeSlow(room);
    this.held.copy(grown, 0, 0, this.size);
    this.held = grown;
    this.all.total += more;
  }

  private release(): void {
    this.all.total -= this.held.length;
    this.held = NONE;
  }
}

const isNameByte = (byte: number): boolean =>
  (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x30 && byte <= 0x39) || byte === 0x5f;
