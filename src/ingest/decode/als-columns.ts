import { C } from '../../model/columns.ts';
import type { LogRecord } from '../../model/record.ts';
import { FLAG_CODES, NOTE } from './als-schema.ts';
import type { ProtoNotes } from './protobuf-json.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NONE = new Uint8Array(0);
const PROTOCOLS = ['', 'HTTP/1.0', 'HTTP/1.1', 'HTTP/2', 'HTTP/3'];
const TLS_VERSIONS = ['', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

/** A range of the message's bytes. */
class Range {
  buf: Uint8Array = NONE;
  start = 0;
  end = 0;

  set(buf: Uint8Array, start: number, end: number): void {
    this.buf = buf;
    this.start = start;
    this.end = end;
  }

  clear(): void {
    this.set(NONE, 0, 0);
  }

  get isEmpty(): boolean {
    return this.end === this.start;
  }

  get text(): string {
    return decoder.decode(this.buf.subarray(this.start, this.end));
  }
}

/** `spiffe://`: an identity that a mesh gives; other URIs count where there is none. */
const SPIFFE = encoder.encode('spiffe://');
const isSpiffe = ({ buf, start, end }: Range): boolean => {
  if (end - start < SPIFFE.length) return false;
  for (let i = 0; i < SPIFFE.length; i++) if (buf[start + i] !== SPIFFE[i]) return false;
  return true;
};

/** Few words come again and again: each is encoded once. */
const words = new Map<string, Uint8Array>();
const MOST_WORDS = 1_024;
const encoded = (word: string): Uint8Array => {
  const held = words.get(word);
  if (held !== undefined) return held;
  if (words.size >= MOST_WORDS) words.clear();
  const bytes = encoder.encode(word);
  words.set(word, bytes);
  return bytes;
};

/**
 * What an access log entry says in other words than our columns: collected while the entry is
 * written as JSON, then put on the record. All else gets its column from the JSON, by name.
 */
export class AlsColumns implements ProtoNotes {
  private flags = 0;
  private protocol = 0;
  private tlsVersion = 0;
  private hasPeer = false;
  private readonly host = new Range();
  private port = 0;
  private readonly source = new Range();
  private readonly destination = new Range();
  private durationNs = -1;
  private lastDownstreamTxNs = -1;
  private firstUpstreamRxNs = -1;
  private lastUpstreamTxNs = -1;
  private seconds = -1;
  private nanos = 0;

  clear(): void {
    this.flags = 0;
    this.protocol = 0;
    this.tlsVersion = 0;
    this.hasPeer = false;
    this.port = 0;
    for (const range of [this.host, this.source, this.destination]) range.clear();
    this.durationNs = -1;
    this.lastDownstreamTxNs = -1;
    this.firstUpstreamRxNs = -1;
    this.lastUpstreamTxNs = -1;
    this.seconds = -1;
  }

  value(note: number, within: number, value: number): void {
    if (note >= NOTE.flag) this.flags |= 1 << (note - NOTE.flag);
    else if (note === NOTE.port && within === NOTE.upstream) this.port = value;
    else if (note === NOTE.protocol) this.protocol = value;
    else if (note === NOTE.tlsVersion) this.tlsVersion = value;
    else if (note === NOTE.duration) this.durationNs = value;
    else if (note === NOTE.lastDownstreamTx) this.lastDownstreamTxNs = value;
    else if (note === NOTE.firstUpstreamRx) this.firstUpstreamRxNs = value;
    else if (note === NOTE.lastUpstreamTx) this.lastUpstreamTxNs = value;
  }

  text(note: number, within: number, buf: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    if (within === NOTE.upstream) this.host.set(buf, start, end);
    else if (within === NOTE.peerCertificate) {
      this.hasPeer = true;
      if (note === NOTE.uri) identity(this.source, buf, start, end);
    } else if (within === NOTE.localCertificate && note === NOTE.uri) {
      identity(this.destination, buf, start, end);
    }
  }

  time(_note: number, seconds: number, nanos: number): void {
    this.seconds = seconds;
    this.nanos = nanos;
  }

  put(record: LogRecord): void {
    if (this.seconds >= 0) record.setTime(this.seconds, this.nanos);
    // Envoy's text formats print `-` for none too; that there are flags tells an access log.
    word(record, C.response_flags, this.flags === 0 ? '-' : this.codes());
    word(record, C.protocol, PROTOCOLS[this.protocol] ?? '');
    word(record, C.tls_version, TLS_VERSIONS[this.tlsVersion] ?? '');
    // The peer's certificate is there only where Envoy asked for it and saw it.
    if (this.hasPeer) word(record, C.mtls, 'true');
    if (!this.host.isEmpty) word(record, C.upstream_host, this.upstream());
    range(record, C.source_identity, this.source);
    range(record, C.destination_identity, this.destination);
    const total = this.durationNs >= 0 ? this.durationNs : this.lastDownstreamTxNs;
    if (total > 0) record.numbers[C.duration_ns] = total;
    const upstream = this.firstUpstreamRxNs - this.lastUpstreamTxNs;
    if (this.lastUpstreamTxNs >= 0 && upstream > 0) {
      record.numbers[C.upstream_duration_ns] = upstream;
    }
  }

  private codes(): string {
    return FLAG_CODES.filter((_, i) => (this.flags & (1 << i)) !== 0).join(',');
  }

  /** `10.0.0.7:8080`, `[::1]:8080`, a socket's path or an internal listener's name. */
  private upstream(): string {
    const { text } = this.host;
    if (this.port === 0) return text;
    return text.includes(':') ? `[${text}]:${this.port}` : `${text}:${this.port}`;
  }
}

const identity = (held: Range, buf: Uint8Array, start: number, end: number): void => {
  const isFirst = held.isEmpty;
  if (!isFirst && isSpiffe(held)) return;
  const before: [Uint8Array, number, number] = [held.buf, held.start, held.end];
  held.set(buf, start, end);
  if (!isFirst && !isSpiffe(held)) held.set(...before);
};

const word = (record: LogRecord, column: number, text: string): void => {
  if (text === '') return;
  const bytes = encoded(text);
  record.set(column, bytes, 0, bytes.length);
};

const range = (record: LogRecord, column: number, { buf, start, end }: Range): void => {
  if (end > start) record.set(column, buf, start, end);
};
