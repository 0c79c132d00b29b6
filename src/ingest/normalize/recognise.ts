import { C } from '../../model/columns.ts';
import { LIMITS } from '../../model/limits.ts';
import type { LogRecord } from '../../model/record.ts';
import { NORMALIZERS, OBJECTS, WRAPPERS } from './all.ts';
import { conclude } from './conclude.ts';
import { json } from './json.ts';
import type { Normalizer } from './normalize.ts';
import { plain } from './plain.ts';
import { finishWrapped } from './wrapped.ts';

/**
 * Normalizes the cursor's line in place. `source` is anything that lines of one look have in common
 * (a hash, a stream's name): it is remembered which format they had, which saves looking and
 * changes nothing else.
 */
export type Normalize = (record: LogRecord, source: number | string) => void;

export interface NormalizeOptions {
  /**
   * Format by service, for lines that are recognised wrongly or not at all: a name of
   * `NORMALIZERS`, or a format made of its definition.
   */
  readonly override?: Readonly<Record<string, string | Normalizer>>;
}

/**
 * Wrappers inside wrappers: Docker's within CRI's happens when a node agent is itself collected.
 */
const MOST_WRAPPERS = 2;

const unwrap = (record: LogRecord): void => {
  for (let i = 0; i < MOST_WRAPPERS; i++) if (!unwrapOnce(record)) return;
};

const unwrapOnce = (record: LogRecord): boolean => {
  for (let i = 0; i < WRAPPERS.length; i++)
    if (takes(WRAPPERS[i] as Normalizer, record)) return true;
  return false;
};

const takes = (normalizer: Normalizer, record: LogRecord): boolean =>
  normalizer.recognises(record.lineBuf, record.lineStart, record.lineEnd) &&
  normalizer.normalize(record);

/** Where the format that is told does not fit: plain, but for JSON that has its own normalizer. */
const otherwise = (told: Normalizer, record: LogRecord): void => {
  if (told === json) for (const object of OBJECTS) if (takes(object, record)) return;
  plain.normalize(record);
};

/**
 * By a line's first byte: the numbers of the formats that may begin with it, in their order. Lines
 * without a format pass all of them, so what a line cannot be should cost nothing.
 */
const CANDIDATES: readonly Uint8Array[] = Array.from({ length: 256 }, (_, byte) =>
  Uint8Array.from(
    [...NORMALIZERS.keys()].filter((i) => {
      const { opens } = NORMALIZERS[i] as Normalizer;
      return opens === undefined || opens.includes(String.fromCharCode(byte));
    }),
  ),
);

const slotOf = (source: number | string): number => {
  let hash = typeof source === 'number' ? source : source.length;
  if (typeof source === 'string')
    for (let i = 0; i < source.length; i++) hash = Math.imul(hash, 31) + source.charCodeAt(i);
  return (hash >>> 0) % LIMITS.formatsRemembered;
};

/** By service name: the format that the configuration names for it. Unknown names are left out. */
const overridesOf = (
  names: Readonly<Record<string, string | Normalizer>>,
): Map<string, Normalizer> => {
  const overrides = new Map<string, Normalizer>();
  for (const [service, name] of Object.entries(names)) {
    const found =
      typeof name === 'string' ? NORMALIZERS.find((normalizer) => normalizer.name === name) : name;
    if (found !== undefined) overrides.set(service, found);
  }
  return overrides;
};

/**
 * A format must fit the whole line before it is chosen, so at most one other than `plain` ever
 * does, and trying the remembered one first cannot change the outcome.
 */
export const createNormalize = (options: NormalizeOptions = {}): Normalize => {
  const overrides = overridesOf(options.override ?? {});
  const remembered = new Uint8Array(LIMITS.formatsRemembered);

  const byContent = (record: LogRecord, source: number | string): void => {
    const slot = slotOf(source);
    const last = NORMALIZERS[remembered[slot] as number] as Normalizer;
    if (last !== plain && takes(last, record)) return;
    // Of a wrapper's empty inside there may be no byte at all.
    const first = record.lineBuf[record.lineStart] ?? 0;
    const candidates = CANDIDATES[first] as Uint8Array;
    for (let at = 0; at < candidates.length; at++) {
      const i = candidates[at] as number;
      const normalizer = NORMALIZERS[i] as Normalizer;
      if (normalizer === last && last !== plain) continue;
      if (!takes(normalizer, record)) continue;
      remembered[slot] = i;
      return;
    }
  };

  return (record, source) => {
    if (record.lineEnd > record.lineStart) {
      record.doubtful = record.attributes.count > 0;
      unwrap(record);
      const { steps } = record;
      const forced =
        record.format === ''
          ? overrides.size > 0
            ? overrides.get(record.text(C.service))
            : undefined
          : NORMALIZERS.find(({ name }) => name === record.format);
      if (forced === undefined) byContent(record, source);
      else if (!forced.normalize(record)) otherwise(forced, record);
      if (steps > 0) finishWrapped(record);
    }
    conclude(record);
  };
};
