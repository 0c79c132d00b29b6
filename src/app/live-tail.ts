import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { LokiApi } from '../api/loki/loki.ts';
import { refusalReply } from '../api/loki/refusal.ts';
import type { Tail } from '../api/loki/tail.ts';
import type { ReceivedRequest } from '../ingest/receive/http.ts';
import { LIMITS } from '../model/limits.ts';
import type { NumberedBatch } from '../model/storage.ts';
import { systemClock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { rowsOfBatch } from '../query/batch-rows.ts';
import type { LabelOptions } from '../query/record-labels.ts';
import type { Row } from '../query/row.ts';
import type { Counters } from './counters.ts';
import { tenantOf } from './tenant.ts';

const PATHS = new Set(['/loki/api/v1/tail', '/api/prom/tail']);
/** A tail whose socket holds more than this is not written to: its lines wait, then drop, bytes. */
const SOCKET_BYTES = 1_048_576;
const POLL_MS = 20;
/** Rows shown in one turn of the event loop. */
const SLICE_ROWS = 500;

interface Listening {
  readonly tenant: string;
  readonly tail: Tail;
  readonly socket: WebSocket;
}

/** Live tails over WebSocket: shows each batch, once durable, to the tails of its tenant. */
export class TailHub {
  private readonly loki: LokiApi;
  private readonly labels: LabelOptions;
  private readonly counters: Counters;
  private readonly log: Log;
  private readonly tails = new Set<Listening>();
  private readonly sockets = new WebSocketServer({ noServer: true, maxPayload: 65_536 });
  /** Batches are shown one after the other, so that each tail sees them in order. */
  private showing: Promise<void> = Promise.resolve();
  private queued = 0;

  constructor(loki: LokiApi, labels: LabelOptions, counters: Counters, log: Log) {
    this.loki = loki;
    this.labels = labels;
    this.counters = counters;
    this.log = log;
  }

  /** Shows a durable batch of records to the tails of its tenant, if there are any. */
  offer(batch: NumberedBatch): void {
    if (batch.signal !== 'logs') return;
    const some = [...this.tails].filter(({ tenant }) => tenant === batch.tenant);
    if (some.length === 0) return;
    if (this.queued >= LIMITS.tailBatches) {
      this.counters.add('meshtrail_tail_dropped_records_total', batch.rows);
      return;
    }
    this.queued++;
    this.showing = this.showing
      .then(() => this.show(batch, some))
      .catch((error: unknown) => this.log.warn('a live tail missed a batch', { error }))
      .finally(() => this.queued--);
  }

  /** Takes a WebSocket request if it is one for a tail. */
  upgrade(
    request: ReceivedRequest,
    message: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): boolean {
    if (!PATHS.has(request.path)) return false;
    const tenant = tenantOf(request.headers);
    if (tenant === undefined) return refuse(socket, 400, 'X-Scope-OrgID is not a tenant name');
    if (this.tails.size >= LIMITS.tails) return refuse(socket, 429, 'too many live tails');
    let tail: Tail;
    try {
      const query = new URLSearchParams(request.query);
      tail = this.loki.openTail({ tenant, query, headers: request.headers });
    } catch (error) {
      const { status, body } = refusalReply(error);
      return refuse(socket, status, typeof body === 'string' ? body : '');
    }
    this.sockets.handleUpgrade(message, socket, head, (open) => this.serve(tenant, tail, open));
    return true;
  }

  stop(): void {
    for (const { tail, socket } of this.tails) {
      tail.close();
      socket.close(1001, 'the server stops');
    }
    this.sockets.close();
  }

  private serve(tenant: string, tail: Tail, socket: WebSocket): void {
    const listening: Listening = { tenant, tail, socket };
    this.tails.add(listening);
    const end = (): void => {
      if (!this.tails.delete(listening)) return;
      tail.close();
      this.counters.add('meshtrail_tail_dropped_records_total', tail.dropped);
    };
    socket.on('close', end);
    socket.on('error', end);
    this.write(tail, socket)
      .catch((error: unknown) => {
        socket.close(1011, error instanceof Error ? error.message.slice(0, 120) : 'the tail ended');
      })
      .finally(end);
  }

  private async write(tail: Tail, socket: WebSocket): Promise<void> {
    for await (const message of tail.messages) {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(message);
      while (socket.bufferedAmount > SOCKET_BYTES) {
        await systemClock.sleep(POLL_MS);
      }
    }
    socket.close(1000);
  }

  private async show(batch: NumberedBatch, some: readonly Listening[]): Promise<void> {
    let rows: Row[] = [];
    const give = (): void => {
      for (const { tail } of some) tail.push(rows);
      rows = [];
    };
    for await (const row of rowsOfBatch(batch, this.labels)) {
      rows.push(row);
      if (rows.length < SLICE_ROWS) continue;
      give();
      await systemClock.sleep(0);
    }
    give();
  }
}

/** Answers a WebSocket request without opening it. */
const refuse = (socket: Duplex, status: number, words: string): true => {
  const body = Buffer.from(words);
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n` +
      `content-length: ${body.length}\r\n\r\n${words}`,
  );
  return true;
};
