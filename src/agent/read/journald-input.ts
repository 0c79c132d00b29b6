import type { JournaldOptions } from '../input-options.ts';
import type { Emit, EventFields, Input, InputDoors, SourceInfo } from '../input.ts';
import { Checkpoints, type Checkpoint } from './checkpoints.ts';
import { startChild, type Child } from './child.ts';
import { refuseMissing } from './exec-input.ts';
import { journalFields, journalLine, journalTime } from './journal-event.ts';
import { JournalExport, type JournalEntry } from './journal-export.ts';
import { Backoff, liveInput } from './live-input.ts';
import { count, newTally, type Tally } from './reader.ts';

/** What one piece holds at most. */
const ENTRIES = 1_000;

/**
 * The machine's journal, by `journalctl --follow -o export` as a child; its cursor is the position.
 * The child is started again behind the last entry that was emitted whenever it ends.
 */
export const openJournald = async (options: JournaldOptions, doors: InputDoors): Promise<Input> => {
  const { name } = options;
  const tally = newTally();
  const path = `${doors.stateDirectory}/checkpoints-${name}`;
  const checkpoints = await Checkpoints.open(path, doors.disk, doors.clock);
  const checkpoint = checkpoints.all.get(`journald-${name}`) ?? newCheckpoint(name);
  checkpoints.all.set(checkpoint.id, checkpoint);
  const source: SourceInfo = {
    ...({ id: checkpoint.id, input: name, kind: 'journald' } as const),
    ...{ path: options.directory ?? 'journal', fields: {} },
  };
  let child: Child | undefined;
  let cursor = '';

  const runOnce = async (emit: Emit, signal: AbortSignal): Promise<void> => {
    const running = startChild(commandOf(options, cursor), undefined, doors);
    child = running;
    const onAbort = (): void => running.end();
    signal.addEventListener('abort', onAbort, { once: true });
    let complaint = '';
    running.stderr.on('data', (bytes: Buffer) => {
      complaint = (complaint + bytes.toString('utf8')).slice(-1_000);
    });
    try {
      cursor = await readEntries(running, source, cursor, emit, tally, doors, signal);
    } finally {
      running.end();
      const { error, code } = await running.ended;
      signal.removeEventListener('abort', onAbort);
      child = undefined;
      if (error !== undefined) refuseMissing(options.program, error);
      if (!signal.aborted) {
        count(tally.troubles, 'journalctl_ended');
        doors.log.warn('journalctl ended', { input: name, code, complaint });
      }
    }
  };

  return liveInput({
    ...{ name, kind: 'journald', tally },
    async run(emit, signal) {
      cursor = checkpoint.position;
      const saving = checkpoints.run(signal);
      const backoff = new Backoff(doors);
      while (!signal.aborted) {
        const beganMs = doors.clock.monotonicMs();
        await runOnce(emit, signal);
        await backoff.wait(doors.clock.monotonicMs() - beganMs, signal);
      }
      await saving;
    },
    acknowledge: (id, position) => checkpoints.acknowledge(id, position),
    close: () => checkpoints.save(),
    sources: () => 1,
    open: () => (child === undefined ? 0 : 1),
  });
};

const newCheckpoint = (name: string): Checkpoint => ({
  ...{ id: `journald-${name}`, path: 'journal', identity: 'journal', position: '', seenMs: 0 },
  print: { length: 0, digest: '' },
});

const commandOf = (options: JournaldOptions, cursor: string): string[] => [
  options.program,
  '--follow',
  '--output=export',
  ...(options.directory === undefined ? [] : [`--directory=${options.directory}`]),
  ...(options.namespace === undefined ? [] : [`--namespace=${options.namespace}`]),
  ...options.units.map((unit) => `--unit=${unit}`),
  ...(cursor === ''
    ? [options.startAt === 'end' ? '--lines=0' : '--no-tail']
    : [`--after-cursor=${cursor}`, '--no-tail']),
  ...options.matches,
];

/** Emits what a child writes until it ends; the cursor of the last entry emitted. */
const readEntries = async (
  child: Child,
  source: SourceInfo,
  from: string,
  emit: Emit,
  tally: Tally,
  doors: InputDoors,
  signal: AbortSignal,
): Promise<string> => {
  const entries = new JournalExport();
  let cursor = from;
  let batch: JournalEntry[] = [];
  const give = async (rawBytes: number): Promise<void> => {
    const some = batch;
    batch = [];
    const last = some.at(-1)?.get('__CURSOR')?.toString('latin1');
    if (last === undefined || last.length > 1_024) return;
    cursor = last;
    tally.readBytes += rawBytes;
    tally.events += some.length;
    await emitEntries(some, source, cursor, rawBytes, emit, tally, doors);
  };
  for await (const chunk of child.stdout) {
    if (signal.aborted) break;
    let raw = (chunk as Buffer).length;
    for (const entry of entries.feed(chunk as Buffer)) {
      batch.push(entry);
      if (batch.length < ENTRIES) continue;
      await give(raw);
      raw = 0;
    }
    if (batch.length > 0) await give(raw);
    count(tally.drops, 'journal_entry_too_long', entries.skipped);
    entries.skipped = 0;
  }
  return cursor;
};

const emitEntries = async (
  entries: readonly JournalEntry[],
  source: SourceInfo,
  position: string,
  rawBytes: number,
  emit: Emit,
  tally: Tally,
  { clock }: InputDoors,
): Promise<void> => {
  const lines = entries.map((entry) => ({ entry, ...journalLine(entry) }));
  const kept = lines.filter(({ line }) => line.length > 0);
  count(tally.drops, 'journal_entry_empty', lines.length - kept.length);
  const starts = new Uint32Array(kept.length);
  const ends = new Uint32Array(kept.length);
  const seconds = new Float64Array(kept.length).fill(-1);
  const nanos = new Uint32Array(kept.length);
  const eventFields: EventFields[] = [];
  const cut: number[] = [];
  let at = 0;
  kept.forEach(({ entry, line, isCut }, i) => {
    starts[i] = at;
    ends[i] = at += line.length;
    if (isCut) cut.push(i);
    const time = journalTime(entry);
    if (time !== undefined) {
      seconds[i] = time.seconds;
      nanos[i] = time.nanos;
    }
    eventFields.push(journalFields(entry));
  });
  count(tally.drops, 'line_cut', cut.length);
  await emit({
    ...({ source, content: 'line', starts, ends, eventFields, rawBytes, position } as const),
    bytes: Buffer.concat(kept.map(({ line }) => line)),
    count: kept.length,
    times: { seconds, nanos },
    cut: cut.length > 0 ? cut : undefined,
    readNs: clock.observedNs(),
  });
};
