import { AGENT_NO_TIME, AGENT_WITH } from '../../model/agent-batch.ts';
import { keys, type Key } from '../../model/key.ts';

/** Bytes of a length: 2^35 is far beyond any block. */
const LENGTH_BYTES = 5;
const TIME_BYTES = 8;

/** Walks over one block of an agent's batch, event by event. Never reads beyond it. */
export class AgentBlock {
  readonly bytes: Uint8Array;
  /** The event at hand, after `next`: its line. */
  start = 0;
  end = 0;
  /** Seconds since 1970, -1 where unknown, and nanoseconds. */
  timeSec = -1;
  timeNano = 0;
  flags = 0;
  private readonly with: number;
  private readonly view: DataView;
  private readonly stop: number;
  private at: number;
  /** The event's own fields that were not told yet. */
  private fields = 0;

  constructor(bytes: Uint8Array, start: number, stop: number, what: number) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = start;
    this.stop = stop;
    this.with = what;
  }

  /** Goes to the next event; false where the block ends or is broken. */
  next(): boolean {
    this.eachField(() => undefined);
    const length = this.length();
    if (length < 0 || length > this.stop - this.at) return false;
    this.start = this.at;
    this.end = this.at + length;
    this.at = this.end;
    return this.with === 0 || this.readRest();
  }

  /** Tells the event's own fields, once: name, and where its value stands. */
  eachField(tell: (name: Key, start: number, end: number) => void): void {
    for (; this.fields > 0; this.fields--) {
      const nameEnd = this.length() + this.at;
      const nameAt = this.at;
      if (nameEnd < nameAt || nameEnd > this.stop) break;
      this.at = nameEnd;
      const valueEnd = this.length() + this.at;
      if (valueEnd < this.at || valueEnd > this.stop) break;
      tell(keys.intern(this.bytes, nameAt, nameEnd), this.at, valueEnd);
      this.at = valueEnd;
    }
    // What is left of a broken event leads nowhere.
    if (this.fields > 0) this.at = this.stop;
    this.fields = 0;
  }

  /** What has not been walked over. */
  rest(): Uint8Array {
    return this.bytes.subarray(this.at, this.stop);
  }

  private readRest(): boolean {
    if ((this.with & AGENT_WITH.time) !== 0) {
      if (this.stop - this.at < TIME_BYTES) return false;
      const seconds = this.view.getUint32(this.at, true);
      this.timeSec = seconds === AGENT_NO_TIME ? -1 : seconds;
      this.timeNano = Math.min(999_999_999, this.view.getUint32(this.at + 4, true));
      this.at += TIME_BYTES;
    }
    if ((this.with & AGENT_WITH.flags) !== 0) {
      if (this.at >= this.stop) return false;
      this.flags = this.bytes[this.at++] as number;
    }
    if ((this.with & AGENT_WITH.fields) === 0) return true;
    this.fields = this.length();
    // A field takes two bytes at least.
    if (this.fields >= 0 && this.fields * 2 <= this.stop - this.at) return true;
    this.fields = 0;
    return false;
  }

  /** LEB128; -1 where there is none. */
  private length(): number {
    let value = 0;
    for (let i = 0; i < LENGTH_BYTES && this.at < this.stop; i++) {
      const byte = this.bytes[this.at++] as number;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    return -1;
  }
}
