import { COLUMNS } from '../../model/columns.ts';
import type { LogRecord } from '../../model/record.ts';
import { mixPairs } from '../../model/token.ts';
import type { EventSink, Reply } from './decode.ts';

/**
 * `POST /otlp/v1/logs`, where Loki takes OTLP: as there, a whole success is 204 (a partial one
 * keeps OTLP's reply, which says what is missing), and a record that comes again as it was, with
 * its time, is stored once.
 */
export const LOKI_OTLP_PATH = '/otlp/v1/logs';

/** Keeps these tokens apart from others'. */
const TOKEN_KIND = 0x4c4f544c;

/** Gives the records that go to `sink` a token of all that they hold. */
export const identified = (sink: EventSink): EventSink => {
  let record: LogRecord | undefined;
  return {
    observedSec: sink.observedSec,
    begin: () => (record = sink.begin()),
    commit: () => {
      if (record !== undefined && record.timeSec >= 0) identify(record);
      sink.commit();
    },
    span: (span) => sink.span(span),
    reject: (reason, sample) => sink.reject(reason, sample),
  };
};

const identify = (record: LogRecord): void => {
  const { bufs, starts, ends, numbers, timeSec, timeNano } = record;
  const token = record.token.begin(TOKEN_KIND).number(timeSec).number(timeNano);
  token.bytes(record.lineBuf, record.lineStart, record.lineEnd);
  for (let column = 0; column < COLUMNS.length; column++) {
    const end = ends[column] as number;
    const number = numbers[column] as number;
    if (end >= 0) token.number(column).bytes(bufs[column] as Uint8Array, starts[column] ?? 0, end);
    if (number !== 0) token.number(column).number(number);
  }
  mixPairs(token, record.labels);
  mixPairs(token, record.metadata);
  mixPairs(token, record.attributes);
  token.end();
};

/** Loki's answer for OTLP's. */
export const lokiReply = (reply: Reply): Reply =>
  reply.status === 200 && (reply.body.length === 0 || reply.body === '{}')
    ? { status: 204, headers: {}, body: '' }
    : reply;
