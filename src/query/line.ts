/**
 * The one place that knows how a record gives its line back (DESIGN.md, "The line, kept once"), for
 * the engine and for our own process. Everything that filters, counts or prints lines asks here.
 */

/** Columns that a line is made of, in the order in which `lineOf` takes them. */
export const LINE_COLUMNS = ['line', 'body'] as const;

/** The line as a ClickHouse expression over a row of a logs table. */
export const LINE_SQL = `if(line != '', line, body)`;

/** The line in process, from the values of `LINE_COLUMNS`: strings or bytes alike. */
export const lineOf = <T extends { readonly length: number }>(line: T, body: T): T =>
  line.length > 0 ? line : body;
