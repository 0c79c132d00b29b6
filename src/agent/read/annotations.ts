import type { MultilineOptions } from '../../ingest/multiline/multiline.ts';
import { joinByPattern } from '../../ingest/multiline/pattern.ts';
import { NORMALIZERS } from '../../ingest/normalize/all.ts';
import { LIMITS } from '../../model/limits.ts';

/** What a pod's annotations say about one of its containers. */
export interface Wishes {
  readonly exclude: boolean;
  readonly format?: string | undefined;
  readonly multiline?: 'auto' | 'none' | MultilineOptions | undefined;
  readonly service?: string | undefined;
  /** Annotations that say something which we cannot do. */
  readonly unknown: readonly string[];
}

/** What one family of annotations says; undefined where it says nothing. */
type Said = { readonly [K in keyof Omit<Wishes, 'unknown'>]?: Wishes[K] | undefined };
type Annotations = Readonly<Record<string, string>>;

/**
 * Reads annotations of our own, and what Fluent Bit, Filebeat and the Datadog Agent take where it
 * means the same here. Ours win; one for the container wins over one for the pod.
 *
 *     meshtrail.io/exclude: "true"                  meshtrail.io/exclude.CONTAINER: "true"
 *     meshtrail.io/format: json                     a normalizer's name
 *     meshtrail.io/multiline: auto | none | start: REGEX | continues: REGEX | end: REGEX
 *     fluentbit.io/exclude[-CONTAINER], fluentbit.io/parser[-CONTAINER]
 *     co.elastic.logs[.CONTAINER]/enabled, .../multiline.pattern, .negate, .match, .../json.*
 *     ad.datadoghq.com/[CONTAINER.]logs_exclude, ad.datadoghq.com/CONTAINER.logs
 */
export const readAnnotations = (all: Annotations, container: string): Wishes => {
  const unknown: string[] = [];
  const own = ownWishes(all, container, unknown);
  const others = [fluentBit(all, container), filebeat(all, container), datadog(all, container)];
  const first = <K extends keyof Said>(key: K): Said[K] =>
    [own, ...others].find((one) => one[key] !== undefined)?.[key];
  const format = first('format');
  const multiline = first('multiline');
  return {
    exclude: first('exclude') ?? false,
    format: NORMALIZERS.some(({ name }) => name === format) ? format : undefined,
    multiline: multiline === undefined || isUsable(multiline, unknown) ? multiline : undefined,
    service: first('service'),
    unknown,
  };
};

const isUsable = (multiline: 'auto' | 'none' | MultilineOptions, unknown: string[]): boolean => {
  if (typeof multiline === 'string') return true;
  try {
    joinByPattern(multiline);
    return true;
  } catch {
    unknown.push('multiline');
    return false;
  }
};

const isTrue = (text: string | undefined): boolean | undefined =>
  text === undefined ? undefined : text.toLowerCase() === 'true';

const byPattern = (kind: 'start' | 'continues' | 'end', regex: string): MultilineOptions => ({
  [kind]: regex,
  flushMs: LIMITS.multilineFlushMs,
  maxLines: LIMITS.multilineLines,
});

const ownWishes = (all: Annotations, container: string, unknown: string[]): Said => {
  const of = (name: string): string | undefined =>
    all[`meshtrail.io/${name}.${container}`] ?? all[`meshtrail.io/${name}`];
  const said = of('multiline');
  let multiline: Wishes['multiline'];
  if (said === 'auto' || said === 'none') multiline = said;
  else if (said !== undefined) {
    const found = /^(start|continues|end): ?(.+)$/.exec(said);
    if (found === null) unknown.push('meshtrail.io/multiline');
    else multiline = byPattern(found[1] as 'start' | 'continues' | 'end', found[2] as string);
  }
  const format = of('format');
  if (format !== undefined && !NORMALIZERS.some(({ name }) => name === format)) {
    unknown.push('meshtrail.io/format');
  }
  return { exclude: isTrue(of('exclude')), format, multiline };
};

const fluentBit = (all: Annotations, container: string): Said => {
  const of = (name: string): string | undefined =>
    all[`fluentbit.io/${name}-${container}`] ?? all[`fluentbit.io/${name}`];
  return { exclude: isTrue(of('exclude')), format: of('parser') };
};

const filebeat = (all: Annotations, container: string): Said => {
  const of = (name: string): string | undefined =>
    all[`co.elastic.logs.${container}/${name}`] ?? all[`co.elastic.logs/${name}`];
  const enabled = isTrue(of('enabled'));
  const pattern = of('multiline.pattern');
  // `before` joins a line to the next: no pattern of ours does that.
  const isAfter = (of('multiline.match') ?? 'after') === 'after';
  const kind = isTrue(of('multiline.negate')) === true ? 'start' : 'continues';
  const isJson = Object.keys(all).some((key) => /^co\.elastic\.logs(\.[^/]+)?\/json\./.test(key));
  return {
    exclude: enabled === undefined ? undefined : !enabled,
    multiline: pattern !== undefined && isAfter ? byPattern(kind, pattern) : undefined,
    format: isJson ? 'json' : undefined,
  };
};

const datadog = (all: Annotations, container: string): Said => {
  const exclude =
    isTrue(all[`ad.datadoghq.com/${container}.logs_exclude`]) ??
    isTrue(all[`ad.datadoghq.com/${container}.exclude`]) ??
    isTrue(all['ad.datadoghq.com/logs_exclude']) ??
    isTrue(all['ad.datadoghq.com/exclude']);
  const [logs] = listOf(all[`ad.datadoghq.com/${container}.logs`]);
  const rule = listOf(logs?.['log_processing_rules']).find(({ type }) => type === 'multi_line');
  const pattern = rule?.['pattern'];
  const service = logs?.['service'];
  return {
    exclude,
    service: typeof service === 'string' ? service : undefined,
    multiline: typeof pattern === 'string' ? byPattern('start', anchored(pattern)) : undefined,
  };
};

/** Datadog's patterns match at the start of a line. */
const anchored = (pattern: string): string =>
  pattern.startsWith('^') ? pattern : `^(?:${pattern})`;

/** A list of objects, or its JSON. */
const listOf = (value: unknown): Record<string, unknown>[] => {
  let list = value;
  if (typeof value === 'string') {
    try {
      list = JSON.parse(value);
    } catch {
      return [];
    }
  }
  if (!Array.isArray(list)) return [];
  return list.filter(
    (one): one is Record<string, unknown> => typeof one === 'object' && one !== null,
  );
};
