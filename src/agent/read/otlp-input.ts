import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { errorCode } from '../../platform/disk.ts';
import type { OtlpOptions } from '../input-options.ts';
import type { Emit, Input, InputDoors, RelayedRequest, SourceInfo } from '../input.ts';
import { liveInput } from './live-input.ts';
import { newTally, type Tally } from './reader.ts';

const PATHS = ['/v1/logs', '/v1/traces'];
const TYPES = ['application/x-protobuf', 'application/json'];
const ENCODINGS = ['', 'gzip', 'deflate', 'zstd'];

/** How long a stopping relay waits for requests under way, ms. */
const STOP_MS = 2_000;

/**
 * A local OTLP/HTTP endpoint ("OTLP Specification"): bodies go on as they came, and their sender is
 * answered when they are durable. One source for each way in which bodies are written.
 */
export const openOtlp = (options: OtlpOptions, doors: InputDoors): Input => {
  const tally = newTally();
  const relay = new OtlpRelay(options, doors, tally);
  return liveInput({
    ...{ name: options.name, kind: 'otlp', tally },
    run: (emit, signal) => relay.run(emit, signal),
    acknowledge: (source, position) => relay.acknowledge(source, position),
    sources: () => relay.sources.size,
    open: () => relay.connections,
  });
};

/** One way in which bodies are written, its requests in order. */
interface Way {
  readonly source: SourceInfo;
  /** Emits are one after another. */
  last: Promise<void>;
  next: number;
  /** Answers that wait, by position. */
  readonly waiting: Map<number, () => void>;
}

class OtlpRelay {
  readonly sources = new Map<string, Way>();
  connections = 0;
  private heldBytes = 0;
  private readonly options: OtlpOptions;
  private readonly doors: InputDoors;
  private readonly tally: Tally;
  private fail: (error: unknown) => void = () => undefined;

  constructor(options: OtlpOptions, doors: InputDoors, tally: Tally) {
    this.options = options;
    this.doors = doors;
    this.tally = tally;
  }

  async run(emit: Emit, signal: AbortSignal): Promise<void> {
    const failed = new Promise<never>((_resolve, reject) => (this.fail = reject));
    failed.catch(() => undefined);
    const server = this.doors.sockets.httpServer({
      requestTimeout: LIMITS.requestMs,
      headersTimeout: LIMITS.headersMs,
    });
    server.maxConnections = LIMITS.agentConnections;
    server.on('connection', (socket) => {
      this.connections++;
      socket.on('close', () => this.connections--);
    });
    server.on('request', (request, response) => {
      this.answer(request, response, emit, signal).catch(() => response.destroy());
    });
    await this.listen(server);
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    try {
      await Promise.race([failed, stopped]);
      await Promise.all([...this.sources.values()].map(({ last }) => last));
    } finally {
      server.close();
      server.closeIdleConnections();
      this.doors.clock.setTimer(STOP_MS, () => server.closeAllConnections());
    }
  }

  acknowledge(id: string, position: string): void {
    const way = [...this.sources.values()].find(({ source }) => source.id === id);
    const upTo = Number(position);
    for (const [at, done] of way?.waiting ?? []) if (at <= upTo) done();
  }

  private async listen(server: Server): Promise<void> {
    const { host, port } = this.options;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) =>
        reject(
          new MeshtrailError(
            'listen_failed',
            `${host}:${port} cannot be opened (${errorCode(error) ?? 'unknown'})`,
            'stop what has it, or choose another',
            { cause: error },
          ),
        ),
      );
      server.listen(port, host, resolve);
    });
  }

  private async answer(
    request: IncomingMessage,
    response: ServerResponse,
    emit: Emit,
    signal: AbortSignal,
  ): Promise<void> {
    const how = requestOf(request);
    if (typeof how === 'number') return end(response, how);
    const room = LIMITS.agentRelayBytes - this.heldBytes;
    if (room <= 0 || signal.aborted) return end(response, 503);
    const body = await bodyOf(request);
    if (body === undefined) return end(response, 413);
    this.heldBytes += body.length;
    try {
      if (body.length > 0) await this.give(how, body, emit);
    } finally {
      this.heldBytes -= body.length;
    }
    response.writeHead(200, { 'content-type': how.contentType });
    // An empty Export...ServiceResponse: all was taken.
    response.end(how.contentType === 'application/json' ? '{}' : '');
  }

  /** Emits a body and waits until it is durable. */
  private async give(how: RelayedRequest, body: Buffer, emit: Emit): Promise<void> {
    const way = this.wayOf(how);
    const position = way.next++;
    const durable = new Promise<void>((resolve) => way.waiting.set(position, resolve));
    const emitted = way.last.then(() => {
      this.tally.readBytes += body.length;
      this.tally.events++;
      return emit({
        ...({ source: way.source, content: 'otlp', bytes: body, count: 1 } as const),
        ...{ starts: Uint32Array.of(0), ends: Uint32Array.of(body.length) },
        ...{ rawBytes: body.length, readNs: this.doors.clock.observedNs() },
        position: `${position}`,
      });
    });
    way.last = emitted.catch((error: unknown) => this.fail(error));
    try {
      await emitted;
      await durable;
    } finally {
      way.waiting.delete(position);
    }
  }

  private wayOf(how: RelayedRequest): Way {
    const { path, contentType, contentEncoding } = how;
    const type = contentType === 'application/json' ? 'json' : 'protobuf';
    const words = [this.options.name, path.slice('/v1/'.length), type, contentEncoding || 'plain'];
    const id = `otlp-${words.join('-')}`;
    let way = this.sources.get(id);
    if (way === undefined) {
      const { name, host, port } = this.options;
      const source: SourceInfo = {
        ...({ id, input: name, kind: 'otlp' } as const),
        ...{ path: `${host}:${port}${path}`, fields: {}, request: how },
      };
      // Counts on from the clock, so that a restart's positions are none of those before.
      const next = Math.floor(this.doors.clock.nowMs()) * 1_000;
      way = { source, last: Promise.resolve(), next, waiting: new Map() };
      this.sources.set(id, way);
    }
    return way;
  }
}

/** How to read the body, or the status of a refusal. */
const requestOf = ({ method, url, headers }: IncomingMessage): RelayedRequest | number => {
  const path = (url ?? '').split('?')[0] ?? '';
  if (!PATHS.includes(path)) return 404;
  if (method !== 'POST') return 405;
  const contentType = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const encoding = (headers['content-encoding'] ?? '').trim().toLowerCase();
  const contentEncoding = encoding === 'identity' ? '' : encoding;
  if (!TYPES.includes(contentType) || !ENCODINGS.includes(contentEncoding)) return 415;
  return { path, contentType, contentEncoding };
};

/** The body; undefined where it is too long. */
const bodyOf = async (request: IncomingMessage): Promise<Buffer | undefined> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > LIMITS.agentRequestBytes) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
};

const end = (response: ServerResponse, status: number): void => {
  // Senders of OTLP try again after 429, 502, 503 and 504 only.
  const retry = status === 503 ? { 'retry-after': '1' } : {};
  response.writeHead(status, { ...retry, connection: 'close' });
  response.end();
};
