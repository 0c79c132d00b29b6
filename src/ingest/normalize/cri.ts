import { C } from '../../model/columns.ts';
import { readTime } from '../../model/fields.ts';
import { putRest, putText } from '../../model/fields-put.ts';
import { fixedGap, gapOf, NO_GAP } from '../../model/gap.ts';
import { keys } from '../../model/key.ts';
import { PLACE, REST } from '../../model/placement.ts';
import { parseTime } from '../../model/time.ts';
import type { Normalizer } from './normalize.ts';

const STREAM = keys.of('stream');
const TIME = keys.of('time');
const TAG = keys.of('logtag');
const TIME_GAP = fixedGap('', 'time');
const STREAM_GAP = fixedGap(' ', 'stream');
const SPACE = 0x20;

/** Longest RFC 3339 time with nanoseconds and zone. */
const TIME_BYTES = 35;

/**
 * The container runtime's wrapper (Kubernetes, "CRI: log format"): `TIME stdout F line`, written by
 * containerd and CRI-O around each line. What is inside is normalized, the line stays as it came;
 * `P` says that the text goes on in the next record, and stays as `logtag`.
 */
export const cri: Normalizer = {
  name: 'cri',

  recognises(line, start, end) {
    if (end - start < 30 || line[start + 4] !== 0x2d || line[start + 10] !== 0x54) return false;
    return timeEnd(line, start, end) > 0;
  },

  normalize(record) {
    const { lineBuf, lineStart, lineEnd } = record;
    const time = timeEnd(lineBuf, lineStart, lineEnd);
    if (time < 0 || !parseTime(lineBuf, lineStart, time)) return false;
    const tag = time + 8;
    const inner = Math.min(tag + 2, lineEnd);
    const stdio = putText(record, 'line', C.stdio, STREAM, lineBuf, time + 1, time + 7);
    const place = readTime(record, lineBuf, lineStart, time);
    record.step(
      TIME_GAP,
      place === REST ? putRest(record, 'line', TIME, lineBuf, lineStart, time) : place,
    );
    record.step(STREAM_GAP, stdio);
    record.step(gapOf(lineBuf, time + 7, inner, NO_GAP.key), PLACE.empty);
    if (lineBuf[tag] === 0x50) record.metadata.put(TAG, lineBuf, tag, tag + 1);
    record.look(lineBuf, inner, lineEnd);
    return true;
  },
};

/** End of the time where ` stdout F ` or ` stderr P ` follows it, -1 elsewhere. */
const timeEnd = (buf: Uint8Array, start: number, end: number): number => {
  let at = start + 19;
  const stop = Math.min(end, start + TIME_BYTES + 1);
  while (at < stop && buf[at] !== SPACE) at++;
  const tag = at + 8;
  if (at >= stop || tag >= end) return -1;
  if (buf[at + 1] !== 0x73 || buf[at + 2] !== 0x74 || buf[at + 3] !== 0x64) return -1;
  const out = buf[at + 4] === 0x6f && buf[at + 5] === 0x75 && buf[at + 6] === 0x74;
  const err = buf[at + 4] === 0x65 && buf[at + 5] === 0x72 && buf[at + 6] === 0x72;
  if ((!out && !err) || buf[at + 7] !== SPACE) return -1;
  if (buf[tag] !== 0x46 && buf[tag] !== 0x50) return -1;
  return tag + 1 === end || buf[tag + 1] === SPACE ? at : -1;
};
