import { createClient, ClickHouseLogLevel, type ClickHouseClient } from '@clickhouse/client';
import { Readable } from 'node:stream';
import type { QueryOptions, QueryParams } from '../../model/storage.ts';
import { LIMITS } from '../../model/limits.ts';
import { checkedEnd } from './read-stream.ts';

/** How one user reaches an engine, embedded or not. */
export interface EngineAddress {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** Settings of every statement of this client. */
  readonly settings?: EngineSettings;
  /** Time without a byte after which a statement counts as lost, ms; `engineSilenceMs` if unset. */
  readonly silenceMs?: number;
}

/**
 * For reads: the engine itself ends them at `readSeconds`, so one that says nothing for longer is
 * frozen, and whoever asked should hear of it.
 */
export const readSilenceMs = (): number => LIMITS.readSeconds * 1_000 + 5_000;

export type EngineSettings = Readonly<Record<string, string | number>>;

export interface StatementOptions extends QueryOptions {
  readonly queryId?: string;
}

/**
 * One user's connections to one running engine. Errors are raw (`failure.ts` reads them): an error
 * with a numeric `code` was answered by the engine, any other is the network's.
 */
export class EngineClient {
  private readonly client: ClickHouseClient;

  constructor(address: EngineAddress) {
    this.client = createClient({
      url: address.url,
      username: address.user,
      password: address.password,
      application: 'meshtrail',
      request_timeout: address.silenceMs ?? LIMITS.engineSilenceMs,
      max_open_connections: 64,
      // Below every server's own, so that we never write into a connection it is closing.
      keep_alive: { enabled: true, idle_socket_ttl: 2_000, eagerly_destroy_stale_sockets: true },
      clickhouse_settings: { ...address.settings },
      compression: { request: false, response: false },
      log: { level: ClickHouseLogLevel.OFF },
    });
  }

  /** Runs a statement without a result; resolves once the engine has finished it. */
  async command(sql: string, options: StatementOptions = {}): Promise<void> {
    const result = await this.client.exec({ query: sql, ...requestOf(options, WAIT) });
    await collect(checkedEnd(result.stream, result.response_headers));
  }

  /**
   * One insert: `body` is what follows `FORMAT Native`. Resolves once the engine has written and
   * synced every row. After any rejection the outcome is unknown.
   */
  async insert(
    into: string,
    body: AsyncIterable<Uint8Array>,
    queryId: string,
    settings: EngineSettings,
  ): Promise<void> {
    const values = Readable.from(body, { objectMode: false });
    try {
      const result = await this.client.exec({
        query: `INSERT INTO ${into} FORMAT Native`,
        values,
        ...requestOf({ queryId, settings: { ...settings, async_insert: 0 } }, WAIT),
      });
      await collect(checkedEnd(result.stream, result.response_headers));
    } finally {
      values.destroy();
    }
  }

  /** Rows of a small result. 64-bit integers come as strings. */
  async rows(sql: string, options: StatementOptions = {}): Promise<unknown[][]> {
    const stream = await this.stream(`${sql} FORMAT JSONCompactEachRow`, options);
    const text = (await collect(stream)).toString('utf8');
    const rows: unknown[][] = [];
    for (const line of text.split('\n')) {
      if (line !== '') rows.push(JSON.parse(line) as unknown[]);
    }
    return rows;
  }

  /** The result's bytes as they come. The statement names its format. */
  async stream(sql: string, options: StatementOptions = {}): Promise<AsyncIterable<Uint8Array>> {
    const result = await this.client.exec({ query: sql, ...requestOf(options, {}) });
    // The client lets go of the signal once the status is there; the result may be long after it.
    const cancel = (): void => void result.stream.destroy(new Error('cancelled'));
    if (options.signal?.aborted === true) cancel();
    options.signal?.addEventListener('abort', cancel, { once: true });
    result.stream.once('close', () => options.signal?.removeEventListener('abort', cancel));
    return checkedEnd(result.stream, result.response_headers);
  }

  async close(): Promise<void> {
    await this.client.close();
  }
}

/** The status line then tells the outcome: without it, 200 comes before the end. */
const WAIT: EngineSettings = { wait_end_of_query: 1 };

function requestOf(options: StatementOptions, settings: EngineSettings): RequestParts {
  return {
    clickhouse_settings: { ...settings, ...options.settings } as never,
    ...(options.params === undefined ? {} : { query_params: paramsOf(options.params) }),
    ...(options.queryId === undefined ? {} : { query_id: options.queryId }),
    ...(options.signal === undefined ? {} : { abort_signal: options.signal }),
  };
}

interface RequestParts {
  clickhouse_settings: never;
  query_params?: Record<string, unknown>;
  query_id?: string;
  abort_signal?: AbortSignal;
}

function paramsOf(params: QueryParams): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params)) {
    plain[name] = typeof value === 'object' ? [...value] : value;
  }
  return plain;
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
