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
  hasEnded: boolean;
}

/** The inputs as the configuration wants them, and how they change while the agent runs. */
export class Inputs {
  /** Resolves when all inputs have ended by themselves: true where none of them failed. */
  readonly exhausted: Promise<boolean>;
  private tellExhausted: (isWell: boolean) => void = () => undefined;
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
   * Starts, replaces and ends inputs; all rules are compiled before anything changes. An input
   * whose own options stay as they are reads on, and its events are treated by the new rules.
   * Rejects where an input cannot be opened: those before it stand.
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
      ...{ input, options, failure: '', hasEnded: false },
      run: input
        .run((piece) => this.pipeline.take(name, piece))
        .then(
          () => this.ended(running),
          (error: unknown) => {
            running.failure = error instanceof Error ? error.message : String(error);
            this.doors.log.error('an input cannot go on', { input: name, error });
            this.ended(running);
          },
        ),
    };
    this.running.set(name, running);
  }

  private ended(running: Running): void {
    running.hasEnded = true;
    const all = [...this.running.values()];
    // One that is being replaced is no longer among them.
    if (!all.includes(running) || !all.every(({ hasEnded }) => hasEnded)) return;
    this.tellExhausted(all.every(({ failure }) => failure === ''));
  }

  private async end(name: string): Promise<void> {
    const held = this.running.get(name);
    if (held === undefined) return;
    this.running.delete(name);
    await held.input.stop();
    await held.run;
    await this.pipeline.flush();
    await held.input.close();
    this.pipeline.disconnect(name);
  }
}
