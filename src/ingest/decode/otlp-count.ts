import { ProtoReader } from './protobuf.ts';

/** The way down to the items of a request: at each level the fields to follow. */
export const METRIC_ITEMS: readonly (readonly number[])[] = [
  [1],
  [2],
  [2],
  // gauge, sum, histogram, exponential histogram, summary
  [5, 7, 9, 10, 11],
  [1],
];

const reader = new ProtoReader();

/** Counts the messages at the end of `path` in a protobuf message; -1 where it is malformed. */
export const countItems = (bytes: Uint8Array, path: readonly (readonly number[])[]): number => {
  reader.open(bytes, 0, bytes.length);
  const walk = (end: number, level: number): number => {
    const wanted = path[level] as readonly number[];
    let count = 0;
    while (reader.pos < end) {
      const tag = reader.tag(end);
      if ((tag & 7) !== 2 || !wanted.includes(Math.floor(tag / 8))) reader.skip(tag, end);
      else if (level + 1 < path.length) count += walk(reader.span(end), level + 1);
      else {
        reader.skip(tag, end);
        count++;
      }
    }
    return count;
  };
  const count = walk(bytes.length, 0);
  return reader.bad ? -1 : count;
};
