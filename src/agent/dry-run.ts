import type { Output } from '../platform/output.ts';
import { BatchBuilder } from './batch-builder.ts';
import type { AgentConfiguration, InputConfiguration } from './configuration.ts';
import type { AgentDoors } from './doors.ts';
import { agentFields } from './fields.ts';
import { inspectEvent } from './inspect.ts';
import type { EventFields, Input, Piece } from './input.ts';
import { Processing } from './processing.ts';
import { openInput } from './read/open.ts';
import { redactNothing } from './redaction.ts';
import { newSource, type SourceState } from './source-state.ts';
import { packEvents } from './split.ts';

export interface DryRunOptions {
  readonly inspect: boolean;
  /** Events after which it ends. */
  readonly events: number;
  /** Ends when nothing came for so long, ms. */
  readonly quietMs: number;
  /** An empty directory for what inputs keep; the agent's own is not touched. */
  readonly directory: string;
}

/**
 * Runs the inputs and the stages as the agent would, sends nothing and remembers nothing. Prints
 * what would be sent: with `inspect` each event stage by stage, and in the end the sums.
 */
export const dryRun = async (
  configuration: AgentConfiguration,
  doors: AgentDoors,
  output: Output,
  options: DryRunOptions,
): Promise<void> => {
  const run = new DryRun(configuration, doors, output, options);
  await run.start(await agentFields(configuration, doors));
  await run.summary();
};

interface Sum {
  events: number;
  sent: number;
  rawBytes: number;
}

const POLL_MS = 50;

class DryRun {
  private readonly configuration: AgentConfiguration;
  private readonly doors: AgentDoors;
  private readonly output: Output;
  private readonly options: DryRunOptions;
  private readonly sources = new Map<string, SourceState & { sum: Sum; path: string }>();
  private readonly builder: BatchBuilder;
  private events = 0;
  private batches = 0;
  private sentBytes = 0;
  private lastMs: number;

  constructor(
    configuration: AgentConfiguration,
    doors: AgentDoors,
    output: Output,
    options: DryRunOptions,
  ) {
    this.configuration = configuration;
    this.doors = doors;
    this.output = output;
    this.options = options;
    this.builder = new BatchBuilder(configuration.batchBytes);
    this.lastMs = doors.clock.monotonicMs();
  }

  async start(hostFields: EventFields): Promise<void> {
    const { clock } = this.doors;
    const inputs: Input[] = [];
    const runs: Promise<void>[] = [];
    let ended = 0;
    for (const one of this.configuration.inputs) {
      const stateDirectory = this.options.directory;
      const input = await openInput(one.options, { ...this.doors, stateDirectory });
      inputs.push(input);
      runs.push(this.follow(one, input, hostFields).finally(() => ended++));
    }
    const isOver = (): boolean =>
      ended === inputs.length ||
      this.events >= this.options.events ||
      clock.monotonicMs() - this.lastMs >= this.options.quietMs;
    while (!isOver()) await clock.sleep(POLL_MS);
    await Promise.all(inputs.map((input) => input.stop()));
    await Promise.all(runs);
    await Promise.all(inputs.map((input) => input.close()));
    this.closeBatch();
  }

  async summary(): Promise<void> {
    const lines = ['', 'source                          events      sent   left out   path'];
    for (const { id, sum, dropped, path } of this.sources.values()) {
      const left = Object.entries(dropped).map(([reason, count]) => `${reason} ${count}`);
      lines.push(
        `${id.slice(0, 30).padEnd(30)} ${String(sum.events).padStart(7)} ` +
          `${String(sum.sent).padStart(9)}   ${left.join(', ') || '-'}   ${path}`,
      );
    }
    const raw = [...this.sources.values()].reduce((total, { sum }) => total + sum.rawBytes, 0);
    lines.push(
      '',
      `${this.events} events, ${raw} bytes read; ${this.batches} batches of ${this.sentBytes} bytes ` +
        `would go to ${this.configuration.servers.map(({ origin }) => origin).join(', ')}`,
      '',
    );
    await this.output.write(lines.join('\n'));
  }

  private follow(one: InputConfiguration, input: Input, hostFields: EventFields): Promise<void> {
    const processing = new Processing(one.processing, this.doors.clock, this.doors.random);
    const own = { ...hostFields, ...one.fields };
    return input.run(async (piece) => {
      await this.take(processing, { ...piece.source.fields, ...own }, piece);
    });
  }

  private async take(processing: Processing, fields: EventFields, piece: Piece): Promise<void> {
    if (this.events >= this.options.events) return;
    this.lastMs = this.doors.clock.monotonicMs();
    const { source } = piece;
    let state = this.sources.get(source.id);
    if (state === undefined) {
      const sum = { events: 0, sent: 0, rawBytes: 0 };
      state = { ...newSource(source), sum, path: source.path };
      this.sources.set(source.id, state);
    }
    const clean = redactNothing(piece);
    const chosen: number[] = [];
    for (let i = 0; i < piece.count && this.events < this.options.events; i++) {
      const why = processing.reasonAgainst(state, piece, fields, i);
      const number = state.next + chosen.length;
      if (this.options.inspect) {
        await this.output.write(
          inspectEvent({ before: piece, after: clean, i, fields, why, number }),
        );
      }
      if (why === undefined) chosen.push(i);
      else state.dropped[why] = (state.dropped[why] ?? 0) + 1;
      state.sum.events++;
      this.events++;
    }
    state.sum.sent += chosen.length;
    state.sum.rawBytes += piece.rawBytes;
    if (chosen.length === 0) return;
    if (this.builder.changes(state, clean)) this.closeBatch();
    this.builder.add(state, clean, fields, chosen);
    if (this.builder.isFull) this.closeBatch();
  }

  private closeBatch(): void {
    if (this.builder.isEmpty) return;
    const { events } = this.builder.close();
    this.batches++;
    this.sentBytes += packEvents(this.configuration.packing, events).length;
    this.builder.recycle(events);
  }
}
