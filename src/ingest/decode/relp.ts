import { LIMITS } from '../../model/limits.ts';
import type { EventSink, StreamAnswer, StreamDecoder, StreamSession } from './decode.ts';
import { sampleOf } from './inflated-body.ts';
import { readFrame, type RelpFrame } from './relp-frame.ts';
import { StreamBytes, type HeldTotal } from './stream-bytes.ts';
import { putMessage } from './syslog-message.ts';

/**
 * RELP, the Reliable Event Logging Protocol (librelp's doc/relp.md), as rsyslog's omrelp speaks it:
 *
 *     NEW ──open: rsp 200 and our offers──► OPEN ──syslog: rsp 200──► OPEN
 *      │                                     │  │
 *      │ anything else: rsp 500              │  └──close: rsp──► CLOSED
 *      ▼                                     ▼
 *     CLOSED ◄── no frame, too large, a transaction number out of turn
 *
 * Commands are numbered from 1, one by one (behind 999,999,999 comes 1); those with number 0 are
 * hints, which are not answered. A command that we do not have is answered 500 and the session
 * goes on. `rsp 200` for a message leaves when the message is durable; where we close,
 * `serverclose` goes before.
 */
const CLOSE: StreamAnswer = { close: true };
const NOTHING: StreamAnswer = {};
const SERVER_CLOSE = '0 serverclose 0\n';
const LAST_NUMBER = 999_999_999;
const OFFERS = 'relp_software=meshtrail\ncommands=syslog';

class RelpConnection implements StreamSession {
  private readonly bytes: StreamBytes;
  private state: 'new' | 'open' | 'closed' = 'new';
  private number = 0;
  private reply = '';

  constructor(all: HeldTotal) {
    this.bytes = new StreamBytes(all);
  }

  feed(received: Uint8Array, sink: EventSink): StreamAnswer {
    if (this.state === 'closed') return CLOSE;
    const { bytes } = this;
    if (!bytes.add(received)) this.fail('held_too_much', sink);
    else this.readAll(sink);
    const close = this.isClosed();
    if (close) bytes.release();
    const { reply } = this;
    if (reply === '') return close ? CLOSE : NOTHING;
    this.reply = '';
    return { reply: Buffer.from(reply, 'latin1'), ...(close && { close }) };
  }

  end(): void {
    // What is left was not answered: its sender has it still.
    this.bytes.release();
  }

  private isClosed(): boolean {
    return this.state === 'closed';
  }

  private readAll(sink: EventSink): void {
    const { bytes } = this;
    while (bytes.start < bytes.end) {
      const frame = readFrame(bytes.buf, bytes.start, bytes.end);
      if (frame === 'short') break;
      if (typeof frame === 'string') return this.fail(frame, sink);
      if (frame.number > 0 && !this.isNext(frame.number)) return this.fail('sequence_gap', sink);
      this.command(bytes.buf, frame, sink);
      if (this.isClosed()) return undefined;
      bytes.start = frame.stop;
    }
    return bytes.keep() ? undefined : this.fail('held_too_much', sink);
  }

  private isNext(number: number): boolean {
    const expected = this.number === LAST_NUMBER ? 1 : this.number + 1;
    const isFirst = this.number === 0;
    this.number = number;
    return isFirst || number === expected;
  }

  private command(buf: Buffer, frame: RelpFrame, sink: EventSink): void {
    const { command, number, start, end } = frame;
    // Hints: `abort` and `serverclose` are followed by the connection's end.
    if (number === 0) return undefined;
    if (command === 'open') return this.open(buf, frame, sink);
    if (this.state === 'new') {
      this.respond(number, '500 open the session first');
      return this.fail('malformed_message', sink);
    }
    if (command === 'syslog') {
      const stop = end > start && buf[end - 1] === LF ? end - 1 : end;
      const kept = Math.min(stop, start + LIMITS.lineBytes + LIMITS.syslogHeaderBytes);
      if (stop > start) putMessage(sink, buf, start, kept, stop - kept);
      return this.respond(number, '200 OK');
    }
    if (command === 'close') {
      this.respond(number, '');
      return this.close();
    }
    sink.reject('unknown_command', sampleOf(buf, start, end));
    return this.respond(number, '500 unknown command');
  }

  private open(buf: Buffer, { number, start, end }: RelpFrame, sink: EventSink): void {
    if (this.state === 'open') return this.respond(number, '500 the session is open already');
    const size = end - start;
    const offers = size > LIMITS.relpOfferBytes ? '' : buf.toString('latin1', start, end);
    const version = /(?:^|\n)relp_version=(\d)/.exec(offers)?.[1];
    if (version === undefined) {
      this.respond(number, '500 the offer relp_version is missing');
      return this.fail('malformed_message', sink);
    }
    this.state = 'open';
    // Version 0 is what librelp has always said; 1 is the same, and the newest.
    const ours = version === '0' ? 0 : 1;
    return this.respond(number, `200 OK\nrelp_version=${ours}\n${OFFERS}`);
  }

  private respond(number: number, data: string): void {
    this.reply += data === '' ? `${number} rsp 0\n` : `${number} rsp ${data.length} ${data}\n`;
  }

  private fail(reason: string, sink: EventSink): void {
    const { bytes } = this;
    sink.reject(reason, sampleOf(bytes.buf, bytes.start, bytes.end));
    this.close();
  }

  private close(): void {
    this.reply += SERVER_CLOSE;
    this.state = 'closed';
  }
}

const LF = 0x0a;

export const createRelp = (): StreamDecoder => {
  const all: HeldTotal = { bytes: 0 };
  return {
    name: 'relp',
    native: 'relp',
    transports: ['tcp'],
    secret: 'none',
    open: () => new RelpConnection(all),
  };
};
