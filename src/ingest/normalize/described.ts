import { COLUMNS } from '../../model/columns.ts';
import { settleLine, type LogRecord, type Pairs } from '../../model/record.ts';

/** A record in words, for fixtures and failures: every column that is set, and the three maps. */
export interface Described {
  readonly structured: boolean;
  /** RFC 3339 with nanoseconds, UTC. */
  readonly time?: string;
  readonly columns: Readonly<Record<string, string | number>>;
  readonly labels?: readonly string[];
  readonly metadata?: readonly string[];
  readonly attributes?: readonly string[];
  readonly badTimes?: number;
}

const decoder = new TextDecoder();

const pairsOf = (pairs: Pairs): string[] =>
  Array.from({ length: pairs.count }, (_, i) => {
    const value = decoder.decode(pairs.bufs[i]?.subarray(pairs.starts[i], pairs.ends[i]));
    return `${pairs.keys[i]?.text ?? ''}=${value}`;
  });

/** Settles the line and describes the record; `name=value` for map entries, in order. */
export const describeRecord = (record: LogRecord): Described => {
  settleLine(record);
  const columns: Record<string, string | number> = {};
  for (const [at, { name }] of COLUMNS.entries()) {
    if (record.has(at)) columns[name] = record.text(at);
    const number = record.numbers[at] as number;
    if (number !== 0) columns[name] = number;
  }
  const { timeSec, timeNano } = record;
  const seconds = timeSec < 0 ? '' : new Date(timeSec * 1_000).toISOString().slice(0, 19);
  return {
    structured: record.structured,
    ...(timeSec < 0 ? {} : { time: `${seconds}.${String(timeNano).padStart(9, '0')}Z` }),
    columns,
    ...(record.labels.count > 0 ? { labels: pairsOf(record.labels) } : {}),
    ...(record.metadata.count > 0 ? { metadata: pairsOf(record.metadata) } : {}),
    ...(record.attributes.count > 0 ? { attributes: pairsOf(record.attributes) } : {}),
    ...(record.badTimes > 0 ? { badTimes: record.badTimes } : {}),
  };
};
