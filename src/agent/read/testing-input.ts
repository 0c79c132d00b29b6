import { systemClock } from '../../platform/clock.ts';
import { systemDisk } from '../../platform/disk.ts';
import { environmentOf } from '../../platform/environment.ts';
import { silentLog } from '../../platform/log.ts';
import { systemRandom } from '../../platform/random.ts';
import { systemSockets } from '../../platform/sockets.ts';
import type { FileOptions, InputOptions } from '../input-options.ts';
import type { Input, InputDoors, Piece, SourceInfo } from '../input.ts';
import { openInput } from './open.ts';

export const doorsOf = (stateDirectory: string, variables = {}): InputDoors => ({
  clock: systemClock,
  disk: systemDisk,
  sockets: systemSockets,
  random: systemRandom,
  environment: environmentOf(variables),
  log: silentLog,
  stateDirectory,
});

export const fileOptions = (include: string, options: Partial<FileOptions> = {}): FileOptions => ({
  kind: 'file',
  name: 'logs',
  multiline: 'none',
  include: [include],
  exclude: [],
  startAt: 'beginning',
  ignoreOlderMs: 0,
  closeInactiveMs: 300_000,
  discoverMs: 100,
  partialLineMs: 30_000,
  gzip: true,
  encoding: 'auto',
  ...options,
});

export interface SeenEvent {
  readonly text: string;
  readonly source: SourceInfo;
  readonly piece: Piece;
  /** Its number in its piece. */
  readonly i: number;
}

/** A running input whose pieces are kept as text and acknowledged, unless `holds` says not. */
export interface Running {
  readonly input: Input;
  readonly events: SeenEvent[];
  readonly pieces: Piece[];
  readonly texts: () => string[];
  /** Resolves when `done` holds; rejects after 20 s with what was seen. */
  until(done: (texts: string[]) => boolean): Promise<void>;
  stop(): Promise<void>;
}

export async function runInput(
  options: InputOptions,
  doors: InputDoors,
  acknowledges: () => boolean = () => true,
): Promise<Running> {
  const input = await openInput(options, doors);
  const events: SeenEvent[] = [];
  const pieces: Piece[] = [];
  const running = input.run(async (piece) => {
    const bytes = Buffer.from(piece.bytes.buffer, piece.bytes.byteOffset, piece.bytes.length);
    pieces.push(piece);
    for (let i = 0; i < piece.count; i++) {
      const text = bytes.toString('utf8', piece.starts[i], piece.ends[i]);
      events.push({ text, source: piece.source, piece, i });
    }
    if (acknowledges()) input.acknowledge(piece.source.id, piece.position);
  });
  let failure: unknown;
  running.catch((error: unknown) => (failure = error));
  const texts = (): string[] => events.map(({ text }) => text);
  return {
    input,
    events,
    pieces,
    texts,
    async until(done) {
      const endMs = systemClock.monotonicMs() + 20_000;
      while (!done(texts())) {
        if (failure !== undefined) throw failure as Error;
        if (systemClock.monotonicMs() > endMs) {
          const tail = JSON.stringify(texts().slice(-10)).slice(0, 2_000);
          throw new Error(`${events.length} events, the last ${tail}`);
        }
        await systemClock.sleep(20);
      }
    },
    async stop() {
      await input.stop();
      await input.close();
    },
  };
}
