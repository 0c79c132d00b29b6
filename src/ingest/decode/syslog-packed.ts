import { inflateSync } from 'node:zlib';
import { LIMITS } from '../../model/limits.ts';
import type { EventSink } from './decode.ts';
import { sampleOf } from './inflated-body.ts';
import { isZlibHead } from './syslog-frames.ts';
import { putMessage } from './syslog-message.ts';

/**
 * One message as framed. rsyslog's `compression.mode="single"` sends longer ones as `z` and a zlib
 * stream (RFC 1950), over TCP in counted octets and over UDP.
 */
export const putFramed = (
  sink: EventSink,
  buf: Uint8Array,
  start: number,
  end: number,
  cutBytes: number,
): void => {
  const isPacked =
    end - start > 3 &&
    buf[start] === 0x7a &&
    buf[start + 1] === 0x78 &&
    isZlibHead(buf[start + 2] as number);
  if (!isPacked) return putMessage(sink, buf, start, end, cutBytes);
  const message = inflated(buf.subarray(start + 1, end));
  if (message === undefined) return sink.reject('malformed_body', sampleOf(buf, start, end));
  const { length } = message;
  const stop = message[length - 1] === 0x0a ? length - 1 : length;
  return putMessage(sink, message, 0, stop, cutBytes);
};

const inflated = (bytes: Uint8Array): Uint8Array | undefined => {
  try {
    return inflateSync(bytes, { maxOutputLength: LIMITS.lineBytes + LIMITS.syslogHeaderBytes });
  } catch {
    return undefined;
  }
};
