import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync, constants } from 'node:zlib';
import { compress } from 'snappyjs';
import { Bytes } from '../src/model/bytes.ts';
import { RecordSource } from './records.ts';

/** The same records in three shapes, made before anything is measured and kept in files. */
export type Shape = 'ndjson' | 'loki' | 'bulk';

export const SHAPES: readonly Shape[] = ['ndjson', 'loki', 'bulk'];

export interface Payloads {
  readonly shape: Shape;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly status: number;
  readonly count: number;
  /** Records in request `index`. */
  rows(index: number): number;
  /** Bytes of request `index`. */
  read(index: number): Uint8Array<ArrayBuffer>;
  close(): void;
}

export interface Data {
  readonly records: number;
  /** NDJSON bytes: what "raw MB" counts, for every shape. */
  readonly rawBytes: number;
  /** Size of the same bytes under `zstd -3`, in pieces of 8 MB. */
  readonly zstdBytes: number;
  /** File of raw lines. */
  readonly file: string;
  readonly needleTrace: string;
}

const REQUEST_BYTES = 1_000_000;
const ZSTD_PIECE = 8_000_000;

/** Writes the records and measures their size. */
export const makeData = (directory: string, records: number): Data => {
  const source = new RecordSource(records);
  const file = join(directory, 'records.ndjson');
  const handle = openSync(file, 'w');
  let rawBytes = 0;
  let zstdBytes = 0;
  let piece: string[] = [];
  let size = 0;
  const flush = (): void => {
    const bytes = Buffer.from(piece.join(''));
    writeSync(handle, bytes);
    rawBytes += bytes.length;
    zstdBytes += zstdCompressSync(bytes, {
      params: { [constants.ZSTD_c_compressionLevel]: 3 },
    }).length;
    piece = [];
    size = 0;
  };
  for (let i = 0; i < records; i++) {
    const line = `${source.line(i)}\n`;
    piece.push(line);
    size += line.length;
    if (size >= ZSTD_PIECE) flush();
  }
  flush();
  closeSync(handle);
  return { records, rawBytes, zstdBytes, file, needleTrace: source.needleTrace };
};

/** Calls `take` with the lines of each request, in order. */
export const eachRequest = (data: Data, take: (lines: Buffer[]) => void): void => {
  const handle = openSync(data.file, 'r');
  const chunk = Buffer.alloc(4_000_000);
  let rest: Buffer = Buffer.alloc(0);
  let lines: Buffer[] = [];
  let size = 0;
  for (;;) {
    const read = readSync(handle, chunk, 0, chunk.length, null);
    if (read === 0) break;
    const bytes = Buffer.concat([rest, chunk.subarray(0, read)]);
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      const line = bytes.subarray(from, end);
      lines.push(line);
      size += line.length + 1;
      from = end + 1;
      if (size < REQUEST_BYTES) continue;
      take(lines);
      lines = [];
      size = 0;
    }
    rest = Buffer.from(bytes.subarray(from));
  }
  if (lines.length > 0) take(lines);
  closeSync(handle);
};

const NEWLINE = Buffer.from('\n');
const ACTION = Buffer.from('{"create":{"_index":"logs"}}\n');

const ndjson = (lines: readonly Buffer[]): Buffer =>
  Buffer.concat(lines.flatMap((line) => [line, NEWLINE]));

const bulk = (lines: readonly Buffer[]): Buffer =>
  Buffer.concat(lines.flatMap((line) => [ACTION, line, NEWLINE]));

const field = (text: string, name: string): string => {
  const from = text.indexOf(`"${name}":"`) + name.length + 4;
  return text.slice(from, text.indexOf('"', from));
};

/** A record's time, nanoseconds since 1970. */
export const timeNsOf = (line: string): bigint => {
  const stamp = field(line, 'ts');
  return BigInt(Date.parse(`${stamp.slice(0, 19)}Z`)) * 1_000_000n + BigInt(stamp.slice(20, 29));
};

/** `logproto.PushRequest`, whole lines, labels service, namespace, container; snappy block. */
const loki = (lines: readonly Buffer[]): Buffer => {
  const streams = new Map<string, Buffer[]>();
  for (const line of lines) {
    const text = line.toString('latin1');
    const labels = `{service="${field(text, 'service')}", namespace="${field(text, 'namespace')}", container="${field(text, 'container')}"}`;
    const held = streams.get(labels);
    if (held === undefined) streams.set(labels, [line]);
    else held.push(line);
  }
  const request = new Bytes(REQUEST_BYTES * 2);
  const stream = new Bytes(REQUEST_BYTES);
  const entry = new Bytes(65_536);
  const time = new Bytes(32);
  for (const [labels, entries] of streams) {
    stream.clear();
    stream.varint(10);
    stream.text(labels);
    for (const line of entries) {
      const text = line.toString('latin1');
      const stamp = field(text, 'ts');
      time.clear();
      time.varint(8);
      time.varint(Math.floor(Date.parse(`${stamp.slice(0, 23)}Z`) / 1000));
      time.varint(16);
      time.varint(Number(stamp.slice(20, 29)));
      entry.clear();
      entry.varint(10);
      entry.string(time.buf, 0, time.length);
      entry.varint(18);
      entry.string(line, 0, line.length);
      stream.varint(18);
      stream.string(entry.buf, 0, entry.length);
    }
    request.varint(10);
    request.string(stream.buf, 0, stream.length);
  }
  return Buffer.from(compress(request.take()));
};

const FORMS = {
  ndjson: { path: '/v1/ndjson', type: 'application/x-ndjson', status: 200, encode: ndjson },
  loki: { path: '/loki/api/v1/push', type: 'application/x-protobuf', status: 204, encode: loki },
  bulk: { path: '/elastic/_bulk', type: 'application/x-ndjson', status: 200, encode: bulk },
} as const;

/** Encodes all requests of a shape into one file. */
export const makePayloads = (data: Data, shape: Shape): Payloads => {
  const { path, type, status, encode } = FORMS[shape];
  const file = `${data.file}.${shape}`;
  const out = openSync(file, 'w');
  const ends: number[] = [0];
  const rows: number[] = [];
  eachRequest(data, (lines) => {
    rows.push(lines.length);
    const bytes = encode(lines);
    writeSync(out, bytes);
    ends.push((ends.at(-1) as number) + bytes.length);
  });
  closeSync(out);
  const handle = openSync(file, 'r');
  return {
    shape,
    path,
    headers: { 'content-type': type },
    status,
    count: rows.length,
    rows: (index) => rows[index] as number,
    read: (index) => {
      const from = ends[index] as number;
      const bytes = new Uint8Array((ends[index + 1] as number) - from);
      readSync(handle, bytes, 0, bytes.length, from);
      return bytes;
    },
    close: () => closeSync(handle),
  };
};
