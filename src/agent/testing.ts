import type { Piece } from './input.ts';

/** Pieces for tests. */
export const pieceOf = (id: string, lines: readonly string[], more: Partial<Piece> = {}): Piece => {
  const bytes = Buffer.from(lines.join('\n'));
  const starts = new Uint32Array(lines.length);
  const ends = new Uint32Array(lines.length);
  let at = 0;
  for (const [i, line] of lines.entries()) {
    starts[i] = at;
    at += Buffer.byteLength(line);
    ends[i] = at++;
  }
  return {
    source: { id, input: 'app', kind: 'file', path: `/var/log/${id}.log`, fields: {} },
    ...{ content: 'line', bytes, starts, ends, count: lines.length, rawBytes: bytes.length },
    ...{ readNs: 1_763_632_799_000_000_000n, position: '1' },
    ...more,
  };
};
