import type { Hole, Layout } from '../model/layout.ts';
import { memberSql, type MemberSql } from './layout-member-sql.ts';
import { holeSql, PLAIN_LINE_SQL, valueSql } from './layout-sql.ts';
import { timeLength } from './layout-sql-time.ts';

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
  const isOneOf = memberSql(layouts);
  const branches = layouts.map((layout) => {
    const sizes = [`toUInt64(${literalLength(layout)})`, ...layout.holes.map(holeLengthSql)];
    return `${isOneOf([layout])}, ${sizes.join(' + ')}`;
  });
  return `multiIf(${branches.join(', ')}, ${PLAIN_LENGTH})`;
};

const byHoleSql = (layouts: readonly Layout[]): string => {
  const isOneOf = memberSql(layouts);
  const sizes: string[] = [];
  for (const [length, members] of groupBy(layouts, literalLength)) {
    sizes.push(`if(${isOneOf(members)}, ${length}, 0)`);
  }
  const uses = groupBy(
    layouts.flatMap((layout) =>
      layout.holes.map((hole) => ({ layout, size: holeLengthSql(hole) })),
    ),
    ({ size }) => size,
  );
  for (const [size, members] of uses) {
    sizes.push(
      ...sizesSql(
        size,
        members.map(({ layout }) => layout),
        isOneOf,
      ),
    );
  }
  return `if(layout = '', ${PLAIN_LENGTH}, toUInt64(0) + ${sizes.join(' + ')})`;
};

const groupBy = <T, K>(all: readonly T[], keyOf: (one: T) => K): ReadonlyMap<K, readonly T[]> => {
  const groups = new Map<K, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  return groups;
};

/** What a hole adds to these layouts, in order; one that prints it twice is there twice. */
const sizesSql = (
  size: string,
  members: readonly Layout[],
  isOneOf: MemberSql,
): readonly string[] => {
  const once = members.filter((member, i) => member !== members[i - 1]);
  const more = members.filter((member, i) => member === members[i - 1]);
  const sql = `if(${isOneOf(once)}, ${size}, 0)`;
  return more.length === 0 ? [sql] : [sql, ...sizesSql(size, more, isOneOf)];
};
