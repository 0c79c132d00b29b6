import { Agent } from 'node:http';
import { Client } from '@elastic/elasticsearch';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchLogRecordProcessor,
  LoggerProvider,
  type LogRecordExporter,
} from '@opentelemetry/sdk-logs';
import type { Chance } from './chance.ts';

/**
 * Senders under kill -9. Each sends records numbered 0, 1, 2 ... in order, one request at a time,
 * and sends a request again until it is acknowledged. What was acknowledged at the first try must
 * be there exactly once; a record sent again may be there more often, because its first
 * acknowledgement may have been lost: these are counted apart.
 */
export interface Sender {
  readonly name: string;
  /** Records of which the server said that it has them. */
  readonly acknowledged: ReadonlySet<number>;
  /** Records that were sent more than once. */
  readonly resent: ReadonlySet<number>;
  /** Tries one request of up to `most` records; false when it was not acknowledged. */
  send(most: number): Promise<boolean>;
}

const REQUEST_MS = 5_000;

abstract class NumberedSender implements Sender {
  readonly name: string;
  readonly acknowledged = new Set<number>();
  readonly resent = new Set<number>();
  protected readonly url: string;
  private readonly chance: Chance;
  private next = 0;
  private open: number[] | undefined;

  constructor(name: string, url: string, chance: Chance) {
    this.name = name;
    this.url = url;
    this.chance = chance;
  }

  async send(most: number): Promise<boolean> {
    if (this.open === undefined) {
      const count = 1 + this.chance.below(most);
      this.open = Array.from({ length: count }, (_, i) => this.next + i);
      this.next += count;
    } else for (const n of this.open) this.resent.add(n);
    const batch = this.open;
    let kept = false;
    try {
      kept = await this.deliver(batch);
    } catch {
      kept = false;
    }
    if (!kept) return false;
    for (const n of batch) this.acknowledged.add(n);
    this.open = undefined;
    return true;
  }

  /** Sends the records in one request; true when all were acknowledged. */
  protected abstract deliver(batch: readonly number[]): Promise<boolean>;

  protected post(path: string, type: string, body: string): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
      signal: AbortSignal.timeout(REQUEST_MS),
    });
  }
}

/** Words that make lines of different sizes, some larger than a page. */
const padding = (n: number): string => 'lorem ipsum '.repeat(n % 97 === 0 ? 500 : n % 7);

class NdjsonSender extends NumberedSender {
  protected async deliver(batch: readonly number[]): Promise<boolean> {
    const lines = batch.map((n) =>
      JSON.stringify({ service: this.name, n, msg: `record ${n} ${padding(n)}` }),
    );
    const answer = await this.post('/v1/ndjson', 'application/x-ndjson', `${lines.join('\n')}\n`);
    const { accepted } = (await answer.json()) as { accepted?: number };
    return answer.status === 200 && accepted === batch.length;
  }
}

class LokiSender extends NumberedSender {
  protected async deliver(batch: readonly number[]): Promise<boolean> {
    const values = batch.map((n) => [
      String(BigInt(Date.now()) * 1_000_000n),
      JSON.stringify({ n, msg: `record ${n} ${padding(n)}` }),
    ]);
    const body = JSON.stringify({ streams: [{ stream: { service_name: this.name }, values }] });
    const answer = await this.post('/loki/api/v1/push', 'application/json', body);
    return answer.status === 204;
  }
}

/** The official Elasticsearch client's bulk. */
class ElasticSender extends NumberedSender {
  private readonly client: Client;

  constructor(name: string, url: string, chance: Chance) {
    super(name, url, chance);
    this.client = new Client({ node: `${url}/elastic`, maxRetries: 0, requestTimeout: REQUEST_MS });
  }

  protected async deliver(batch: readonly number[]): Promise<boolean> {
    const operations = batch.flatMap((n) => [
      { create: { _index: 'sim' } },
      { service: { name: this.name }, n, msg: `record ${n} ${padding(n)}` },
    ]);
    const answer = await this.client.bulk({ operations });
    return !answer.errors && answer.items.length === batch.length;
  }
}

/** Counts the requests that go through it. */
class CountingAgent extends Agent {
  sent = 0;

  override createConnection(
    ...words: Parameters<Agent['createConnection']>
  ): ReturnType<Agent['createConnection']> {
    this.sent++;
    return super.createConnection(...words);
  }
}

/**
 * OpenTelemetry's own SDK and OTLP exporter; one export is one request, unless the exporter sends
 * it again by itself, which is seen at its connections: each request has one of its own.
 */
class OtlpSender extends NumberedSender {
  protected async deliver(batch: readonly number[]): Promise<boolean> {
    const agent = new CountingAgent({ keepAlive: false });
    const exporter = new OTLPLogExporter({
      url: `${this.url}/v1/logs`,
      timeoutMillis: REQUEST_MS,
      httpAgentOptions: () => agent,
    });
    const outcome = { failed: false };
    const watched: LogRecordExporter = {
      export: (records, done) => {
        exporter.export(records, (result) => {
          const code: number = result.code;
          if (code !== 0) outcome.failed = true;
          done(result);
        });
      },
      forceFlush: () => exporter.forceFlush(),
      shutdown: () => exporter.shutdown(),
    };
    const processor = new BatchLogRecordProcessor({
      exporter: watched,
      maxExportBatchSize: 10_000,
      maxQueueSize: 10_000,
      scheduledDelayMillis: 60_000,
    });
    const provider = new LoggerProvider({
      resource: resourceFromAttributes({ 'service.name': this.name }),
      processors: [processor],
    });
    const logger = provider.getLogger('sim');
    for (const n of batch) {
      logger.emit({ body: JSON.stringify({ n, msg: `record ${n} ${padding(n)}` }) });
    }
    await provider.forceFlush();
    await provider.shutdown();
    if (agent.sent > 1) for (const n of batch) this.resent.add(n);
    return !outcome.failed && agent.sent > 0;
  }
}

export const createSenders = (url: string, chance: Chance, round: string): NumberedSender[] => [
  new NdjsonSender(`ndjson-${round}`, url, chance),
  new LokiSender(`loki-${round}`, url, chance),
  new ElasticSender(`elastic-${round}`, url, chance),
  new OtlpSender(`otlp-${round}`, url, chance),
];
