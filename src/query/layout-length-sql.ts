import type { Hole, Layout } from '../model/layout.ts';
import { holeSql, isLaidOutSql, PLAIN_LINE_SQL, valueSql } from './layout-sql.ts';
import { timeLength } from './layout-sql-time.ts';
import { literalSql } from './literal-sql.ts';

/** Sizes of lines as ClickHouse expressions: the lines need not be made for that. */

/** Bytes that a hole prints. */
const holeLengthSql = (hole: Hole): string => {
  const { form } = hole;
  if (form.kind === 'dash') return `greatest(length(${valueSql(hole)}), 1)`;
  const fixed = form.kind === 'time' ? timeLength(form.time) : undefined;
  return fixed === undefined ? `length(${holeSql(hole)})` : String(fixed);
};

const literalLength = ({ literals }: Layout): number =>
  literals.reduce((sum, literal) => sum + literal.length, 0);

/** Bytes of the line of any row of tables that have no other layouts than these. */
export const lineLengthSql = (layouts: readonly Layout[]): string => {
  if (layouts.length === 0) return PLAIN_LENGTH;
  return layouts.length > MOST_BRANCHES ? byHoleSql(layouts) : byLayoutSql(layouts);
};

const PLAIN_LENGTH = `length(${PLAIN_LINE_SQL})`;

/** Beyond it the same holes stand in so many layouts that each is asked for once. */
const MOST_BRANCHES = 32;

const byLayoutSql = (layouts: readonly Layout[]): string => {
  const branches = layouts.map((layout) => {
    const sizes = [`toUInt64(${literalLength(layout)})`, ...layout.holes.map(holeLengthSql)];
    return `${isLaidOutSql([layout])}, ${sizes.join(' + ')}`;
  });
  return `multiIf(${branches.join(', ')}, ${PLAIN_LENGTH})`;
};

const byHoleSql = (layouts: readonly Layout[]): string => {
  const uses = new Map<string, number[]>();
  layouts.forEach(({ holes }, i) => {
    for (const length of holes.map(holeLengthSql)) {
      const use = uses.get(length);
      if (use === undefined) uses.set(length, [i + 1]);
      else use.push(i + 1);
    }
  });
  const texts = layouts.map(({ text }) => literalSql(text)).join(', ');
  const numbers = layouts.map((_, i) => i + 1).join(', ');
  const number = `(transform(layout, [${texts}], [${numbers}], 0) AS length_layout)`;
  const literals = `[0, ${layouts.map(literalLength).join(', ')}]`;
  const sizes = [...uses].flatMap(([length, members]) => sizesSql(length, members));
  return `if(${number} = 0, ${PLAIN_LENGTH}, ${[`toUInt64(${literals}[length_layout + 1])`, ...sizes].join(' + ')})`;
};

/** What a hole adds to these layouts, in order; one that prints it twice is there twice. */
const sizesSql = (length: string, members: readonly number[]): readonly string[] => {
  const once = members.filter((member, i) => member !== members[i - 1]);
  const more = members.filter((member, i) => member === members[i - 1]);
  const size = `if(length_layout IN (${once.join(', ')}), ${length}, 0)`;
  return more.length === 0 ? [size] : [size, ...sizesSql(length, more)];
};
