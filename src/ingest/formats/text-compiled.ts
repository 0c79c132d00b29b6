import type { LogRecord } from '../../model/record.ts';
import type { Compiled } from './compiled.ts';
import type { Pattern } from './pattern.ts';

/**
 * Makes a format of its patterns: one, or those that differ in values which a writer leaves out.
 * The first has all fields; the others have some of them, in the same order.
 * @param conclude what follows of every line of the format
 */
export const textCompiled = (
  name: string,
  patterns: readonly [Pattern, ...Pattern[]],
  conclude: (record: LogRecord) => void,
): Compiled => {
  const [whole] = patterns;
  const find = (buf: Uint8Array, start: number, end: number): Pattern | undefined =>
    patterns.find((pattern) => pattern.match(buf, start, end));
  return {
    name,
    fields: whole.fields,
    recognises: () => true,

    normalize(record) {
      const found = find(record.lineBuf, record.lineStart, record.lineEnd);
      if (found === undefined) return false;
      found.put(record);
      conclude(record);
      record.structured = true;
      return true;
    },

    read(line) {
      const found = find(line, 0, line.length);
      if (found === undefined || found === whole) return found?.values(line);
      const values = found.values(line);
      const places = new Map(found.fields.map((field, i) => [field.at, i]));
      return whole.fields.map(({ at }) => values[places.get(at) ?? -1]);
    },

    print: (values) => whole.print(values),

    why(line) {
      whole.match(line, 0, line.length);
      return whole.why(0);
    },
  };
};
