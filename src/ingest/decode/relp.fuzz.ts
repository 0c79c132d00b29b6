import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LIMITS, overrideLimits } from '../../model/limits.ts';
import { createRelp } from './relp.ts';
import { cuts, edited, edits, streamed } from './stream-arbitrary.ts';

const decoder = createRelp();
const peer = { address: '192.0.2.1', transport: 'tcp' } as const;

const message = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
  fc.constantFrom('<34>1 2025-11-20T10:00:00Z h a - - - x', '<13>Nov 20 10:00:00 h t[1]: y\n', '9'),
);
const frame = (number: number, command: string, text: string): Buffer => {
  const data = Buffer.from(text);
  const head = `${number} ${command} ${data.length}${data.length > 0 ? ' ' : ''}`;
  return Buffer.concat([Buffer.from(head), data, Buffer.from('\n')]);
};
const session = fc
  .array(message, { maxLength: 6 })
  .map((messages) => [
    frame(1, 'open', 'relp_version=0\ncommands=syslog'),
    ...messages.map((text, i) => frame(i + 2, 'syslog', text)),
    frame(messages.length + 2, 'close', ''),
  ]);

test('every message is kept and answered', () => {
  fc.assert(
    fc.property(session, cuts, (frames, at) => {
      const outcome = streamed(decoder, peer, new Uint8Array(Buffer.concat(frames)), at);
      expect(outcome.rejects).toEqual([]);
      expect(outcome.closed).toBe(true);
      expect(outcome.replies.match(/\d+ rsp 6 200 OK\n/g) ?? []).toHaveLength(frames.length - 2);
    }),
  );
});

test('streams give the same however they are split, good ones and broken ones', () => {
  fc.assert(
    fc.property(session, edits, cuts, (frames, changes, at) => {
      const bytes = edited(Buffer.concat(frames), changes);
      const whole = streamed(decoder, peer, bytes, []);
      expect(streamed(decoder, peer, bytes, at)).toEqual(whole);
    }),
  );
});

test('random bytes are survived', () => {
  const start = fc.constantFrom(
    '',
    '1 ',
    '1 open 14 relp_version=0\n',
    '1 open 14 relp_version=0\n2 syslog ',
  );
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 100 }), cuts, (head, tail, at) => {
      const bytes = new Uint8Array(Buffer.concat([Buffer.from(head), tail]));
      const whole = streamed(decoder, peer, bytes, []);
      expect(streamed(decoder, peer, bytes, at)).toEqual(whole);
    }),
  );
});

test('bounds hold wherever a stream is split', () => {
  const before = LIMITS.requestBytes;
  overrideLimits({ requestBytes: 60 });
  try {
    fc.assert(
      fc.property(
        session.map((frames) => Buffer.concat(frames)),
        cuts,
        (parts, at) => {
          const bytes = new Uint8Array(parts);
          expect(streamed(decoder, peer, bytes, at)).toEqual(streamed(decoder, peer, bytes, []));
        },
      ),
    );
  } finally {
    overrideLimits({ requestBytes: before });
  }
});
