import { COLUMNS } from '../model/columns.ts';
import type { Hole, Layout } from '../model/layout.ts';
import { LIMITS } from '../model/limits.ts';
import { UNIT_DIGITS, type Form } from '../model/layout-form.ts';
import { memberSql } from './layout-member-sql.ts';
import { escapedSql } from './layout-sql-json.ts';
import { timeSql } from './layout-sql-time.ts';
import { literalSql } from './literal-sql.ts';

/**
 * Lines from layouts as ClickHouse expressions over a row of a logs table: what `fillLine` of
 * `model/layout.ts` prints, byte for byte. Layouts come from received lines, so not a byte of one
 * gets into a statement but as a literal of `literalSql`.
 */

/** The value that a hole prints, as its column has it. */
export const valueSql = ({ column, key }: Hole): string => {
  const name = COLUMNS[column]?.name as string;
  return COLUMNS[column]?.kind === 'map' ? `${name}[${literalSql(key)}]` : name;
};

const scaledSql = (value: string, form: Form & { kind: 'scaled' }): string => {
  const below = UNIT_DIGITS[form.unit];
  const unit = 10 ** below;
  const whole = `toString(intDiv(${value}, ${unit}))`;
  if (form.decimals === 0) return whole;
  const fraction = `leftPad(toString(${value} % ${unit}), ${below}, '0')`;
  if (form.decimals < 0) {
    const rest = `concat(${whole}, '.', trimRight(${fraction}, '0'))`;
    return `if(${value} % ${unit} = 0, ${whole}, ${rest})`;
  }
  const shown = form.decimals < below ? `substring(${fraction}, 1, ${form.decimals})` : fraction;
  const zeros = literalSql('0'.repeat(Math.max(0, form.decimals - below)));
  return `concat(${whole}, '.', ${shown}, ${zeros})`;
};

/** The text that a hole prints. */
export const holeSql = (hole: Hole): string => {
  const value = valueSql(hole);
  switch (hole.form.kind) {
    case 'text':
      return value;
    case 'dash':
      return `if(${value} = '', '-', ${value})`;
    case 'json':
      return escapedSql(value, hole.form.dialect);
    case 'number':
      return `toString(${value})`;
    case 'scaled':
      return scaledSql(value, hole.form);
    case 'time':
      return timeSql(value, hole.form.time);
  }
};

/** The line of a row that has this layout. */
export const fillSql = ({ literals, holes }: Layout): string => {
  const parts: string[] = [];
  literals.forEach((literal, i) => {
    if (literal !== '') parts.push(literalSql(literal));
    const hole = holes[i];
    if (hole !== undefined) parts.push(holeSql(hole));
  });
  return `concat('', ${parts.join(', ')})`;
};

/** The line of a row that has no layout. */
export const PLAIN_LINE_SQL = `if(line != '', line, body)`;

/** The line of any row of tables that have no other layouts than these. */
export const lineSql = (layouts: readonly Layout[]): string => {
  if (layouts.length === 0) return PLAIN_LINE_SQL;
  const isOneOf = memberSql(layouts);
  const branches = layouts.map((layout) => `${isOneOf([layout])}, ${fillSql(layout)}`);
  return `multiIf(${branches.join(', ')}, line != '', line, body)`;
};

/**
 * Whether the engine is to fill lines of so many layouts; beyond it the text of the statement and
 * its reading cost more than filling the rows one by one here.
 */
export const canFillInSql = (layouts: readonly Layout[]): boolean =>
  layouts.length <= LIMITS.layoutsInSql &&
  layouts.reduce((sum, { text }) => sum + text.length, 0) <= LIMITS.layoutSqlBytes;
