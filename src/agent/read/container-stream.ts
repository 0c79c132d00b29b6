import { Runs, type Behind, type Join } from '../../ingest/multiline/join.ts';
import { Lines } from '../../ingest/multiline/lines.ts';
import { LIMITS } from '../../model/limits.ts';
import { pushCut } from './assemble.ts';
import { found } from './container-line.ts';
import type { Events } from './events.ts';

const LF = 0x0a;

/** Where joined texts are put: behind the raw bytes. */
export interface Room {
  bytes: Buffer;
  used: number;
}

/** The texts of one stream of a container on their way to lines and events. */
export class ContainerStream {
  readonly lines = new Lines();
  private readonly bit: number;
  private readonly runs = new Runs();
  private decided = 0;
  private skipping = false;
  /** Where in the raw bytes skipping began (even) and ended (odd), in turn; as of the start. */
  private readonly turns: number[] = [];
  private wasSkipping = false;
  /** By line: where it begins in the raw bytes, where it ends there, and what is known of it. */
  private readonly begins: number[] = [];
  private readonly behinds: number[] = [];
  private readonly seconds: number[] = [];
  private readonly nanos: number[] = [];
  private readonly stdios: number[] = [];
  private readonly isCut: boolean[] = [];
  /** Lines that were put together from parts. */
  private readonly together: number[] = [];
  /** Starts and ends of the parts of a line whose end was not seen yet. */
  private readonly parts: number[] = [];
  private partBytes = 0;
  /** The next line or run that goes out. */
  private next = 0;
  private nextRun = 0;

  constructor(bit: number) {
    this.bit = bit;
  }

  clear(room: Room, skipping: number): void {
    this.lines.clear(room.bytes);
    this.parts.length = 0;
    this.partBytes = 0;
    this.together.length = 0;
    this.turns.length = 0;
    this.skipping = this.wasSkipping = (skipping & this.bit) !== 0;
    this.next = this.nextRun = 0;
  }

  /** Takes what `found` says of the raw bytes `begin..behind`. */
  add(room: Room, begin: number, behind: number): void {
    if (this.skipping) {
      if (!found.goesOn) this.turn(behind);
      return;
    }
    if (this.parts.length === 0) {
      const i = this.lines.count;
      this.begins[i] = begin;
      this.seconds[i] = found.seconds;
      this.nanos[i] = found.nanos;
      this.stdios[i] = found.stdio;
      if (!found.goesOn) return this.push(found.start, found.end, behind);
    }
    this.parts.push(found.start, found.end);
    this.partBytes += found.end - found.start;
    this.behinds[this.lines.count] = behind;
    if (!found.goesOn) this.putTogether(room);
    else if (this.partBytes >= LIMITS.lineBytes) this.cut(room);
  }

  /** Takes the parts that are there for a line. */
  takeParts(room: Room): void {
    if (this.parts.length > 0) this.putTogether(room);
  }

  /** The same, and skips what follows of it. */
  cut(room: Room): void {
    if (this.parts.length === 0) return;
    const behind = this.behinds[this.lines.count] as number;
    this.putTogether(room);
    this.isCut[this.lines.count - 1] = true;
    this.turn(behind);
  }

  /** Where in the raw bytes what is not decided begins; `end` where all is. */
  decide(join: Join, behind: Behind, end: number): number {
    const { count } = this.lines;
    this.decided = join(this.lines, behind, this.runs);
    const isPending = this.decided < count || this.parts.length > 0;
    return isPending ? (this.begins[this.decided] as number) : end;
  }

  /** Where the first event begins that would be torn if reading went on at `hold`; else `hold`. */
  holdBack(hold: number): number {
    let back = hold;
    const look = (first: number, last: number): void => {
      const begin = this.begins[first] as number;
      if (begin < back && (this.behinds[last] as number) > back) back = begin;
    };
    for (const line of this.together) if (line < this.decided) look(line, line);
    for (let i = 0; i < this.runs.count; i++) {
      look(this.runs.firsts[i] as number, (this.runs.ends[i] as number) - 1);
    }
    return back;
  }

  /** Where the next event begins; `hold` and more where none is left. */
  nextBegin(): number {
    return this.next < this.decided ? (this.begins[this.next] as number) : Infinity;
  }

  /** Gives the next event out. */
  give(room: Room, events: Events): void {
    const first = this.next;
    const isRun = this.nextRun < this.runs.count && this.runs.firsts[this.nextRun] === first;
    const behind = isRun ? (this.runs.ends[this.nextRun++] as number) : first + 1;
    this.next = behind;
    const { count } = events;
    const { starts, ends } = this.lines;
    if (!isRun) pushCut(events, starts[first] as number, ends[first] as number);
    else {
      const start = room.used;
      for (let i = first; i < behind; i++) {
        if (i > first) room.bytes[room.used++] = LF;
        room.used += room.bytes.copy(room.bytes, room.used, starts[i], ends[i]);
      }
      pushCut(events, start, room.used);
    }
    if (events.count === count) return;
    if (this.isCut[first] === true && events.cut.at(-1) !== count) events.cut.push(count);
    const { seconds, nanos, stdios } = this;
    events.setOrigin(seconds[first] as number, nanos[first] as number, stdios[first] as number);
  }

  /** This stream's bit, if at `hold` its line is being skipped. */
  skippingAt(hold: number): number {
    const turns = this.turns.filter((at) => at <= hold).length;
    return this.wasSkipping !== (turns % 2 === 1) ? this.bit : 0;
  }

  private turn(at: number): void {
    this.skipping = !this.skipping;
    this.turns.push(at);
  }

  private putTogether(room: Room): void {
    const start = room.used;
    for (let i = 0; i < this.parts.length; i += 2) {
      room.used += room.bytes.copy(room.bytes, room.used, this.parts[i], this.parts[i + 1]);
    }
    this.parts.length = 0;
    this.partBytes = 0;
    this.together.push(this.lines.count);
    this.push(start, room.used, this.behinds[this.lines.count] as number);
  }

  private push(start: number, end: number, behind: number): void {
    this.behinds[this.lines.count] = behind;
    this.isCut[this.lines.count] = false;
    this.lines.push(start, end);
  }
}
