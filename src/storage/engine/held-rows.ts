import type { EngineClient } from './client.ts';
import type { Slice } from './native-body.ts';

/** Rows `first` to `last` of a lane. */
interface Run {
  readonly first: number;
  readonly last: number;
}

/**
 * What the engine lacks of `slices`, by (lane, seq). Only valid once nothing that was sent before
 * can still write: a batch is one table and one range of seq, so the table itself tells.
 */
export async function missingSlices(
  client: EngineClient,
  table: string,
  slices: readonly Slice[],
): Promise<Slice[]> {
  const held = new Map<string, Run[]>();
  for (const [lane, { first, last }] of spans(slices)) {
    held.set(lane, await heldRuns(client, table, lane, first, last));
  }
  return slices.flatMap((slice) => withoutRuns(slice, held.get(slice.batch.lane) ?? []));
}

function spans(slices: readonly Slice[]): Map<string, Run> {
  const spans = new Map<string, Run>();
  for (const { batch, from, to } of slices) {
    const first = batch.seq + from;
    const last = batch.seq + to - 1;
    const span = spans.get(batch.lane) ?? { first, last };
    spans.set(batch.lane, {
      first: Math.min(first, span.first),
      last: Math.max(last, span.last),
    });
  }
  return spans;
}

/** Runs of seq that the table holds between `first` and `last`, ascending. */
async function heldRuns(
  client: EngineClient,
  table: string,
  lane: string,
  first: number,
  last: number,
): Promise<Run[]> {
  const rows = await client.rows(
    `SELECT min(seq), max(seq) FROM (
       SELECT seq, seq - toUInt64(row_number() OVER (ORDER BY seq)) AS run FROM (
         SELECT DISTINCT seq FROM meshtrail.${table}
         WHERE lane = {lane:String} AND seq BETWEEN {first:UInt64} AND {last:UInt64}))
     GROUP BY run ORDER BY 1`,
    { params: { lane, first, last } },
  );
  return rows.map(([low, high]) => ({ first: Number(low), last: Number(high) }));
}

/** A slice less the runs that are held. */
export function withoutRuns(slice: Slice, runs: readonly Run[]): Slice[] {
  const { batch } = slice;
  const left: Slice[] = [];
  let { from } = slice;
  for (const { first, last } of runs) {
    const low = first - batch.seq;
    const high = last - batch.seq + 1;
    if (high <= from) continue;
    if (low >= slice.to) break;
    if (low > from) left.push({ batch, from, to: low });
    from = high;
  }
  if (from < slice.to) left.push({ batch, from, to: slice.to });
  return left;
}
