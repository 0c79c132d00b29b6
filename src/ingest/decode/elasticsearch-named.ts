import type { DecodeRequest, Reply } from './decode.ts';
import type { Json } from './elasticsearch-filter.ts';
import { errorReply, jsonReply, plainError, wrongMethod } from './elasticsearch-reply.ts';

/**
 * What clients set up by name before they send: templates, policies, pipelines, data streams,
 * indices. Nothing of it changes how documents are stored; it is kept as it was given, so that who
 * looks for it finds it and does not set it up anew. The server keeps it (`Reply.defines`) and
 * shows what it has (`DecodeRequest.defined`).
 */
type Given = { [name: string]: Json };

interface Kind {
  /** Words of its path before the name. */
  readonly words: readonly string[];
  readonly missing: readonly [type: string, reason: (name: string) => string];
  /** The answer to GET. */
  readonly show: (found: readonly (readonly [name: string, given: Given])[]) => Json;
  /** It holds documents: what looks like taking it away must not seem to delete them. */
  readonly holds?: true;
}

const byName = (found: readonly (readonly [string, Json])[]): Json => Object.fromEntries(found);

const NOT_FOUND = 'resource_not_found_exception';

const stream = (name: string): Json => ({
  name,
  timestamp_field: { name: '@timestamp' },
  indices: [{ index_name: `.ds-${name}-000001`, index_uuid: 'bWVzaHRyYWlsLXN0cmVhbQ' }],
  generation: 1,
  status: 'GREEN',
  template: name,
  hidden: false,
  system: false,
  allow_custom_routing: false,
  replicated: false,
});

const index = (name: string, given: Given): Json => ({
  aliases: given['aliases'] ?? {},
  mappings: given['mappings'] ?? {},
  settings: {
    index: {
      number_of_shards: '1',
      number_of_replicas: '0',
      provided_name: name,
      uuid: 'bWVzaHRyYWlsLWluZGV4Xw',
    },
  },
});

const KINDS: Readonly<Record<string, Kind>> = {
  index_template: {
    words: ['_index_template'],
    missing: [NOT_FOUND, (name) => `index template matching [${name}] not found`],
    show: (found) => ({
      index_templates: found.map(([name, given]) => ({ name, index_template: given })),
    }),
  },
  component_template: {
    words: ['_component_template'],
    missing: [NOT_FOUND, (name) => `component template matching [${name}] not found`],
    show: (found) => ({
      component_templates: found.map(([name, given]) => ({ name, component_template: given })),
    }),
  },
  template: {
    words: ['_template'],
    missing: [NOT_FOUND, (name) => `template [${name}] missing`],
    show: byName,
  },
  data_stream: {
    words: ['_data_stream'],
    holds: true,
    missing: ['index_not_found_exception', (name) => `no such index [${name}]`],
    show: (found) => ({ data_streams: found.map(([name]) => stream(name)) }),
  },
  policy: {
    words: ['_ilm', 'policy'],
    missing: [NOT_FOUND, (name) => `Lifecycle policy not found: ${name}`],
    show: (found) =>
      byName(
        found.map(([name, given]) => [
          name,
          { version: 1, modified_date: DATE, policy: given['policy'] ?? {}, in_use_by: NOTHING },
        ]),
      ),
  },
  pipeline: {
    words: ['_ingest', 'pipeline'],
    missing: [NOT_FOUND, (name) => `pipeline [${name}] missing`],
    show: byName,
  },
  index: {
    words: [],
    holds: true,
    missing: ['index_not_found_exception', (name) => `no such index [${name}]`],
    show: (found) => byName(found.map(([name, given]) => [name, index(name, given)])),
  },
};

const DATE = '2025-01-01T00:00:00.000Z';
const NOTHING: Json = { indices: [], data_streams: [], composable_templates: [] };

/** The thing that a request names, and whether `name` stands for several: `*` or ''. */
interface Named {
  readonly kind: string;
  readonly name: string;
}

/** What a path of these words names; undefined for others. */
export const namedBy = (words: readonly string[]): Named | undefined => {
  const [first] = words;
  if (first === undefined) return undefined;
  for (const [kind, { words: before }] of Object.entries(KINDS)) {
    if (before.length === 0 || before.some((word, i) => words[i] !== word)) continue;
    if (words.length > before.length + 1) return undefined;
    return { kind, name: words[before.length] ?? '' };
  }
  // An alias is found at the indices that have it.
  if (first === '_alias' && words.length === 2) return { kind: 'index', name: '' };
  return first.startsWith('_') || words.length > 1 ? undefined : { kind: 'index', name: first };
};

const givenOf = (text: string | undefined): Given => {
  try {
    const value = JSON.parse(text ?? '') as Json;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Given)
      : {};
  } catch {
    return {};
  }
};

const isPattern = (name: string): boolean => name === '' || name === '_all' || /[*,]/.test(name);

/**
 * Answers a request for what is named.
 * @param text the body, as text; only looked at where something is put
 */
export const answerNamed = (
  request: DecodeRequest,
  { kind, name }: Named,
  text: () => string | Reply,
): Reply => {
  const { missing, show, holds } = KINDS[kind] as Kind;
  const allowed = holds ? 'GET, HEAD, PUT' : 'DELETE, GET, HEAD, POST, PUT';
  const found = request.defined ?? [];
  const { method } = request;
  const [type, reason] = missing;
  const more = type === NOT_FOUND ? {} : { index: name };
  const notThere = (): Reply => errorReply(request, 404, type, reason(name), more);
  if (method === 'GET' || method === 'HEAD') {
    if (found.length === 0 && !isPattern(name)) return notThere();
    return jsonReply(request, 200, show(found.map((one) => [one.name, givenOf(one.text)])));
  }
  if (isPattern(name)) return wrongMethod(request, 'GET, HEAD');
  if (method === 'DELETE' && !holds) {
    if (found.length === 0) return notThere();
    return { ...jsonReply(request, 200, DONE), defines: { kind, name, text: undefined } };
  }
  if (method !== 'PUT' && (method !== 'POST' || holds)) return wrongMethod(request, allowed);
  if (kind === 'index' && found.length > 0) {
    const exists = `index [${name}/bWVzaHRyYWlsLWluZGV4Xw] already exists`;
    return errorReply(request, 400, 'resource_already_exists_exception', exists, { index: name });
  }
  const given = text();
  if (typeof given !== 'string') return given;
  const done = kind === 'index' ? { ...DONE, shards_acknowledged: true, index: name } : DONE;
  return { ...jsonReply(request, 200, done), defines: { kind, name, text: given } };
};

const DONE = { acknowledged: true };

/** `GET|HEAD /_alias/x`: the indices that were made with this alias. */
export const answerAlias = (request: DecodeRequest, alias: string): Reply => {
  const holders = (request.defined ?? []).filter(({ text }) => {
    const { aliases } = givenOf(text);
    return typeof aliases === 'object' && aliases !== null && Object.hasOwn(aliases, alias);
  });
  if (holders.length === 0) return plainError(request, 404, `alias [${alias}] missing`);
  const shown = holders.map(({ name }) => [name, { aliases: { [alias]: {} } }] as const);
  return jsonReply(request, 200, byName(shown));
};

/** Which of what is defined a name stands for: itself, or by `*`, or all. */
export const matchesDefined = (wanted: string, name: string): boolean => {
  if (wanted === '' || wanted === '_all' || wanted === name) return true;
  return wanted.split(',', PATTERNS).some((pattern) => fits(pattern, name));
};

const PATTERNS = 64;

const fits = (pattern: string, name: string): boolean => {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === name;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest.slice(0, -1)) {
    const next = name.indexOf(part, at);
    if (next < 0) return false;
    at = next + part.length;
  }
  const last = rest[rest.length - 1] ?? '';
  return name.length - at >= last.length && name.endsWith(last);
};
