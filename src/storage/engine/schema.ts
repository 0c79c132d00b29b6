import { fileURLToPath } from 'node:url';
import type { Signal } from '../../model/batch.ts';
import { CLICKHOUSE_TYPES, COLUMNS, TAIL_COLUMNS, type Column } from '../../model/columns.ts';
import { assert } from '../../model/errors.ts';
import { SPAN_COLUMNS } from '../../model/span-columns.ts';
import type { Disk } from '../../platform/disk.ts';

/** One file of schema/, in its sections; statements without their semicolons. */
export interface Migration {
  readonly version: number;
  readonly once: readonly string[];
  /** Of buckets of logs; `spans` of buckets of spans. */
  readonly bucket: readonly string[];
  readonly existing: readonly string[];
  readonly spans: readonly string[];
}

/** What a bucket's table is made from. */
export interface TableTerms {
  readonly table: string;
  readonly signal: Signal;
  readonly tenant: string;
  /** `disk = 'e7',` or ''. */
  readonly disk: string;
}

const SECTION = /^-- @(once|bucket|existing|spans)$/;

/** The migrations of schema/, in order. They only ever go forward. */
export async function loadMigrations(disk: Disk): Promise<Migration[]> {
  const directory = fileURLToPath(new URL('./schema/', import.meta.url));
  const names = (await disk.list(directory)).map((entry) => entry.name);
  const migrations: Migration[] = [];
  for (const name of names.filter((name) => /^\d{4}-.*\.sql$/.test(name)).sort()) {
    const text = (await disk.readFile(`${directory}${name}`)).toString('utf8');
    migrations.push(parseMigration(Number(name.slice(0, 4)), text));
  }
  migrations.forEach(({ version }, index) =>
    assert(version === index + 1, `migrations are numbered from 1 without gaps, not ${version}`),
  );
  return migrations;
}

/**
 * The statements that make a new bucket's table: those of the newest migration that has any, since
 * each says the whole of it (an order cannot be altered).
 */
export const newestBucket = (
  migrations: readonly Migration[],
  signal: Signal = 'logs',
): readonly string[] => {
  const section = signal === 'logs' ? 'bucket' : 'spans';
  return migrations.findLast((migration) => migration[section].length > 0)?.[section] ?? [];
};

type Section = Exclude<keyof Migration, 'version'>;

/** Splits a migration's text: sections by their marks, statements by `;` at a line's end. */
export function parseMigration(version: number, text: string): Migration {
  const sections: Record<Section, string[]> = { once: [], bucket: [], existing: [], spans: [] };
  let section: string[] | undefined;
  let statement: string[] = [];
  for (const line of text.split('\n')) {
    const name = SECTION.exec(line)?.[1] as Section | undefined;
    if (name !== undefined) {
      section = sections[name];
    } else if (section !== undefined && !line.trimStart().startsWith('--') && line !== '') {
      statement.push(line.replace(/;\s*$/, ''));
      if (/;\s*$/.test(line)) {
        section.push(statement.join('\n'));
        statement = [];
      }
    }
  }
  assert(statement.length === 0, `migration ${version} ends inside a statement`);
  return { version, ...sections };
}

/** Fills a `@once` statement. */
export const onceStatement = (template: string): string =>
  template
    .replace('{{plain_columns}}', () => columnLines('logs', (column) => typeOf(column)))
    .replace('{{span_columns}}', () => columnLines('spans', (column) => typeOf(column)));

/** Fills a `@bucket`, `@existing` or `@spans` statement. */
export function bucketStatement(template: string, terms: TableTerms): string {
  return template
    .replace('{{columns}}', () =>
      columnLines(terms.signal, (column) => `${typeOf(column)} CODEC(${codecOf(column)})`),
    )
    .replaceAll('{{table}}', () => terms.table)
    .replaceAll('{{tenant}}', () => quoted(terms.tenant))
    .replaceAll('{{disk}}', () => terms.disk);
}

const ALL: Readonly<Record<Signal, readonly Column[]>> = {
  logs: [...COLUMNS, ...TAIL_COLUMNS],
  spans: [...SPAN_COLUMNS, ...TAIL_COLUMNS],
};

const namesOf = (signal: Signal): string => ALL[signal].map(({ name }) => name).join(', ');

/** The columns that an insert names, in the order of the model. */
export const INSERT_COLUMNS: Readonly<Record<Signal, string>> = {
  logs: namesOf('logs'),
  spans: namesOf('spans'),
};

const typeOf = (column: Column): string => CLICKHOUSE_TYPES[column.kind];

const ASCENDING = new Set(['seq', 'segment']);

/** Long or mixed values, where the dearer codec saves a tenth (docs/decisions/0006). */
const TEXTS = new Set([
  'body',
  'line',
  'labels',
  'metadata',
  'attributes',
  'events',
  'links',
  'resource',
  'scope_attributes',
  'value_types',
]);

const codecOf = ({ kind, name }: Column): string => {
  if (kind === 'time' || ASCENDING.has(name)) return 'Delta(8), ZSTD(1)';
  return TEXTS.has(name) ? 'ZSTD(3)' : 'ZSTD(1)';
};

const columnLines = (signal: Signal, definition: (column: Column) => string): string =>
  ALL[signal].map((column) => `  ${column.name} ${definition(column)}`).join(',\n');

/** A string literal; tenants are hostile input even after their check. */
export const quoted = (text: string): string =>
  `'${[...Buffer.from(text, 'utf8')].map(literalByte).join('')}'`;

const literalByte = (byte: number): string => {
  const character = String.fromCharCode(byte);
  return /[A-Za-z0-9_-]/.test(character)
    ? character
    : `\\x${byte.toString(16).padStart(2, '0').toUpperCase()}`;
};
