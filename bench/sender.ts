import { Agent, request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Payloads } from './payloads.ts';

/** Sends requests over connections that stay open, as shippers do. */

/** Pause before a request that was told to try later is sent again, ms. */
const RETRY_MS = 100;

export interface Answer {
  readonly status: number;
  readonly body: string;
}

export interface Sent {
  readonly records: number;
  /** Requests told to try later; each was sent again. */
  readonly refused: number;
}

export class Sender {
  private readonly agent: Agent;
  private readonly url: string;

  constructor(url: string, connections: number) {
    this.url = url;
    this.agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  post(path: string, headers: OutgoingHttpHeaders, body: Uint8Array | string): Promise<Answer> {
    const { agent } = this;
    const length = Buffer.byteLength(body);
    return new Promise((resolve, reject) => {
      const options = { method: 'POST', agent, headers: { ...headers, 'content-length': length } };
      const out = request(`${this.url}${path}`, options, (answer) => {
        text(answer).then(
          (read) => resolve({ status: answer.statusCode ?? 0, body: read }),
          reject,
        );
      });
      out.once('error', reject);
      out.end(body);
    });
  }

  /** Sends a request of the payloads until it is acknowledged; gives how often it was not. */
  async send(payloads: Payloads, index: number): Promise<number> {
    const body = payloads.read(index);
    for (let refused = 0; ; refused++) {
      const { status, body: said } = await this.post(payloads.path, payloads.headers, body);
      if (status === payloads.status) return refused;
      if (status !== 429 && status !== 503) throw new Error(`answered ${status}: ${said}`);
      await sleep(RETRY_MS);
    }
  }

  close(): void {
    this.agent.destroy();
  }
}

const text = async (answer: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
};

/** Sends all requests, so many at a time. */
export const sendAll = async (url: string, payloads: Payloads, atOnce: number): Promise<Sent> => {
  const sender = new Sender(url, atOnce);
  let next = 0;
  let records = 0;
  let refused = 0;
  const run = async (): Promise<void> => {
    while (next < payloads.count) {
      const index = next++;
      refused += await sender.send(payloads, index);
      records += payloads.rows(index);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, run));
  sender.close();
  return { records, refused };
};
