import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  allDecoders,
  casesOf,
  requestOf,
  type Case,
  type GrpcHead,
  type HttpHead,
  type StreamHead,
} from '../../../fixtures/decode/cases.ts';
import { C, COLUMNS } from '../../model/columns.ts';
import { LogRecord, type Pairs } from '../../model/record.ts';
import type { EventSink } from './decode.ts';

/**
 * What real senders sent, damaged: bits flipped, bytes cut out, doubled, overwritten, the rest cut
 * off. A decoder must not throw, and what it commits must lie within bytes that exist. Plain loops
 * and no shrinking, so that a million inputs take minutes (`npm run fuzz -- --runs 1000000
 * mutations`). A failure names the seed of its input.
 */
const { numRuns = 200, seed = 20_261_121 } = fc.readConfigureGlobal();

/** Checks the ranges of what is committed, and keeps nothing. */
class RangeSink implements EventSink {
  readonly observedSec = 1_763_632_800;
  items = 0;
  private readonly record = new LogRecord();

  begin(): LogRecord {
    this.record.reset();
    return this.record;
  }

  commit(): void {
    const { record } = this;
    this.items++;
    range(record.lineBuf, record.lineStart, record.lineEnd);
    for (let column = 0; column < COLUMNS.length; column++) {
      const end = record.ends[column] as number;
      if (end >= 0 && column !== C.severity) {
        range(record.bufs[column] as Uint8Array, record.starts[column] as number, end);
      }
    }
    for (const pairs of [record.labels, record.metadata, record.attributes]) ranges(pairs);
  }

  span(): void {
    this.items++;
  }

  reject(): void {
    this.items++;
  }
}

const ranges = ({ count, bufs, starts, ends }: Pairs): void => {
  for (let i = 0; i < count; i++) {
    range(bufs[i] as Uint8Array, starts[i] as number, ends[i] as number);
  }
};

const range = (buf: Uint8Array, start: number, end: number): void => {
  if (start < 0 || start > end || end > buf.length) {
    throw new Error(`a range from ${start} to ${end} of ${buf.length} bytes`);
  }
};

/** Deterministic whole numbers below `most` (mulberry32). */
const chanceOf = (from: number): ((most: number) => number) => {
  let state = from | 0;
  return (most) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % most;
  };
};

/** Bytes that formats give a meaning. */
const TELLING = [
  0, 1, 0x0a, 0x0d, 0x20, 0x22, 0x2c, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x7f, 0x80, 0xff,
];
/** Larger inputs say little more and cost much. */
const MOST_BYTES = 3_000;

const damaged = (input: Uint8Array, chance: (most: number) => number): Uint8Array => {
  const from = input.length > MOST_BYTES ? chance(2) * (input.length - MOST_BYTES) : 0;
  let bytes = Buffer.from(input.subarray(from, from + MOST_BYTES));
  for (let edits = 1 + chance(4); edits > 0 && bytes.length > 0; edits--) {
    const at = chance(bytes.length);
    const size = Math.min(bytes.length - at, 1 + chance(12));
    switch (chance(6)) {
      case 0:
        bytes[at] = (bytes[at] as number) ^ (1 << chance(8));
        break;
      case 1:
        bytes[at] = TELLING[chance(TELLING.length)] as number;
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at + size), bytes.subarray(at)]);
        break;
      case 4:
        bytes.fill(chance(2) * 0xff, at, at + Math.min(size, 4));
        break;
      default:
        bytes = Buffer.from(bytes.subarray(0, at));
    }
  }
  return new Uint8Array(bytes);
};

/** Tries a decoder with as many inputs as asked for; none may throw. */
const tryAll = async <Head>(
  cases: readonly Case<Head>[],
  run: (head: Head, input: Uint8Array, chance: (most: number) => number) => void,
): Promise<number> => {
  let tried = 0;
  for (; tried < numRuns; tried++) {
    // Between requests a thread's turn ends; only then zlib lets go of its buffers.
    if (tried % TURN === TURN - 1) await new Promise((resolve) => setImmediate(resolve));
    const chance = chanceOf(seed + tried * 7_919);
    const one = cases[chance(cases.length)] as Case<Head>;
    const input = damaged(one.input, chance);
    try {
      run(one.head, input, chance);
    } catch (error) {
      const hex = Buffer.from(input).toString('hex');
      throw new Error(`seed ${seed} + ${tried}, case ${one.id}: ${hex}`, { cause: error });
    }
  }
  return tried;
};

/** Inputs of one turn of the event loop. */
const TURN = 256;

const decoders = allDecoders();
/** As in a decoding thread, one for all. */
const sink = new RangeSink();

describe('damaged requests', () => {
  test.each(decoders.http.map((decoder) => [decoder.name, decoder] as const))(
    '%s',
    async (name, decoder) => {
      const run = (head: HttpHead, input: Uint8Array): void => {
        const reply = decoder.decode(requestOf(head, input), sink);
        if (!(reply.status >= 200 && reply.status < 600)) throw new Error(`${reply.status}`);
      };
      expect(await tryAll(casesOf<HttpHead>(name), run)).toBe(numRuns);
    },
  );
});

describe('damaged streams, in pieces', () => {
  test.each(decoders.streams.map((decoder) => [decoder.name, decoder] as const))(
    '%s',
    async (name, decoder) => {
      const run = (head: StreamHead, input: Uint8Array, chance: (most: number) => number): void => {
        const session = decoder.open(head);
        const cut = head.transport === 'tcp' ? chance(input.length + 1) : input.length;
        for (const piece of [input.subarray(0, cut), input.subarray(cut)]) {
          if (session.feed(new Uint8Array(piece), sink).close === true) break;
        }
        session.end(sink);
      };
      expect(await tryAll(casesOf<StreamHead>(name), run)).toBe(numRuns);
    },
  );
});

describe('damaged calls', () => {
  test.each(decoders.grpc.map((decoder) => [decoder.name, decoder] as const))(
    '%s',
    async (name, decoder) => {
      const run = (head: GrpcHead, input: Uint8Array): void => {
        const session = decoder.open(head);
        // Behind the frame's five bytes, which the listener reads.
        if (session.message(input.subarray(5), sink) === undefined) session.end(sink);
      };
      expect(await tryAll(casesOf<GrpcHead>(name), run)).toBe(numRuns);
    },
  );
});
