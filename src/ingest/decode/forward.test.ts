import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { decode, encode, ExtData } from '@msgpack/msgpack';
import { afterEach, describe, expect, test } from 'vitest';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import { CapturedSink } from './captured-sink.ts';
import type { StreamAnswer, StreamPeer, StreamSession } from './decode.ts';
import { createForward, type ForwardOptions } from './forward.ts';

const KEY = 'the-key-of-a-test';
const peer: StreamPeer = {
  address: '192.0.2.1',
  transport: 'tcp',
  nonce: new Uint8Array(16).fill(9),
};
const keyed: ForwardOptions = { secret: { kind: 'key', key: KEY }, userAuth: false };
const defaults = { ...LIMITS };

afterEach(() => overrideLimits(defaults));

const pack = (value: unknown): Uint8Array => new Uint8Array(encode(value));
const sha512 = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

interface Helo {
  readonly nonce: Uint8Array;
  readonly auth: Uint8Array | string;
  readonly keepalive: boolean;
}

class Conversation {
  readonly sink = new CapturedSink();
  readonly session: StreamSession;
  closed = false;
  identity = '';

  constructor(options: ForwardOptions, from: StreamPeer = peer) {
    this.session = createForward(options).open(from);
  }

  say(bytes: Uint8Array): unknown {
    const { reply, close, identity }: StreamAnswer = this.session.feed(bytes, this.sink);
    this.closed ||= close === true;
    this.identity += identity ?? '';
    return reply === undefined ? undefined : decode(reply);
  }

  helo(): Helo {
    const [word, options] = this.say(new Uint8Array(0)) as [string, Helo];
    expect(word).toBe('HELO');
    return options;
  }
}

describe('the handshake', () => {
  test('a salt of raw bytes, as Fluent Bit sends it in a string', () => {
    const talk = new Conversation(keyed);
    const { nonce, auth, keepalive } = talk.helo();
    expect([nonce.length, auth, keepalive]).toEqual([16, '', true]);
    const salt = Uint8Array.from([0, 255, 254, 128, 1, 2, 3, 195]);
    const digest = sha512(salt, 'client', nonce, KEY);
    // An array of 6: 'PING', 'client', the salt under a string's head, ...
    const ping = Buffer.concat([
      Buffer.from([0x96]),
      pack('PING'),
      pack('client'),
      Buffer.from([0xa0 | salt.length]),
      salt,
      pack(digest),
      pack(''),
      pack(''),
    ]);
    const server = 'meshtrail';
    const proof = sha512(salt, server, nonce, KEY);
    expect(talk.say(ping)).toEqual(['PONG', true, '', server, proof]);
    expect(talk.identity).toBe('client');
    expect(talk.say(pack(['t', 1, { log: 'x' }, { chunk: 'c' }]))).toEqual({ ack: 'c' });
    expect(talk.sink.events).toHaveLength(1);
  });

  test('a client that has our name gets another', () => {
    const talk = new Conversation(keyed);
    const { nonce } = talk.helo();
    const ping = ['PING', 'meshtrail', 's', sha512('s', 'meshtrail', nonce, KEY), '', ''];
    const pong = talk.say(pack(ping)) as string[];
    expect(pong[3]).toBe('meshtrail-server');
  });

  test.each([
    ['the key as password', KEY, true],
    ['another password', 'x', false],
  ])('users: %s', (_, password, good) => {
    const talk = new Conversation({ ...keyed, userAuth: true });
    const { nonce, auth } = talk.helo();
    expect(auth).toHaveLength(16);
    const digest = sha512(auth, 'anna', password);
    const ping = ['PING', 'client', 's', sha512('s', 'client', nonce, KEY), 'anna', digest];
    const pong = talk.say(pack(ping)) as [string, boolean, string];
    expect(pong[1]).toBe(good);
    expect(talk.identity).toBe(good ? 'anna' : '');
    expect(talk.closed).toBe(!good);
  });

  test('every refusal fits what Fluent Bit has room for, and says what is wrong', () => {
    const cases: [ForwardOptions, unknown, string][] = [
      [keyed, ['PING', 'client', 's', '0'.repeat(128), '', ''], 'shared_key mismatch'],
      [keyed, ['PING'], 'shared_key is required'],
      [keyed, null, 'shared_key is required'],
      [
        { secret: { kind: 'unknown' }, userAuth: false },
        ['PING', 'client', 's', '0'.repeat(128), '', ''],
        'server: set MESHTRAIL_ADMIN_KEY',
      ],
    ];
    for (const [options, message, reason] of cases) {
      const talk = new Conversation(options);
      talk.helo();
      expect(talk.say(pack(message))).toEqual(['PONG', false, reason, '', '']);
      expect(reason.length).toBeLessThan(32);
      expect(talk.closed).toBe(true);
      expect(talk.sink.rejects).toEqual(['unauthorized']);
      expect(talk.say(pack(['t', 1, { log: 'x' }]))).toBeUndefined();
      expect(talk.sink.events).toEqual([]);
    }
  });

  test('each connection is challenged anew', () => {
    const first = new Conversation(keyed).helo();
    const again = new Conversation(keyed, { ...peer, nonce: new Uint8Array(16).fill(8) }).helo();
    expect(first.nonce).not.toEqual(again.nonce);
  });

  test('a strange message before it is bounded', () => {
    const talk = new Conversation(keyed);
    talk.helo();
    expect(talk.say(pack(['t', 'x'.repeat(LIMITS.handshakeBytes)]))).toBeUndefined();
    expect(talk.sink.rejects).toEqual(['too_large']);
    expect(talk.closed).toBe(true);
  });
});

describe('bounds', () => {
  const open: ForwardOptions = { secret: { kind: 'open' }, userAuth: false };

  test('a message in small pieces costs no more than its bytes', () => {
    const talk = new Conversation(open);
    const entries = Array.from({ length: 60_000 }, (_, i) => [i, { log: `line ${i}` }]);
    const bytes = pack(['t', entries, { chunk: 'c' }]);
    const begun = performance.now();
    let answer: unknown;
    for (let at = 0; at < bytes.length; at += 100) answer = talk.say(bytes.slice(at, at + 100));
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(answer).toEqual({ ack: 'c' });
    expect(talk.sink.events).toHaveLength(60_000);
  });

  test('a message over the bound ends the connection as soon as it says so', () => {
    const talk = new Conversation(open);
    talk.say(Uint8Array.from([0x92, 0xa1, 0x74, 0xc6, 0xff, 0xff, 0xff, 0xff]));
    expect(talk.sink.rejects).toEqual(['too_large']);
    expect(talk.closed).toBe(true);
  });

  test('unfinished messages of many connections together', () => {
    overrideLimits({ streamHeldBytes: 100_000 });
    const decoder = createForward(open);
    const sink = new CapturedSink();
    const part = pack(['t', 'x'.repeat(50_000)]).slice(0, 40_000);
    const sessions = Array.from({ length: 5 }, () => decoder.open(peer));
    const closed = sessions.map((session) => session.feed(part, sink).close === true);
    expect(closed).toEqual([false, false, true, true, true]);
    expect(sink.rejects).toEqual(Array(3).fill('held_too_much'));
    for (const session of sessions) session.end(sink);
    // What ended gave its room back.
    expect(decoder.open(peer).feed(part, sink).close).toBeUndefined();
  });

  test('a bomb is counted and acknowledged', () => {
    overrideLimits({ inflatedBytes: 1_000_000 });
    const talk = new Conversation(open);
    const bomb = gzipSync(new Uint8Array(4_000_000));
    const option = { compressed: 'gzip', chunk: 'b' };
    expect(talk.say(pack(['t', bomb, option]))).toEqual({ ack: 'b' });
    expect(talk.sink.rejects).toEqual(['too_large']);
  });

  test('a long tag is not copied without end', () => {
    overrideLimits({ stampedBytes: 100_000 });
    const talk = new Conversation(open);
    const entries = Array.from({ length: 100 }, () => [1, { log: 'x' }]);
    talk.say(pack(['t'.repeat(10_000), entries]));
    expect(talk.sink.events).toHaveLength(9);
    expect(new Set(talk.sink.rejects)).toEqual(new Set(['tag_too_large']));
  });
});

test('an entry whose time is an empty list is taken for what it is, after one with an EventTime', () => {
  const talk = new Conversation({ secret: { kind: 'open' }, userAuth: false });
  const eventTime = new ExtData(0, new Uint8Array(8).fill(1));
  const far = 'x'.repeat(2_000);
  talk.say(pack([far, [[eventTime, { log: 'first' }]]]));
  talk.say(pack(['t', [[[], { log: 'second' }]]]));
  talk.say(pack(['t', [[7, { log: 'third' }]]]));
  expect(talk.sink.events.map(({ line }) => line)).toEqual(['first', 'third']);
  expect(talk.sink.rejects).toEqual(['bad_entry']);
  expect(talk.closed).toBe(false);
});
