import type { AgentDoors } from './doors.ts';
import type { InputConfiguration } from './configuration.ts';
import type { EventFields, Input, InputStatus } from './input.ts';
import type { Ledger } from './ledger.ts';
import type { Pipeline } from './pipeline.ts';
import { Processing } from './processing.ts';
import { openInput } from './read/open.ts';

/** One input that runs, and from what it was made. */
interface Running {
  readonly input: Input;
  readonly options: string;
  readonly run: Promise<void>;
  failure: string;
}

/** The inputs as the configuration wants them, and how they change while the agent runs. */
export class Inputs {
  readonly exhausted: Promise<void>;
  private tellExhausted: () => void = () => undefined;
  private readonly running = new Map<string, Running>();
  private readonly pipeline: Pipeline;
  private readonly ledger: Ledger;
  private readonly doors: AgentDoors;
  private readonly directory: string;

  constructor(pipeline: Pipeline, ledger: Ledger, doors: AgentDoors, directory: string) {
    this.pipeline = pipeline;
    this.ledger = ledger;
    this.doors = doors;
    this.directory = directory;
    this.exhausted = new Promise((resolve) => (this.tellExhausted = resolve));
  }

  /**
   * Starts, replaces and ends inputs. All new ones are opened and all rules compiled before
   * anything changes; rejects where that fails. An input whose own options stay as they are reads
   * on, and its events are treated by the new rules.
   */
  async change(wanted: readonly InputConfiguration[], hostFields: EventFields): Promise<void> {
    const { clock, random } = this.doors;
    const prepared = wanted.map(({ options, processing, fields }) => ({
      options,
      text: JSON.stringify(options),
      processing: new Processing(processing, clock, random),
      fields: { ...hostFields, ...fields },
    }));
    const names = new Set(prepared.map(({ options }) => options.name));
    const changed = prepared.filter(
      ({ options, text }) => this.running.get(options.name)?.options !== text,
    );
    const gone = [...this.running.keys()].filter(
      (name) => !names.has(name) || changed.some(({ options }) => options.name === name),
    );
    for (const name of gone) await this.end(name);
    for (const { options, text, processing, fields } of prepared) {
      const held = this.running.get(options.name);
      if (held !== undefined) {
        this.pipeline.connect(options.name, { input: held.input, processing, fields });
        continue;
      }
      const input = await openInput(options, { ...this.doors, stateDirectory: this.directory });
      this.pipeline.connect(options.name, { input, processing, fields });
      this.begin(options.name, text, input);
    }
  }

  status(): InputStatus[] {
    return [...this.running.values()].map(({ input }) => input.status());
  }

  unreadBytes(): number {
    return this.status().reduce((sum, { lagBytes }) => sum + lagBytes, 0);
  }

  /** Inputs that cannot go on, in words. */
  troubles(): string[] {
    return [...this.running].flatMap(([name, { failure }]) =>
      failure === '' ? [] : [`input ${name}: ${failure}`],
    );
  }

  /** Resolves when no piece will come any more. */
  async stop(): Promise<void> {
    await Promise.all([...this.running.values()].map(({ input }) => input.stop()));
    await Promise.all([...this.running.values()].map(({ run }) => run));
  }

  async close(): Promise<void> {
    await Promise.all([...this.running.values()].map(({ input }) => input.close()));
  }

  private begin(name: string, options: string, input: Input): void {
    // What the buffer holds beats an older checkpoint.
    for (const { id, input: owner, position } of this.ledger.sources.values()) {
      if (owner === name && position !== '') input.acknowledge(id, position);
    }
    const running: Running = {
      ...{ input, options, failure: '' },
      run: input
        .run((piece) => this.pipeline.take(name, piece))
        .then(
          () => this.ended(),
          (error: unknown) => {
            running.failure = error instanceof Error ? error.message : String(error);
            this.doors.log.error('an input cannot go on', { input: name, error });
            this.ended();
          },
        ),
    };
    this.running.set(name, running);
  }

  private over = 0;

  private ended(): void {
    if (++this.over >= this.running.size) this.tellExhausted();
  }

  private async end(name: string): Promise<void> {
    const held = this.running.get(name);
    if (held === undefined) return;
    await held.input.stop();
    await held.run;
    await this.pipeline.flush();
    await held.input.close();
    this.pipeline.disconnect(name);
    this.running.delete(name);
    this.over--;
  }
}
