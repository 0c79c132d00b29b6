import { compareText, printLabels, type Labels } from '../../query/labels.ts';
import { formatFixed } from '../../query/logql/number.ts';
import type { Series } from '../../query/metric-query.ts';
import type { Vector } from '../../query/metrics/vector.ts';
import type { Entry } from '../../query/pipeline/entry.ts';

/** Loki's JSON, written in pieces so that a large answer is never one string. */

export interface QueryStats {
  readonly lines: number;
  readonly bytes: number;
  readonly returned: number;
  readonly seconds: number;
}

const rounded = (value: number): number => (Number.isFinite(value) ? Math.round(value) : 0);

const statsJson = ({ lines, bytes, returned, seconds }: QueryStats): string =>
  JSON.stringify({
    summary: {
      bytesProcessedPerSecond: rounded(bytes / seconds),
      linesProcessedPerSecond: rounded(lines / seconds),
      totalBytesProcessed: bytes,
      totalLinesProcessed: lines,
      execTime: seconds,
      queueTime: 0,
      subqueries: 0,
      totalEntriesReturned: returned,
      splits: 0,
      shards: 0,
      totalPostFilterLines: returned,
      totalStructuredMetadataBytesProcessed: 0,
    },
    querier: {},
    ingester: {},
    cache: {},
    index: {},
  });

const labelsJson = (labels: Labels): string =>
  `{${labels.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;

/** A time of the vectors and matrices: seconds, with milliseconds where there are any. */
const secondsJson = (ns: bigint): string => {
  const ms = ns / 1_000_000n;
  return formatFixed(Number(ms) / 1_000);
};

/** Numbers as Go writes them, without exponents. */
const valueJson = (value: number): string => {
  if (Number.isNaN(value)) return '"NaN"';
  if (!Number.isFinite(value)) return value > 0 ? '"+Inf"' : '"-Inf"';
  return `"${formatFixed(value)}"`;
};

const envelope = (
  type: string,
  stats: QueryStats,
  warnings: readonly string[],
  flags: string,
): { readonly head: string; readonly tail: string } => {
  const warned = warnings.length === 0 ? '' : `"warnings":${JSON.stringify(warnings)},`;
  return {
    head: `{"status":"success",${warned}"data":{"resultType":"${type}",${flags}"result":`,
    tail: `,"stats":${statsJson(stats)}}}\n`,
  };
};

export const scalarJson = (ns: bigint, value: number, stats: QueryStats): string => {
  const { head, tail } = envelope('scalar', stats, [], '');
  return `${head}[${secondsJson(ns)},${valueJson(value)}]${tail}`;
};

export const vectorJson = (ns: bigint, vector: Vector, stats: QueryStats): string => {
  const { head, tail } = envelope('vector', stats, [], '');
  const time = secondsJson(ns);
  const samples = vector.map(
    ({ labels, value }) => `{"metric":${labelsJson(labels)},"value":[${time},${valueJson(value)}]}`,
  );
  return `${head}[${samples.join(',')}]${tail}`;
};

/** Points that are written as one piece. */
const POINTS_PER_PIECE = 2_048;

export async function* matrixJson(
  series: readonly Series[],
  timeOf: (point: number) => bigint,
  stats: QueryStats,
): AsyncGenerator<string, void, undefined> {
  const { head, tail } = envelope('matrix', stats, [], '');
  yield `${head}[`;
  for (const [i, { labels, points, values }] of series.entries()) {
    yield `${i === 0 ? '' : ','}{"metric":${labelsJson(labels)},"values":[`;
    for (let from = 0; from < points.length; from += POINTS_PER_PIECE) {
      const piece = points.slice(from, from + POINTS_PER_PIECE).map((point, j) => {
        const value = valueJson(values[from + j] as number);
        return `[${secondsJson(timeOf(point))},${value}]`;
      });
      yield (from === 0 ? '' : ',') + piece.join(',');
    }
    yield ']}';
  }
  yield `]${tail}`;
}

/** Entries of one stream, in the answer's order. */
export interface Stream {
  readonly labels: Labels;
  readonly entries: Entry[];
}

/** Entries by stream, the streams sorted; with `categorize` a stream has stream labels only. */
export const groupStreams = (entries: readonly Entry[], categorize: boolean): readonly Stream[] => {
  const streams = new Map<string, Stream>();
  for (const entry of entries) {
    const labels = categorize ? entry.labels().stream : entry.all();
    const key = printLabels(labels);
    const stream = streams.get(key);
    if (stream === undefined) streams.set(key, { labels, entries: [entry] });
    else stream.entries.push(entry);
  }
  return [...streams].sort(([a], [b]) => compareText(a, b)).map(([, stream]) => stream);
};

const entryJson = (entry: Entry, categorize: boolean): string => {
  const line = `"${entry.row.timestampNs}",${JSON.stringify(entry.line)}`;
  if (!categorize) return `[${line}]`;
  const { metadata, parsed } = entry.labels();
  const parts: string[] = [];
  if (metadata.length > 0) parts.push(`"structuredMetadata":${labelsJson(metadata)}`);
  if (parsed.length > 0) parts.push(`"parsed":${labelsJson(parsed)}`);
  return `[${line},{${parts.join(',')}}]`;
};

const CATEGORIZE_FLAG = '"encodingFlags":["categorize-labels"]';

/** `"streams":[...]` without its name: for answers and for tails. */
export function* streamPieces(
  streams: readonly Stream[],
  categorize: boolean,
): Generator<string, void, undefined> {
  yield '[';
  for (const [i, { labels, entries }] of streams.entries()) {
    yield `${i === 0 ? '' : ','}{"stream":${labelsJson(labels)},"values":[`;
    for (const [j, entry] of entries.entries()) {
      yield (j === 0 ? '' : ',') + entryJson(entry, categorize);
    }
    yield ']}';
  }
  yield ']';
}

export async function* streamsJson(
  streams: readonly Stream[],
  categorize: boolean,
  stats: QueryStats,
  warnings: readonly string[],
): AsyncGenerator<string, void, undefined> {
  const flags = categorize ? `${CATEGORIZE_FLAG},` : '';
  const { head, tail } = envelope('streams', stats, warnings, flags);
  yield head;
  yield* streamPieces(streams, categorize);
  yield tail;
}

/** One message of a live tail. */
export const tailJson = (
  streams: readonly Stream[],
  dropped: readonly { readonly timestampNs: bigint; readonly labels: Labels }[],
  categorize: boolean,
): string => {
  const entries = dropped.map(
    ({ timestampNs, labels }) => `{"timestamp":"${timestampNs}","labels":${labelsJson(labels)}}`,
  );
  const flags = categorize ? `,${CATEGORIZE_FLAG}` : '';
  return `{"streams":${[...streamPieces(streams, categorize)].join('')},"dropped_entries":[${entries.join(',')}]${flags}}`;
};
