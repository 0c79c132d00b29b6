/**
 * Lines of one stream, as byte ranges of one buffer, in their order. The arrays grow and are
 * reused; `count` of their entries count.
 */
export class Lines {
  buf: Buffer = NOTHING;
  count = 0;
  starts = new Uint32Array(FIRST);
  /** Without the newline and a CR before it. */
  ends = new Uint32Array(FIRST);

  clear(buf: Buffer): void {
    this.buf = buf;
    this.count = 0;
  }

  push(start: number, end: number): void {
    if (this.count === this.starts.length) this.grow();
    this.starts[this.count] = start;
    this.ends[this.count++] = end;
  }

  private grow(): void {
    this.starts = doubled(this.starts);
    this.ends = doubled(this.ends);
  }
}

const NOTHING = Buffer.alloc(0);
const FIRST = 4_096;

const doubled = (array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> => {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
};

/** Whether line `i` begins with `text` (ASCII), `skip` bytes behind its start. */
export const beginsWith = (lines: Lines, i: number, text: string, skip = 0): boolean => {
  const start = (lines.starts[i] as number) + skip;
  if ((lines.ends[i] as number) - start < text.length) return false;
  for (let k = 0; k < text.length; k++) {
    if (lines.buf[start + k] !== text.charCodeAt(k)) return false;
  }
  return true;
};

/** Whether line `i` ends with `text` (ASCII). */
export const endsWith = (lines: Lines, i: number, text: string): boolean => {
  const size = (lines.ends[i] as number) - (lines.starts[i] as number);
  return size >= text.length && beginsWith(lines, i, text, size - text.length);
};

/** Blanks and tabs at the start of line `i`. */
export const indentOf = (lines: Lines, i: number): number => {
  const start = lines.starts[i] as number;
  const end = lines.ends[i] as number;
  let at = start;
  while (at < end && (lines.buf[at] === 0x20 || lines.buf[at] === 0x09)) at++;
  return at - start;
};

/** Nothing but blanks. */
export const isBlank = (lines: Lines, i: number): boolean =>
  indentOf(lines, i) === (lines.ends[i] as number) - (lines.starts[i] as number);

/** Bytes of a line that are looked through: what matters stands in front. */
const LOOKED_THROUGH = 1_024;

/** The front of line `i` as text, byte by byte (latin1), for the rare looks by expression. */
export const frontOf = (lines: Lines, i: number, most = LOOKED_THROUGH): string => {
  const start = lines.starts[i] as number;
  const end = Math.min(lines.ends[i] as number, start + most);
  return lines.buf.toString('latin1', start, end);
};
