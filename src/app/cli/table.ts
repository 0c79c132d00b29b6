import { systemOutput } from '../../platform/output.ts';

/** Prints rows under a heading, columns aligned; the last column is cut to the terminal's width. */
export const printTable = async (
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<void> => {
  const widths = heading.map((name, i) =>
    Math.max(name.length, ...rows.slice(0, 10_000).map((row) => row[i]?.length ?? 0)),
  );
  const last = heading.length - 1;
  const room = systemOutput.isTerminal
    ? Math.max(
        20,
        systemOutput.columns() - widths.slice(0, last).reduce((sum, w) => sum + w + 2, 0),
      )
    : Infinity;
  const print = (row: readonly string[]): Promise<void> => {
    const cells = row.map((cell, i) => {
      const plain = cell.replace(/[\u0000-\u001f\u007f]/g, ' ');
      if (i < last) return plain.padEnd(widths[i] ?? 0);
      return plain.length > room ? `${plain.slice(0, room - 1)}…` : plain;
    });
    return systemOutput.write(`${cells.join('  ')}\n`);
  };
  await print(heading.map((name) => name.toUpperCase()));
  for (const row of rows) await print(row);
};
