import { LIMITS } from '../../model/limits.ts';

/**
 * Elasticsearch's `filter_path` (REST API conventions, "Response filtering"): comma-separated
 * dotted paths, `*` for any part of a name, `**` for any names between, `-` in front to leave out.
 * Arrays do not count as a level; what becomes empty disappears.
 */
export interface ReplyFilter {
  readonly keep: readonly Path[];
  readonly drop: readonly Path[];
}

type Path = readonly string[];
export type Json = string | number | boolean | null | readonly Json[] | { [name: string]: Json };

/** @param text the parameter's value, decoded; undefined where it says nothing */
export const parseFilter = (text: string): ReplyFilter | undefined => {
  const keep: Path[] = [];
  const drop: Path[] = [];
  for (const part of text.split(',', LIMITS.filters)) {
    const path = part.trim();
    if (path === '' || path === '-') continue;
    const away = path.startsWith('-');
    const names = (away ? path.slice(1) : path).split('.', LIMITS.filterSegments);
    // `**.**` says no more than `**`, and costs its square.
    const plain = names.filter((name, i) => name !== '**' || names[i - 1] !== '**');
    (away ? drop : keep).push(plain);
  }
  return keep.length + drop.length === 0 ? undefined : { keep, drop };
};

/** The filtered value; an object that nothing is left of is `{}`. */
export const applyFilter = (filter: ReplyFilter, value: Json): Json => {
  const kept = filter.keep.length === 0 ? value : keepPaths(value, filter.keep);
  if (kept === undefined) return {};
  return filter.drop.length === 0 ? kept : (dropPaths(kept, filter.drop) ?? {});
};

const isObject = (value: Json): value is { [name: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is left of each path behind `name`; an empty path is a match of the value itself. */
const advance = (paths: readonly Path[], name: string): Path[] => {
  const left: Path[] = [];
  for (const path of paths) {
    let rest = path;
    while (rest[0] === '**') {
      left.push(rest);
      rest = rest.slice(1);
    }
    const [first] = rest;
    if (first !== undefined && matchesName(first, name)) left.push(rest.slice(1));
  }
  return left;
};

/** `**` at a path's end matches whatever is there. */
const isMatch = (path: Path): boolean => path.every((part) => part === '**');

const keepPaths = (value: Json, paths: readonly Path[]): Json | undefined => {
  if (paths.some(isMatch)) return value;
  if (Array.isArray(value)) {
    const items = (value as readonly Json[])
      .map((item) => keepPaths(item, paths))
      .filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (!isObject(value)) return undefined;
  const kept: [string, Json][] = [];
  for (const [name, member] of Object.entries(value)) {
    const left = advance(paths, name);
    const inner = left.length === 0 ? undefined : keepPaths(member, left);
    if (inner !== undefined) kept.push([name, inner]);
  }
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
};

const dropPaths = (value: Json, paths: readonly Path[]): Json | undefined => {
  if (paths.some(isMatch)) return undefined;
  if (Array.isArray(value)) {
    const items = (value as readonly Json[])
      .map((item) => dropPaths(item, paths))
      .filter((item) => item !== undefined);
    return items.length === 0 && value.length > 0 ? undefined : items;
  }
  if (!isObject(value)) return value;
  const before = Object.entries(value);
  const kept: [string, Json][] = [];
  for (const [name, member] of before) {
    const left = advance(paths, name);
    const inner = left.length === 0 ? member : dropPaths(member, left);
    if (inner !== undefined) kept.push([name, inner]);
  }
  return kept.length === 0 && before.length > 0 ? undefined : Object.fromEntries(kept);
};

/** Whether `name` fits a pattern in which `*` stands for any characters; linear. */
const matchesName = (pattern: string, name: string): boolean => {
  const parts = pattern.split('*');
  const [first = ''] = parts;
  if (parts.length === 1) return pattern === name;
  const last = parts[parts.length - 1] ?? '';
  if (!name.startsWith(first) || !name.endsWith(last)) return false;
  if (name.length < first.length + last.length) return false;
  let at = first.length;
  const stop = name.length - last.length;
  for (const part of parts.slice(1, -1)) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > stop) return false;
    at = found + part.length;
  }
  return true;
};
