import { compareText, NO_LABELS, type Labels, type Pair } from './labels.ts';
import type { SqlParams } from './sql-params.ts';

/**
 * Which labels a record carries in LogQL (reference: "Labels"), in process and in SQL side by
 * side. A Loki stream carries exactly the labels pushed. Records from elsewhere carry the mesh's
 * names for whatever is known of them. The envelope (`metadata`) is structured metadata for both.
 */

/** What `receiver` holds for records pushed as Loki streams. */
export const LOKI_RECEIVER = 'loki';

/** Labels of records from elsewhere, sorted by label, with the column that holds each. */
export const MESH_LABELS = [
  ['cluster', 'cluster'],
  ['container', 'container'],
  ['kind', 'kind'],
  ['mesh', 'mesh'],
  ['namespace', 'namespace'],
  ['pod', 'pod'],
  ['service_name', 'service'],
] as const;

export const DETECTED_LEVEL = 'detected_level';

/** The columns that labels are made of. */
export interface LabelColumns {
  readonly receiver: string;
  readonly severity: number;
  readonly severityText: string;
  /** Values of `MESH_LABELS`' columns, in its order. */
  readonly mesh: readonly string[];
  readonly labels: readonly Pair[];
  readonly metadata: readonly Pair[];
}

export interface LabelOptions {
  /** Whether Loki streams get `detected_level` (`loki.discover_log_levels`). */
  readonly discoverLogLevels: boolean;
}

/** The stream's labels. */
export const streamLabels = (row: LabelColumns): Labels => {
  const pairs: Pair[] = [];
  if (row.receiver === LOKI_RECEIVER) {
    const seen = new Set<string>();
    for (const pair of row.labels) {
      if (seen.has(pair[0])) continue;
      seen.add(pair[0]);
      if (pair[1] !== '') pairs.push(pair);
    }
    return pairs.sort((a, b) => compareText(a[0], b[0]));
  }
  MESH_LABELS.forEach(([label], index) => {
    const value = row.mesh[index] as string;
    if (value !== '') pairs.push([label, value]);
  });
  return pairs;
};

const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * The name as a label: what no label name may hold becomes `_`, a leading digit gets one before.
 */
export const labelNameOf = (name: string): string => {
  if (LABEL_NAME.test(name)) return name;
  const plain = name.replaceAll(/[^a-zA-Z0-9_]/gu, '_');
  return /^[0-9]/.test(plain) ? `_${plain}` : plain;
};

/**
 * A map's pairs under label names: names that are labels as they are come first, then those that
 * had to be changed; of equal names the first counts, and empty values are left out.
 */
export const namedPairs = (map: readonly Pair[]): Pair[] => {
  const pairs: Pair[] = [];
  const seen = new Set<string>(['']);
  const take = (name: string, pair: Pair): void => {
    if (seen.has(name)) return;
    seen.add(name);
    pairs.push(pair);
  };
  let changed = false;
  for (const pair of map) {
    if (LABEL_NAME.test(pair[0])) take(pair[0], pair);
    else changed = true;
  }
  for (const [name, value] of changed ? map : []) {
    const label = labelNameOf(name);
    take(label, [label, value]);
  }
  return pairs.some(([, value]) => value === '')
    ? pairs.filter(([, value]) => value !== '')
    : pairs;
};

/** Structured metadata, and the level of lines that name none. */
export const metadataLabels = (
  row: LabelColumns,
  stream: Labels,
  options: LabelOptions,
): Labels => {
  const derive = options.discoverLogLevels && row.receiver === LOKI_RECEIVER;
  if (row.metadata.length === 0 && !derive) return NO_LABELS;
  let held = namedPairs(row.metadata);
  if (derive && !hasName(held, DETECTED_LEVEL) && !hasName(stream, DETECTED_LEVEL)) {
    held = [...held, [DETECTED_LEVEL, levelOf(row.severity, row.severityText)]];
  }
  return held.length < 2 ? held : held.sort((a, b) => compareText(a[0], b[0]));
};

const hasName = (labels: Labels, name: string): boolean => {
  for (const pair of labels) if (pair[0] === name) return true;
  return false;
};

/** OpenTelemetry's severity numbers, the least of each, and the level's word in Loki. */
const LEVELS = [
  [1, 'trace'],
  [5, 'debug'],
  [9, 'info'],
  [13, 'warn'],
  [17, 'error'],
  [21, 'fatal'],
] as const;

/** Severity words that mean Loki's `critical`; OpenTelemetry counts them as errors or fatal. */
const CRITICAL = ['critical', 'crit', 'alert', 'emerg', 'emergency', 'panic'] as const;

const levelOf = (severity: number, text: string): string => {
  let level = 'unknown';
  for (const [least, word] of LEVELS) if (severity >= least) level = word;
  const critical = severity >= 17 && CRITICAL.some((word) => word === asciiLower(text));
  return critical ? 'critical' : level;
};

const asciiLower = (text: string): string => text.replaceAll(/[A-Z]/g, (c) => c.toLowerCase());

const LEVEL_SQL = (() => {
  const words = CRITICAL.map((word) => `'${word}'`).join(', ');
  const steps = LEVELS.slice(1).map(([least], i) => `severity < ${least}, '${LEVELS[i]?.[1]}'`);
  const critical = `severity >= 17 AND lower(severity_text) IN (${words}), 'critical'`;
  return `multiIf(severity < 1, 'unknown', ${critical}, ${steps.join(', ')}, 'fatal')`;
})();

export const IS_LOKI_SQL = `receiver = '${LOKI_RECEIVER}'`;

const meshColumn = (label: string): string | undefined =>
  MESH_LABELS.find(([name]) => name === label)?.[1];

/** Where a stream label comes from: the map's value and, for records from elsewhere, a column. */
export interface StreamLabelSql {
  readonly loki: string;
  readonly column: string | undefined;
}

export const streamLabelParts = (name: string, params: SqlParams): StreamLabelSql => ({
  loki: `labels[${params.text(name)}]`,
  column: meshColumn(name),
});

/** A stream label's value as SQL, '' where absent. */
export const streamLabelSql = (name: string, params: SqlParams): string => {
  const { loki, column } = streamLabelParts(name, params);
  return `if(${IS_LOKI_SQL}, ${loki}, ${column ?? `''`})`;
};

/** What keys match that become the name; their dictionary is matched once, not once a row. */
const renamedSql = (name: string, params: SqlParams): string => {
  const pattern = name.replace(/^_(?=[0-9])/, '[^a-zA-Z0-9]?').replaceAll('_', '[^a-zA-Z0-9]');
  return `k -> match(k, ${params.text(`^${pattern}$`)})`;
};

/** What `namedPairs` gives for a name in a map column, as SQL; '' where absent. */
export const mapLabelSql = (
  map: 'metadata' | 'attributes' | 'labels',
  name: string,
  params: SqlParams,
): string => {
  const key = params.text(name);
  const plain = `${map}[${key}]`;
  if (!name.includes('_')) return plain;
  const place = `arrayFirstIndex(${renamedSql(name, params)}, mapKeys(${map}))`;
  const found = `arrayElement(mapValues(${map}), ${place})`;
  return `if(mapContains(${map}, ${key}) OR empty(${map}), ${plain}, ${found})`;
};

/** Whether metadata may have a label of the name; cheap, since values are not read. */
export const mayHaveMetadataSql = (name: string, params: SqlParams): string =>
  name.includes('_')
    ? `arrayExists(${renamedSql(name, params)}, mapKeys(metadata))`
    : `metadata[${params.text(name)}] != ''`;

/**
 * The value of a structured metadata label as SQL, '' where absent: what `metadataLabels` gives for
 * names that are no stream label of the row.
 */
const metadataSql = (name: string, params: SqlParams, options: LabelOptions): string => {
  const value = mapLabelSql('metadata', name, params);
  if (name !== DETECTED_LEVEL || !options.discoverLogLevels) return value;
  return `if(${IS_LOKI_SQL} AND (${value}) = '', ${LEVEL_SQL}, ${value})`;
};

/** Suffix of names that Loki gives to what collides with a stream label. */
export const EXTRACTED = '_extracted';

/** Labels that storage knows by that name: neither renamed by a collision nor made by a stage. */
export const isStoredLabel = (name: string): boolean =>
  !name.endsWith(EXTRACTED) && !name.startsWith('__');

/** A stored label's value before any parser, stream or metadata, as SQL; '' where absent. */
export const anyLabelSql = (name: string, params: SqlParams, options: LabelOptions): string => {
  const stream = streamLabelSql(name, params);
  return `if((${stream}) != '', ${stream}, ${metadataSql(name, params, options)})`;
};
