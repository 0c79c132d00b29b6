import { createNormalize } from '../ingest/normalize/recognise.ts';
import { C, COLUMNS } from '../model/columns.ts';
import { LogRecord, type Pairs } from '../model/record.ts';
import type { EventFields, Piece } from './input.ts';
import type { DropReason } from './processing.ts';

/** One event on its way through the stages, for people. */
export interface InspectedEvent {
  readonly before: Piece;
  /** After redaction. */
  readonly after: Piece;
  readonly i: number;
  readonly fields: EventFields;
  readonly why: DropReason | undefined;
  readonly number: number;
}

const SHOWN_CHARACTERS = 400;
const decoder = new TextDecoder();
const normalize = createNormalize();
const record = new LogRecord();

/** Text with one line a stage; see docs/agent.md for an example. */
export const inspectEvent = ({ before, after, i, fields, why, number }: InspectedEvent): string => {
  const { source } = before;
  const line = lineOf(before, i);
  const stages: [string, string][] = [
    ['read', shown(line)],
    ['fields', pairs({ ...fields, ...before.eventFields?.[i] })],
    ['select', why === 'excluded' ? 'left out by a rule' : 'kept'],
  ];
  if (why !== 'excluded') stages.push(['sample', why === 'sampled' ? 'left out' : 'kept']);
  if (why === undefined || why === 'rate_limited') {
    stages.push(['limit', why === 'rate_limited' ? 'left out: over the rate' : 'kept']);
  }
  if (why === undefined) {
    const clean = lineOf(after, i);
    stages.push(['redact', clean === line ? 'unchanged' : shown(clean)]);
    stages.push(['record', after.content === 'line' ? recordOf(after, i) : after.content]);
    stages.push(['sent', `number ${number}`]);
  }
  const head = `${source.input}  ${source.id}  ${source.path}\n`;
  return head + stages.map(([name, text]) => `  ${name.padEnd(8)}${text}\n`).join('');
};

const lineOf = ({ bytes, starts, ends }: Piece, i: number): string =>
  decoder.decode(bytes.subarray(starts[i], ends[i]));

const shown = (text: string): string => {
  const flat = text.replace(/\n/g, '\\n');
  return flat.length > SHOWN_CHARACTERS ? `${flat.slice(0, SHOWN_CHARACTERS)}...` : flat;
};

const pairs = (fields: EventFields): string => {
  const words = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return words.join(' ') || '-';
};

/** What the server will make of the line, by the same normalizers. */
const recordOf = (piece: Piece, i: number): string => {
  record.reset();
  record.format = piece.source.format ?? '';
  record.setLine(piece.bytes, piece.starts[i] as number, piece.ends[i] as number);
  normalize(record, piece.source.id);
  const found: Record<string, string> = {};
  if (record.timeSec >= 0) found['timestamp'] = timeText(record.timeSec, record.timeNano);
  COLUMNS.forEach(({ name }, column) => {
    if (record.has(column)) found[name] = shown(record.text(column));
    else if (record.numbers[column] !== 0) found[name] = String(record.numbers[column]);
  });
  if (!record.structured && !record.has(C.body)) found['body'] = shown(record.lineText());
  return pairs({ ...found, ...textsOf(record.attributes), ...textsOf(record.metadata) });
};

const timeText = (seconds: number, nano: number): string =>
  `${new Date(seconds * 1_000).toISOString().slice(0, 19)}.${String(nano).padStart(9, '0')}Z`;

const textsOf = (held: Pairs): Record<string, string> => {
  const found: Record<string, string> = {};
  for (let i = 0; i < held.count; i++) {
    const bytes = held.bufs[i]?.subarray(held.starts[i], held.ends[i]);
    found[held.keys[i]?.text ?? ''] = shown(decoder.decode(bytes));
  }
  return found;
};
