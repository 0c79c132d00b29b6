import type { DecodeRequest, EventSink, HttpDecoder, Refusal, Reply } from './decode.ts';
import { bodyOf, FAULT_WORDS } from './inflated-body.ts';
import { JournalEntries } from './journald-entries.ts';

/**
 * systemd-journal-upload: the journal in its export format (systemd, "Journal Export Formats"), in
 * one body without a length that goes on for as long as there are entries. It is taken as it comes:
 * what was read is durable whatever happens to the rest. The sender goes on behind the entry that
 * it knows of as sent; an entry that comes twice is one by its `__CURSOR`.
 */
export const createJournald = (): HttpDecoder => {
  const held = { total: 0 };
  return {
    name: 'journald',
    native: 'journald',
    mount: '/journald',
    secret: 'none',
    routes: [{ method: 'POST', path: '/upload' }],
    decode: (request, sink) => decode(request, sink, held),
    body: {
      takes: (headers) => /^(identity)?$/i.test((headers['content-encoding'] ?? '').trim()),
      open: () => new JournalEntries(held),
      reply: replyOf,
    },
    refuse: (why) => REFUSALS[why],
  };
};

const HEADERS = { 'content-type': 'text/plain' };

const text = (status: number, words: string): Reply => ({
  status,
  headers: status === 503 ? { ...HEADERS, 'retry-after': '2' } : HEADERS,
  body: `${words}\n`,
});

const REFUSALS: Readonly<Record<Refusal, Reply>> = {
  busy: text(503, 'The server is busy or its journal is full: send it again later.'),
  too_large: text(413, 'The upload is larger than the limit.'),
  unauthorized: text(401, 'No or wrong key, and no certificate.'),
  failed: text(503, 'The journal could not be written: send it again later.'),
};

const ACCEPTED = text(202, 'OK.');
const MALFORMED = text(400, 'The upload holds no journal entry in the export format.');

const replyOf = (kept: number, refused: number): Reply =>
  kept === 0 && refused > 0 ? MALFORMED : ACCEPTED;

/** A body that came whole: one that is compressed. */
const decode = (request: DecodeRequest, sink: EventSink, held: { total: number }): Reply => {
  const body = bodyOf(request, sink);
  if (!body.ok) return text(body.status, FAULT_WORDS[body.code]);
  const entries = new JournalEntries(held);
  entries.feed(body.bytes, sink);
  entries.end(sink);
  return replyOf(entries.kept, entries.refused);
};
