import { LIMITS } from '../../model/limits.ts';
import type { SpanValue } from '../../model/span.ts';
import { digitsOfInt64 } from './span-id.ts';
import { TYPE, type ThriftReader } from './thrift.ts';
import { addressText } from './zipkin-protobuf.ts';
import { newZipkinSpan, type ZipkinEndpoint } from './zipkin-span.ts';
import type { V1Annotation, V1BinaryAnnotation, V1Span } from './zipkin-v1.ts';

/**
 * Zipkin's thrift (openzipkin/zipkin-api, thrift/zipkinCore.thrift), in whichever of thrift's wire
 * protocols `reader` reads. Numbers are signed: ids are the same bits, a port of -1 is 65535.
 */

/** The span at the reader's position; where it is malformed the reader is `bad`. */
export const readThriftSpan = (reader: ThriftReader): V1Span => {
  const base = newZipkinSpan();
  let [timestamp, duration, traceHigh, traceLow, id] = [0n, 0n, 0n, 0n, 0n];
  const annotations: V1Annotation[] = [];
  const binaryAnnotations: V1BinaryAnnotation[] = [];
  const dropped = { annotations: 0, tags: 0 };
  reader.begin();
  for (let type = reader.field(); type !== TYPE.stop; type = reader.field()) {
    const field = reader.id;
    if (type === TYPE.i64) {
      const value = reader.i64();
      if (field === 1) traceLow = value;
      else if (field === 4) id = value;
      else if (field === 5) base.parentId = digitsOfInt64(value);
      else if (field === 10) timestamp = value;
      else if (field === 11) duration = value;
      else if (field === 12) traceHigh = value;
    } else if (field === 3 && type === TYPE.binary) base.name = reader.text();
    else if (field === 6 && type === TYPE.list) {
      dropped.annotations += readList(reader, annotations, readAnnotation);
    } else if (field === 8 && type === TYPE.list) {
      dropped.tags += readList(reader, binaryAnnotations, readBinaryAnnotation);
    } else if (field === 9 && type === TYPE.bool) base.debug = reader.bool();
    else reader.skip(type);
  }
  reader.end();
  const { name, debug, parentId } = base;
  const traceId = digitsOfInt64(traceHigh) + digitsOfInt64(traceLow);
  return {
    base: { traceId, id: digitsOfInt64(id), parentId, name, debug },
    timestamp,
    duration,
    annotations,
    binaryAnnotations,
    dropped,
  };
};

/** Reads structs up to the limit; gives how many were over it. */
const readList = <T>(
  reader: ThriftReader,
  into: T[],
  read: (reader: ThriftReader) => T,
): number => {
  const count = reader.list();
  const { elements } = reader;
  let over = 0;
  for (let i = 0; i < count && !reader.bad; i++) {
    if (elements !== TYPE.struct) reader.skip(elements);
    else if (into.length < LIMITS.spanItems) into.push(read(reader));
    else {
      reader.skip(elements);
      over++;
    }
  }
  return over;
};

const readAnnotation = (reader: ThriftReader): V1Annotation => {
  let timestamp = 0n;
  let value = '';
  let endpoint: ZipkinEndpoint | undefined;
  reader.begin();
  for (let type = reader.field(); type !== TYPE.stop; type = reader.field()) {
    if (reader.id === 1 && type === TYPE.i64) timestamp = reader.i64();
    else if (reader.id === 2 && type === TYPE.binary) value = reader.text();
    else if (reader.id === 3 && type === TYPE.struct) endpoint = readEndpoint(reader);
    else reader.skip(type);
  }
  reader.end();
  return { timestamp, value, endpoint };
};

const NOTHING = new Uint8Array(0);

const readBinaryAnnotation = (reader: ThriftReader): V1BinaryAnnotation => {
  let key = '';
  let bytes: Uint8Array = NOTHING;
  let kind: number = STRING;
  let endpoint: ZipkinEndpoint | undefined;
  reader.begin();
  for (let type = reader.field(); type !== TYPE.stop; type = reader.field()) {
    if (reader.id === 1 && type === TYPE.binary) key = reader.text();
    else if (reader.id === 2 && type === TYPE.binary) bytes = reader.binary();
    else if (reader.id === 3 && type === TYPE.i32) kind = reader.int(type);
    else if (reader.id === 4 && type === TYPE.struct) endpoint = readEndpoint(reader);
    else reader.skip(type);
  }
  reader.end();
  return { key, value: valueOf(bytes, kind), endpoint };
};

/** AnnotationType: BOOL, BYTES, I16, I32, I64, DOUBLE, STRING. */
const STRING = 6;
const SIZES: Readonly<Record<number, number>> = { 0: 1, 2: 2, 3: 4, 4: 8, 5: 8 };
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Numbers are big-endian; a value of another size than its type's is told as bytes. */
const valueOf = (bytes: Uint8Array, type: number): SpanValue => {
  if (type === STRING) return decoder.decode(bytes);
  if (SIZES[type] !== bytes.length) {
    return { json: JSON.stringify({ bytesValue: Buffer.from(bytes).toString('base64') }) };
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type) {
    case 0:
      return bytes[0] !== 0;
    case 2:
      return BigInt(view.getInt16(0));
    case 3:
      return BigInt(view.getInt32(0));
    case 4:
      return view.getBigInt64(0);
    default:
      return view.getFloat64(0);
  }
};

const readEndpoint = (reader: ThriftReader): ZipkinEndpoint | undefined => {
  const endpoint = { service: '', ipv4: '', ipv6: '', port: 0 };
  reader.begin();
  for (let type = reader.field(); type !== TYPE.stop; type = reader.field()) {
    if (reader.id === 1 && type === TYPE.i32) {
      const value = reader.int(type);
      // Zero is how the first model says that there is none.
      if (value !== 0) endpoint.ipv4 = addressText(ipv4Bytes(value));
    } else if (reader.id === 2 && type === TYPE.i16) endpoint.port = reader.int(type) & 0xffff;
    else if (reader.id === 3 && type === TYPE.binary) endpoint.service = reader.text();
    else if (reader.id === 4 && type === TYPE.binary) endpoint.ipv6 = addressText(reader.binary());
    else reader.skip(type);
  }
  reader.end();
  const { service, ipv4, ipv6, port } = endpoint;
  return service === '' && ipv4 === '' && ipv6 === '' && port === 0 ? undefined : endpoint;
};

const ipv4Bytes = (value: number): Uint8Array =>
  Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
