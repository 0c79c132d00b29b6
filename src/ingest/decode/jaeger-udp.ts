import type { EventSink, StreamDecoder, StreamSession } from './decode.ts';
import { giveBatch } from './jaeger-thrift.ts';
import { newRepeatBudget } from './span-repeat.ts';
import { CALL, ONEWAY, readBinary, readCompact, TYPE, type ThriftReader } from './thrift.ts';
import { readThriftSpan } from './zipkin-thrift.ts';
import { giveV1 } from './zipkin.ts';

/**
 * What Jaeger's clients send to its agent (jaegertracing/jaeger-idl, thrift/agent.thrift): one call
 * a datagram, without an answer:
 *
 *     emitBatch(1: jaeger.Batch batch)
 *     emitZipkinBatch(1: list<zipkincore.Span> spans)
 *
 * in TCompactProtocol on one port and TBinaryProtocol on another. A datagram that is no such call
 * is counted.
 */
type Open = (bytes: Uint8Array) => ThriftReader;

const decoderOf = (name: 'jaeger-compact' | 'jaeger-binary', open: Open): StreamDecoder => {
  const session: StreamSession = {
    feed: (bytes, sink) => {
      if (bytes.length > 0 && !giveCall(bytes, open, sink)) sink.reject('malformed_thrift', bytes);
      return NOTHING;
    },
    // Nothing is kept between datagrams.
    end: () => undefined,
  };
  return { name, native: name, transports: ['udp'], secret: 'none', open: () => session };
};

const NOTHING: Record<string, never> = {};

export const createJaegerCompact = (): StreamDecoder => decoderOf('jaeger-compact', readCompact);
export const createJaegerBinary = (): StreamDecoder => decoderOf('jaeger-binary', readBinary);

const giveCall = (bytes: Uint8Array, open: Open, sink: EventSink): boolean => {
  /** A reader at the first argument, and the argument's type. */
  const begin = (): { reader: ThriftReader; name: string; type: number } => {
    const reader = open(bytes);
    const call = reader.message();
    if (call.type !== ONEWAY && call.type !== CALL) reader.fail();
    reader.begin();
    const type = reader.field();
    if (reader.id !== 1) reader.fail();
    return { reader, name: call.name, type };
  };
  const { reader, name, type } = begin();
  if (reader.bad) return false;
  if (name === 'emitBatch' && type === TYPE.struct) {
    return giveBatch(() => begin().reader, sink) >= 0;
  }
  if (name !== 'emitZipkinBatch' || type !== TYPE.list) return false;
  const check = begin().reader;
  check.skip(TYPE.list);
  if (check.bad) return false;
  const budget = newRepeatBudget();
  const count = reader.list();
  if (reader.elements !== TYPE.struct) return count === 0;
  for (let i = 0; i < count; i++) {
    const from = reader.pos;
    const span = readThriftSpan(reader);
    giveV1(span, budget, sink, () => bytes.subarray(from, reader.pos));
  }
  return true;
};
