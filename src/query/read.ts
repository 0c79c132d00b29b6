import type { EngineReader, QueryOptions } from '../model/storage.ts';
import { LIMITS } from '../model/limits.ts';
import { narrowScope, type Scope } from './access-filter.ts';
import type { Direction, RowId } from './plan.ts';
import type { LabelOptions } from './record-labels.ts';
import type { Row } from './row.ts';
import type { BinaryKind, BinaryValue } from './row-binary.ts';
import { canBeNamed } from './layout-member-sql.ts';
import { canFillInSql } from './layout-sql.ts';
import {
  everySelection,
  filledSelection,
  holesSelection,
  type Selection,
} from './row-selection.ts';
import { readRows, readValues, type ReadRow, type RowColumns } from './rows.ts';
import {
  idsQuery,
  partsQuery,
  rowsByIdQuery,
  rowsQuery,
  type Scan,
  type Statement,
} from './sql.ts';

/** What reading needs besides the scan. */
export interface ReadContext {
  readonly reader: EngineReader;
  readonly labels: LabelOptions;
  readonly signal: AbortSignal | undefined;
  /** Lets other work have its turn when this query has computed for long. */
  readonly turn: () => Promise<void>;
}

/** Runs a statement and gives its values as they arrive. */
export const runValues = async (
  context: ReadContext,
  { sql, options }: Statement,
  kinds: readonly BinaryKind[],
): Promise<AsyncIterable<readonly BinaryValue[][]>> =>
  readValues(await context.reader.stream(sql, withSignal(context, options)), kinds);

const withSignal = ({ signal }: ReadContext, options: QueryOptions): QueryOptions =>
  signal === undefined ? options : { ...options, signal };

interface Window {
  readonly startNs: bigint;
  readonly endNs: bigint;
}

const NS_PER_S = 1_000_000_000n;

/** The time in which the scope's tables have anything at all; `undefined` where they have not. */
const occupied = (scope: Scope): Window | undefined => {
  let window: { startNs: bigint; endNs: bigint } | undefined;
  for (const { minNs, maxNs } of scope.tables) {
    const startNs = minNs > scope.startNs ? minNs : scope.startNs;
    const endNs = maxNs + 1n < scope.endNs ? maxNs + 1n : scope.endNs;
    if (startNs >= endNs) continue;
    window ??= { startNs, endNs };
    if (startNs < window.startNs) window.startNs = startNs;
    if (endNs > window.endNs) window.endNs = endNs;
  }
  return window;
};

/**
 * Growing windows over the scope's time, from its newest or oldest end, so that the cost of a read
 * follows its answer and not its range (performance.md, section 7).
 */
export function* windowsOf(scope: Scope, direction: Direction): Generator<Window, void, undefined> {
  const whole = occupied(scope);
  if (whole === undefined) return;
  let size = BigInt(LIMITS.windowFirstS) * NS_PER_S;
  let { startNs, endNs } = whole;
  while (startNs < endNs) {
    const all = endNs - startNs <= size;
    if (direction === 'backward') {
      const from = all ? startNs : endNs - size;
      yield { startNs: from, endNs };
      endNs = from;
    } else {
      const to = all ? endNs : startNs + size;
      yield { startNs, endNs: to };
      startNs = to;
    }
    size *= BigInt(LIMITS.windowGrowth);
  }
}

const scanWindows = ({ scope, forIds }: Scan, direction: Direction): Iterable<Window> => {
  const whole = forIds === true ? occupied(scope) : undefined;
  return whole === undefined ? windowsOf(scope, direction) : [whole];
};

const within = (scan: Scan, { startNs, endNs }: Window): Scan => ({
  ...scan,
  scope: narrowScope(scan.scope, startNs, endNs),
});

const ID_KINDS: readonly BinaryKind[] = ['time', 'name', 'u64'];

/** What lines are filled from in our process. */
const unfilled = ({ layouts }: Scan, columns: RowColumns): Selection =>
  canBeNamed(layouts) ? holesSelection(columns, layouts) : everySelection(columns);

/** The first `limit` rows of a scan, in windows: ids first, whole rows last. */
export async function* firstRows(
  context: ReadContext,
  scan: Scan,
  columns: RowColumns,
  direction: Direction,
  limit: number,
): AsyncGenerator<Row, void, undefined> {
  let left = limit;
  const selection = unfilled(scan, columns);
  // Rows of several windows are asked for together: a statement costs more than a few rows.
  let ids: RowId[] = [];
  for (const window of scanWindows(scan, direction)) {
    if (left <= 0) break;
    const part = within(scan, window);
    if (part.scope.tables.length === 0) continue;
    const found = await readIds(context, part, direction, left);
    left -= found.length;
    ids.push(...found);
    for (; ids.length >= LIMITS.rowsById; ids = ids.slice(LIMITS.rowsById)) {
      const some = ids.slice(0, LIMITS.rowsById);
      yield* rowsOfIds(context, scan.scope, selection, direction, some);
    }
  }
  if (ids.length > 0) yield* rowsOfIds(context, scan.scope, selection, direction, ids);
}

const readIds = async (
  context: ReadContext,
  scan: Scan,
  direction: Direction,
  limit: number,
): Promise<RowId[]> => {
  const query = idsQuery(scan, direction, limit, context.labels);
  const ids: RowId[] = [];
  for await (const rows of await runValues(context, query, ID_KINDS)) {
    for (const [timestampNs, lane, seq] of rows as [bigint, string, number][]) {
      ids.push({ timestampNs, lane, seq });
    }
  }
  return ids;
};

const keyOf = ({ lane, seq }: { readonly lane: string; readonly seq: number }): string =>
  `${lane}:${seq}`;

async function* rowsOfIds(
  context: ReadContext,
  scope: Scope,
  selection: Selection,
  direction: Direction,
  ids: readonly RowId[],
): AsyncGenerator<Row, void, undefined> {
  const [first, last] = [ids[0] as RowId, ids.at(-1) as RowId];
  const [from, to] = direction === 'forward' ? [first, last] : [last, first];
  const narrow = narrowScope(scope, from.timestampNs, to.timestampNs + 1n);
  yield* selectedRows(context, narrow, selection, direction, ids);
}

/** Rows as they come. Lines that were not to be had are fetched for themselves. */
async function* streamRows(
  context: ReadContext,
  scope: Scope,
  { sql, options }: Statement,
  selection: Selection,
): AsyncGenerator<Row, void, undefined> {
  const chunks = await context.reader.stream(sql, withSignal(context, options));
  for await (const rows of readRows(chunks, selection, context.labels)) {
    const isWhole = !rows.some(({ lineless }) => lineless);
    yield* isWhole ? rows : await withLines(context, scope, rows, selection.columns);
    await context.turn();
  }
}

/** The same rows, with the lines of layouts that the catalog did not tell of. */
const withLines = async (
  context: ReadContext,
  scope: Scope,
  rows: readonly ReadRow[],
  columns: RowColumns,
): Promise<readonly Row[]> => {
  const lineless = rows.filter((row) => row.lineless);
  const found = new Map<string, Row>();
  for (let from = 0; from < lineless.length; from += LIMITS.rowsById) {
    const some = lineless.slice(from, from + LIMITS.rowsById);
    const selection = everySelection(columns);
    for await (const row of selectedRows(context, scope, selection, 'forward', some)) {
      found.set(keyOf(row), row);
    }
  }
  return rows.map((row) => found.get(keyOf(row)) ?? row);
};

const PART_KINDS: readonly BinaryKind[] = ['i64', 'u64'];

/**
 * All rows of a scan in order, for stages that run here. The engine sorts slices of a bounded
 * number of rows: crowded times are counted and divided first, so that its memory does not follow
 * the range.
 */
export async function* allRows(
  context: ReadContext,
  scan: Scan,
  columns: RowColumns,
  direction: Direction,
): AsyncGenerator<Row, void, undefined> {
  const whole = occupied(scan.scope);
  if (whole === undefined) return;
  const most = columns.whole ? LIMITS.scanSliceRows / WHOLE_WEIGHT : LIMITS.scanSliceRows;
  const selection =
    canFillInSql(scan.layouts) || !columns.lines
      ? filledSelection(columns, scan.layouts)
      : unfilled(scan, columns);
  for await (const slice of slicesOf(context, within(scan, whole), direction, most)) {
    const query = rowsQuery(slice, selection, direction, context.labels);
    yield* streamRows(context, slice.scope, query, selection);
  }
}

/**
 * A whole row takes so many times the engine's memory for sorting that its line and labels take.
 */
const WHOLE_WEIGHT = 8;

async function* slicesOf(
  context: ReadContext,
  scan: Scan,
  direction: Direction,
  most: number,
): AsyncGenerator<Scan, void, undefined> {
  const { startNs, endNs } = scan.scope;
  const parts = BigInt(LIMITS.scanSliceParts);
  const widthNs = (endNs - startNs + parts - 1n) / parts;
  const counts: [bigint, number][] = [];
  const query = partsQuery(scan, widthNs, context.labels);
  for await (const rows of await runValues(context, query, PART_KINDS)) {
    counts.push(...(rows as [bigint, number][]));
  }
  for (const slice of gather(counts, direction, most)) {
    const part = within(scan, {
      startNs: startNs + slice.first * widthNs,
      endNs: startNs + (slice.last + 1n) * widthNs,
    });
    if (slice.rows <= most || widthNs === 1n) yield part;
    else yield* slicesOf(context, part, direction, most);
  }
}

interface Slice {
  readonly first: bigint;
  readonly last: bigint;
  readonly rows: number;
}

/** Joins neighbouring parts as long as they stay small enough; crowded ones stand alone. */
const gather = (
  counts: readonly [bigint, number][],
  direction: Direction,
  most: number,
): Slice[] => {
  const slices: Slice[] = [];
  for (const [part, rows] of counts) {
    const last = slices.at(-1);
    if (last !== undefined && last.rows + rows <= most) {
      slices[slices.length - 1] = { first: last.first, last: part, rows: last.rows + rows };
    } else slices.push({ first: part, last: part, rows });
  }
  return direction === 'backward' ? slices.reverse() : slices;
};

/** All rows in growing windows, for reads that end early. */
export async function* rowsInWindows(
  context: ReadContext,
  scan: Scan,
  columns: RowColumns,
  direction: Direction,
): AsyncGenerator<Row, void, undefined> {
  for (const window of scanWindows(scan, direction)) {
    const part = within(scan, window);
    if (part.scope.tables.length > 0) yield* allRows(context, part, columns, direction);
  }
}

/** Single records by id, wherever in the scope they are. */
export async function* rowsWithIds(
  context: ReadContext,
  scope: Scope,
  columns: RowColumns,
  direction: Direction,
  ids: readonly { readonly lane: string; readonly seq: number }[],
): AsyncGenerator<Row, void, undefined> {
  yield* selectedRows(context, scope, everySelection(columns), direction, ids);
}

async function* selectedRows(
  context: ReadContext,
  scope: Scope,
  selection: Selection,
  direction: Direction,
  ids: readonly { readonly lane: string; readonly seq: number }[],
): AsyncGenerator<Row, void, undefined> {
  if (scope.tables.length === 0) return;
  const wanted = new Set(ids.map(keyOf));
  const lanes = [...new Set(ids.map(({ lane }) => lane))];
  const named = { lanes, seqs: ids.map(({ seq }) => seq) };
  const query = rowsByIdQuery(scope, selection, direction, named, context.labels);
  for await (const row of streamRows(context, scope, query, selection)) {
    if (wanted.has(keyOf(row))) yield row;
  }
}
