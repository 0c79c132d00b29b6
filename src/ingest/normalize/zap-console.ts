import { LinePattern } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

const HEAD = '<ts:stamp>\t<level:level>\t';
const named = new LinePattern(`${HEAD}<logger>\t<msg:text>`);
const called = new LinePattern(`${HEAD}<caller>\t<msg:text>`);
const both = new LinePattern(`${HEAD}<logger>\t<caller>\t<msg:text>`);
const bare = new LinePattern(`${HEAD}<msg:text>`);

/** `controller/main.go:42`, and no name of a logger. */
const isCaller = (buf: Uint8Array, start: number, end: number): boolean => {
  let at = end;
  while (at > start && isDigit(buf[at - 1])) at--;
  return at < end && at > start + 4 && buf[at - 1] === 0x3a && buf[at - 4] === 0x2e;
};

const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= 0x30 && byte <= 0x39;

const ZTUNNEL = new TextEncoder().encode('access\tconnection ');

/** Whether the line is of ztunnel's access log, which has a normalizer of its own. */
const isZtunnel = (buf: Uint8Array, start: number): boolean => {
  for (let i = 0; i < ZTUNNEL.length; i++) if (buf[start + i] !== ZTUNNEL[i]) return false;
  return true;
};

/** What the words between tabs are, which the line does not say: they are told by their look. */
const formatOf = (buf: Uint8Array, start: number, end: number): LinePattern | undefined => {
  if (both.match(buf, start, end) >= 0 && isCaller(buf, both.start(3), both.end(3))) return both;
  if (called.match(buf, start, end) >= 0 && isCaller(buf, called.start(2), called.end(2)))
    return called;
  if (named.match(buf, start, end) >= 0 && isZtunnel(buf, named.start(2))) return undefined;
  // A single word before an object is the message, and the object its fields.
  if (named.match(buf, start, end) >= 0 && buf[named.start(3)] !== 0x7b) return named;
  return bare.match(buf, start, end) >= 0 ? bare : undefined;
};

/**
 * zap's console encoder, which istiod, Istio's agents, kuma-cp and most Kubernetes operators write:
 * time, level, the logger's name and the caller where they are told, and the message, with tabs
 * between. Fields are JSON at the message's end, and are left there.
 */
export const zapConsole: Normalizer = {
  name: 'zap-console',
  opens: '0123456789',

  recognises: (line, start) =>
    line[start + 4] === 0x2d &&
    line[start + 10] === 0x54 &&
    (line[start + 20] === 0x09 ||
      line[start + 24] === 0x09 ||
      line[start + 27] === 0x09 ||
      line[start + 28] === 0x09 ||
      line[start + 30] === 0x09),

  normalize(record) {
    const { lineBuf, lineStart, lineEnd } = record;
    const found = formatOf(lineBuf, lineStart, lineEnd);
    if (found === undefined) return false;
    found.put(record, lineStart);
    record.structured = true;
    return true;
  },
};
