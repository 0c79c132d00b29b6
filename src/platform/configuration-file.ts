import { isMap, LineCounter, parseDocument, type Document } from 'yaml';
import { z } from 'zod';
import { MeshtrailError } from '../model/errors.ts';

/**
 * Reads a YAML configuration by its schema. Throws MeshtrailError `configuration_invalid` with
 * every finding: file, line, column, what stands there and what is allowed.
 * @param name of the file, as the person knows it
 * @param hint where the keys are listed
 */
export const readConfigurationText = <T>(
  schema: z.ZodType<T>,
  text: string,
  name: string,
  hint: string,
): T => {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, uniqueKeys: true });
  const findings = document.errors.map((error) => {
    const at = counter.linePos(error.pos[0]);
    return `${name}:${at.line}:${at.col}: ${error.message.split('\n')[0] ?? ''}`;
  });
  if (findings.length === 0) {
    const parsed = schema.safeParse(document.toJS() ?? {});
    if (parsed.success) return parsed.data;
    for (const issue of parsed.error.issues) {
      const at = positionOf(document, issue, counter);
      findings.push(`${name}:${at.line}:${at.col}: ${allowed(schema, issue, document)}`);
    }
  }
  throw new MeshtrailError('configuration_invalid', findings.join('\n'), hint);
};

/** What a value may be, in words, from the schema's issue. */
const allowed = (schema: unknown, issue: z.core.$ZodIssue, document: Document): string => {
  if (issue.code === 'unrecognized_keys') {
    const names = keysAt(schema, issue.path, document);
    const where = issue.path.length === 0 ? 'at the top' : `under ${issue.path.join('.')}`;
    const unknown = issue.keys.map((key) => `'${key}'`).join(', ');
    return `unknown key ${unknown}; allowed ${where}: ${names.join(', ')}`;
  }
  if (issue.path.length === 0) return 'the file is no list of keys and their values';
  const value: unknown = document.getIn(issue.path);
  if (value === undefined) return `${issue.path.join('.')} is missing: ${issue.message}`;
  const shown = typeof value === 'object' ? 'what stands there' : JSON.stringify(value);
  return `${issue.path.join('.')}: ${shown} is not allowed: ${issue.message}`;
};

/** The keys that the schema knows at a path. */
const keysAt = (schema: unknown, path: readonly PropertyKey[], document: Document): string[] => {
  let at = unwrap(schema);
  const walked: PropertyKey[] = [];
  for (const step of path) {
    walked.push(step);
    if (at instanceof z.ZodObject) at = (at.shape as Record<string, unknown>)[String(step)];
    else if (at instanceof z.ZodArray) at = at.element;
    else if (at instanceof z.ZodRecord) at = at.valueType;
    else return [];
    at = chosen(unwrap(at), walked, document);
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
};

/** Of a union that a key decides, the member that the document chose. */
const chosen = (schema: unknown, path: readonly PropertyKey[], document: Document): unknown => {
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return schema;
  const { discriminator } = schema.def;
  const value: unknown = document.getIn([...path, discriminator]);
  return schema.options.find((option) => {
    const shape = option instanceof z.ZodObject ? (option.shape as Record<string, unknown>) : {};
    const literal = shape[discriminator];
    return literal instanceof z.ZodLiteral && literal.values.has(value as string);
  });
};

const unwrap = (schema: unknown): unknown =>
  schema instanceof z.ZodOptional || schema instanceof z.ZodDefault
    ? unwrap(schema.unwrap())
    : schema;

const positionOf = (
  document: Document,
  issue: z.core.$ZodIssue,
  counter: LineCounter,
): { line: number; col: number } => {
  const path = issue.path.filter((step) => typeof step !== 'symbol');
  const isUnknown = issue.code === 'unrecognized_keys';
  const key = isUnknown ? issue.keys[0] : path.at(-1);
  for (let depth = isUnknown ? path.length : path.length - 1; depth >= 0; depth--) {
    const holder: unknown =
      depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true);
    const name = depth === path.length ? key : path[depth];
    if (isMap(holder)) {
      for (const pair of holder.items) {
        const held = pair.key as { value?: unknown; range?: [number, number, number] } | null;
        if (held?.value === name && held?.range) return counter.linePos(held.range[0]);
      }
    }
    const node = document.getIn(path.slice(0, depth + 1), true) as { range?: number[] } | undefined;
    if (typeof name === 'number' && node?.range?.[0] !== undefined) {
      return counter.linePos(node.range[0]);
    }
  }
  return { line: 1, col: 1 };
};

const SIZE = /^\d+(\.\d+)?\s*(B|KiB|MiB|GiB|TiB|KB|MB|GB|TB)?$/i;
const SIZE_WORDS = 'a size is a number of bytes, or has a unit as in 512MiB';

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
};

/** A size in a configuration: bytes, or a text with a unit. */
export const sizeSchema = z.union([z.int().min(1), z.string().regex(SIZE, SIZE_WORDS)], {
  error: SIZE_WORDS,
});

export const isSize = (text: string): boolean => SIZE.test(text) && bytesOfSize(text) > 0;

export const bytesOfSize = (value: string | number): number => {
  if (typeof value === 'number') return value;
  const [, amount = '0', unit = 'b'] = /^([\d.]+)\s*([a-z]*)$/i.exec(value) ?? [];
  return Math.floor(Number(amount) * (UNITS[unit.toLowerCase() || 'b'] ?? 1));
};
