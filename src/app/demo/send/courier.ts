import { MeshtrailError } from '../../../model/errors.ts';
import { LIMITS } from '../../../model/limits.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Sockets } from '../../../platform/sockets.ts';
import type { Journey } from '../journey.ts';
import type { Carrier, Line } from '../lines.ts';
import { elasticsearchShipper } from './elasticsearch.ts';
import { lokiShipper } from './loki.ts';
import { ndjsonShipper } from './ndjson.ts';
import { otlpShipper } from './otlp.ts';
import type { LogRequest, Shipper } from './request.ts';
import { SyslogLink } from './syslog-link.ts';
import { spanCountOf, tracesRequest } from './traces.ts';

const SHIPPERS: readonly Shipper[] = [
  elasticsearchShipper,
  lokiShipper,
  ndjsonShipper,
  otlpShipper,
];

/** First and longest pause after "try later" without a time of its own. */
const PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8_000;
/** Journeys whose spans make one request; each has about six. */
const JOURNEYS = 400;
const RETRY_STATUS = [408, 429, 502, 503, 504];

export interface CourierOptions {
  readonly url: string;
  /** The native syslog port; undefined where it is not open. */
  readonly syslog: { readonly host: string; readonly port: number } | undefined;
  readonly sockets: Sockets;
  readonly clock: Clock;
  /** Stops sending; what is under way is given up. */
  readonly signal: AbortSignal;
}

/** Brings lines to the server, each by its own protocol, and counts what became of them. */
export class Courier {
  /** Lines that the server has acknowledged (syslog: taken off our hands). */
  sent = 0;
  /** Lines that the server refused for what they are. */
  rejected = 0;
  /** Lines that could not go, for the syslog port is not open. */
  skipped = 0;
  /** Answers of "try later". */
  waits = 0;
  private readonly options: CourierOptions;
  private readonly link: SyslogLink | undefined;

  constructor(options: CourierOptions) {
    const { sockets, clock, syslog, signal } = options;
    this.options = options;
    this.link = syslog && new SyslogLink(sockets, clock, syslog, signal);
  }

  /** Sends lines; resolves when the server has them all, or the courier was stopped. */
  async send(lines: readonly Line[]): Promise<void> {
    const byCarrier = Map.groupBy(lines, ({ source }) => source.carrier);
    const ways = SHIPPERS.map((shipper) =>
      this.ship(shipper, byCarrier.get(shipper.carrier) ?? []),
    );
    ways.push(this.log(byCarrier.get('syslog' satisfies Carrier) ?? []));
    await Promise.all(ways);
  }

  /** Sends the spans of journeys that are over. */
  async sendSpans(journeys: readonly Journey[]): Promise<void> {
    for (let at = 0; at < journeys.length; at += JOURNEYS) {
      const some = journeys.slice(at, at + JOURNEYS);
      const answer = await this.deliver(tracesRequest(some));
      if (answer === undefined) return;
      const { rejected } = otlpShipper.read(answer);
      this.rejected += rejected;
      this.sent += some.reduce((sum, journey) => sum + spanCountOf(journey), 0) - rejected;
    }
  }

  async close(): Promise<void> {
    await this.link?.close();
  }

  private async log(lines: readonly Line[]): Promise<void> {
    if (lines.length === 0) return;
    if (this.link === undefined) this.skipped += lines.length;
    else for (const batch of batchesOf(lines)) this.sent += await this.link.send(batch);
  }

  private async ship(shipper: Shipper, lines: readonly Line[]): Promise<void> {
    for (const batch of batchesOf(lines)) {
      for (let left = batch; left.length > 0 && !this.options.signal.aborted;) {
        const answer = await this.deliver(shipper.encode(left));
        if (answer === undefined) return;
        const { rejected, later } = shipper.read(answer);
        this.rejected += rejected;
        this.sent += left.length - rejected - later.length;
        left = later.map((position) => left[position] as Line);
        if (left.length > 0) await this.pause(PAUSE_MS);
      }
    }
  }

  private async pause(ms: number): Promise<void> {
    this.waits++;
    await this.options.clock.sleep(ms, this.options.signal);
  }

  /** The answer to a request once the server takes it; undefined when told to stop. */
  private async deliver({ path, headers, body }: LogRequest): Promise<string | undefined> {
    const { url, sockets, signal } = this.options;
    for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      if (signal.aborted) return undefined;
      let waitMs = pauseMs;
      try {
        const init: RequestInit = { method: 'POST', headers, body, signal };
        const response = await sockets.fetch(`${url}${path}`, init);
        const words = await response.text();
        if (response.ok) return words;
        if (!RETRY_STATUS.includes(response.status)) throw refused(path, response.status, words);
        const asked = Number(response.headers.get('retry-after') ?? 0) * 1000;
        if (asked > 0) waitMs = Math.min(LONGEST_PAUSE_MS, asked);
      } catch (error) {
        if (error instanceof MeshtrailError) throw error;
      }
      await this.pause(waitMs);
    }
  }
}

const refused = (path: string, status: number, words: string): MeshtrailError =>
  new MeshtrailError(
    'server_refused',
    `${path} answered ${status}: ${words.trim().slice(0, 500)}`,
    'the demo and the server are not of the same version?',
  );

/** Cuts lines into batches within the limits of one request. */
export const batchesOf = (lines: readonly Line[]): Line[][] => {
  const batches: Line[][] = [];
  let batch: Line[] = [];
  let size = 0;
  for (const line of lines) {
    batch.push(line);
    size += line.text.length;
    if (size < LIMITS.demoRequestBytes && batch.length < LIMITS.demoRequestLines) continue;
    batches.push(batch);
    batch = [];
    size = 0;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
};
