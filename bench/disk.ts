import { readdirSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { MB } from './figures.ts';
import { livingParts } from './processes.ts';
import type { Report } from './report.ts';

/** Where the disk goes: the files of a table's parts, summed by column and by index. */

/** Below this share of the whole a column is not worth a line. */
const SHARE_SHOWN = 0.002;
/** What a part has besides columns and indexes, and the columns of parts that are one file. */
const OTHERS: Readonly<Record<string, string>> = {
  data: '(small parts)',
  primary: '(primary key)',
  partition: '(about the part)',
  minmax_observed_at: '(about the part)',
};
/** Between a file's end and its last block's. */
const ROUNDED = '(ends of blocks)';

/**
 * A column's files begin with its name, then `.` and what they hold (`.cmrk2` are marks, `.dict`
 * dictionaries, `.3%2Evalues` a bucket of a map); an index's with `skp_idx_` and its name.
 */
const ownerOf = (file: string): string => {
  const name = file.slice(0, Math.max(0, file.search(/\.|%2E/)));
  if (name === '' || file.endsWith('.txt') || file.endsWith('.json')) return '(about the part)';
  if (name.startsWith('skp_idx_')) return `index ${name.slice(8)}`;
  return OTHERS[name] ?? name;
};

/** Bytes of the parts below a directory by what they hold. */
export const bytesByOwner = (
  directory: string,
  sums = new Map<string, number>(),
): Map<string, number> => {
  const entries = readdirSync(directory, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  for (const name of livingParts(folders)) bytesByOwner(join(directory, name), sums);
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const owner = ownerOf(entry.name);
    const { size, blocks } = lstatSync(join(directory, entry.name));
    sums.set(owner, (sums.get(owner) ?? 0) + size);
    sums.set(ROUNDED, (sums.get(ROUNDED) ?? 0) + Math.max(0, blocks * 512 - size));
  }
  return sums;
};

export const reportDisk = (
  report: Report,
  owners: ReadonlyMap<string, number>,
  data: { readonly zstdBytes: number; readonly records: number },
): void => {
  const sums = [...owners].sort(([, a], [, b]) => b - a);
  const all = sums.reduce((sum, [, bytes]) => sum + bytes, 0);
  report.line('all', all / MB, 'MB');
  report.line('all / zstd -3 of the input', all / data.zstdBytes, 'x', { most: 0.77 });
  let rest = 0;
  for (const [owner, bytes] of sums) {
    if (bytes < SHARE_SHOWN * all) rest += bytes;
    else {
      const each = `${(bytes / data.records).toFixed(2)} B a record`;
      report.line(owner, bytes / MB, 'MB', undefined, each);
    }
  }
  report.line('everything else', rest / MB, 'MB');
};
