import { COLUMNS } from '../model/columns.ts';
import { must } from '../model/errors.ts';
import { binary, type Layout, type RowValues } from '../model/layout.ts';
import { filledLine } from '../model/layout-fill.ts';
import { layoutMemory } from './layout-memory.ts';
import { memberSql } from './layout-member-sql.ts';
import { lineSql } from './layout-sql.ts';
import type { BinaryKind, BinaryValue, BytesPair } from './row-binary.ts';
import type { RowColumns } from './rows.ts';

/**
 * What is asked of the engine so that rows have their lines: the line itself, filled in SQL, or
 * what our process fills it from. The second is for few rows, and for more layouts than SQL takes.
 */
export interface Selection {
  readonly columns: RowColumns;
  /** An expression and a kind for each value; those of `columns` come first. */
  readonly sql: readonly string[];
  readonly kinds: readonly BinaryKind[];
  /** The line of a row with these values; `undefined` where they do not suffice. */
  readonly line: (values: readonly BinaryValue[]) => (() => Uint8Array) | undefined;
}

const EMPTY = new Uint8Array(0);

class Builder {
  readonly sql: string[];
  readonly kinds: BinaryKind[];

  constructor({ names, kinds }: RowColumns) {
    this.sql = [...names];
    this.kinds = [...kinds];
  }

  /** Place of an expression's values, which may be there already. */
  place(sql: string, kind: BinaryKind): number {
    const held = this.sql.findIndex((one, i) => one === sql && this.kinds[i] === kind);
    if (held >= 0) return held;
    this.sql.push(sql);
    this.kinds.push(kind);
    return this.sql.length - 1;
  }
}

/**
 * The layout's text where it is none of these: a catalog that is behind the table, which should not
 * be, must not give wrong lines.
 */
const unknownLayoutSql = (layouts: readonly Layout[]): string =>
  layouts.length === 0 ? 'layout' : `if(${memberSql(layouts)(layouts)}, '', layout)`;

/** Lines come filled from the engine. */
export const filledSelection = (columns: RowColumns, layouts: readonly Layout[]): Selection => {
  if (!columns.lines) {
    return { columns, sql: columns.names, kinds: columns.kinds, line: () => () => EMPTY };
  }
  const builder = new Builder(columns);
  const line = builder.place(lineSql(layouts), 'bytes');
  const unknown = builder.place(unknownLayoutSql(layouts), 'bytes');
  return {
    columns,
    sql: builder.sql,
    kinds: builder.kinds,
    line: (values) =>
      (values[unknown] as Uint8Array).length > 0 ? undefined : () => values[line] as Uint8Array,
  };
};

/** Lines are filled here. Holes of other layouts than these need not be there. */
export const holesSelection = (columns: RowColumns, layouts: readonly Layout[]): Selection => {
  const holes = layouts.flatMap((layout) => layout.holes.map(({ column }) => column));
  const { line, body, values: held, builder } = placed(columns, new Set(holes));
  const unknown = builder.place(unknownLayoutSql(layouts), 'bytes');
  const index = layouts.length === 0 ? -1 : builder.place(indexSql(layouts), 'u16');
  return {
    columns,
    sql: builder.sql,
    kinds: builder.kinds,
    line: (values) => {
      if ((values[unknown] as Uint8Array).length > 0) return undefined;
      const number = index < 0 ? 0 : (values[index] as number);
      if (number > 0) return () => filledLine(layouts[number - 1] as Layout, held(values));
      return () => plainLine(values[line] as Uint8Array, values[body] as Uint8Array);
    },
  };
};

/** Lines are filled here, of whatever layout: for rows that no catalog explains. */
export const everySelection = (columns: RowColumns): Selection => {
  const { line, body, values: held, builder } = placed(columns, new Set(COLUMNS.keys()));
  const text = builder.place('layout', 'bytes');
  const memory = layoutMemory();
  return {
    columns,
    sql: builder.sql,
    kinds: builder.kinds,
    line: (values) => {
      const stored = values[text] as Uint8Array;
      const layout = stored.length === 0 ? undefined : memory(binary(stored));
      if (layout !== undefined) return () => filledLine(layout, held(values));
      return () => plainLine(values[line] as Uint8Array, values[body] as Uint8Array);
    },
  };
};

export const plainLine = (line: Uint8Array, body: Uint8Array): Uint8Array =>
  line.length > 0 ? line : body;

/** Numbers of the layouts, from 1; 0 for rows with none of them. */
const indexSql = (layouts: readonly Layout[]): string => {
  const isOneOf = memberSql(layouts);
  const branches = layouts.map((layout, i) => `${isOneOf([layout])}, ${i + 1}`);
  return `toUInt16(multiIf(${branches.join(', ')}, 0))`;
};

/** Places of the columns, read such that not a byte of them is lost. */
const placed = (
  columns: RowColumns,
  wanted: ReadonlySet<number>,
): {
  readonly builder: Builder;
  readonly line: number;
  readonly body: number;
  readonly values: (values: readonly BinaryValue[]) => RowValues;
} => {
  const builder = new Builder(columns);
  const line = builder.place('line', 'bytes');
  const body = builder.place('body', 'bytes');
  const places = new Map<number, number>();
  for (const column of wanted) {
    const { name, kind } = must(COLUMNS[column], 'a column of holes');
    const exact =
      kind === 'map' ? 'bytes map' : kind === 'name' || kind === 'text' ? 'bytes' : kind;
    places.set(column, builder.place(name, exact));
  }
  const place = (column: number): number => must(places.get(column), 'a column that was asked for');
  return {
    builder,
    line,
    body,
    values: (values) => ({
      text: (column) => values[place(column)] as Uint8Array,
      number: (column) => values[place(column)] as number,
      time: (column) => values[place(column)] as bigint,
      pair: (column, key) => valueOf(values[place(column)] as readonly BytesPair[], key),
    }),
  };
};

const valueOf = (pairs: readonly BytesPair[], key: string): Uint8Array => {
  for (const pair of pairs) if (pair[0] === key) return pair[1];
  return EMPTY;
};
