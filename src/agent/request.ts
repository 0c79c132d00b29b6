import type { Agent } from 'node:http';
import { AGENT_PATH, AGENT_TYPE } from '../model/agent-batch.ts';
import { keepAliveAgent, type Sockets } from '../platform/sockets.ts';
import type { DeliverySettings } from './delivery-settings.ts';

/** What a server said to a batch. */
export interface ServerAnswer {
  readonly status: number;
  /** Retry-After, ms; undefined where there is none. */
  readonly retryAfterMs: number | undefined;
  /** The first part of its words. */
  readonly text: string;
}

const TEXT_BYTES = 4_096;

/** One connection pool for each protocol; connections stay open between requests. */
export class Requests {
  private readonly sockets: Sockets;
  private readonly userAgent: string;
  private agents = new Map<string, Agent>();

  constructor(sockets: Sockets, version: string) {
    this.sockets = sockets;
    this.userAgent = `meshtrail-agent/${version}`;
  }

  /** Sends one body; rejects where no whole answer comes within the time. */
  send(
    server: URL,
    body: Uint8Array,
    settings: DeliverySettings,
    signal: AbortSignal,
  ): Promise<ServerAnswer> {
    const url = new URL(AGENT_PATH, server);
    const { key, tenant, tls, timeoutMs } = settings;
    return new Promise((resolve, reject) => {
      const request = this.sockets.request(url, {
        method: 'POST',
        agent: this.agentFor(server, settings.requests),
        headers: {
          'content-type': AGENT_TYPE,
          'content-length': body.length,
          'user-agent': this.userAgent,
          ...(key !== '' && { authorization: `Bearer ${key}` }),
          ...(tenant !== undefined && { 'x-scope-orgid': tenant }),
        },
        ...tls,
        timeout: timeoutMs,
        signal,
      });
      request.on('timeout', () => request.destroy(new Error(`no answer in ${timeoutMs} ms`)));
      request.on('error', reject);
      request.on('response', (response) => {
        let text = '';
        response.on('data', (part: Buffer) => {
          if (text.length < TEXT_BYTES) text += part.toString('latin1');
        });
        response.on('error', reject);
        response.on('end', () => {
          const retryAfterMs = retryAfter(response.headers['retry-after']);
          resolve({ status: response.statusCode ?? 0, retryAfterMs, text });
        });
      });
      request.end(body);
    });
  }

  /** Closes idle connections: settings changed, or the agent ends. */
  close(): void {
    for (const agent of this.agents.values()) agent.destroy();
    this.agents = new Map();
  }

  private agentFor(server: URL, requests: number): Agent {
    const protocol = server.protocol === 'https:' ? 'https:' : 'http:';
    let agent = this.agents.get(protocol);
    if (agent === undefined) {
      agent = keepAliveAgent(protocol, requests);
      this.agents.set(protocol, agent);
    }
    return agent;
  }
}

/** Seconds only: a date would need both clocks to agree. */
const retryAfter = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : undefined;
