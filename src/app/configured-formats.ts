import { z } from 'zod';
import { compileFormat, KINDS, type Definition } from '../ingest/formats/compile.ts';
import { NORMALIZERS } from '../ingest/normalize/all.ts';
import type { Normalizer } from '../ingest/normalize/normalize.ts';
import { MeshtrailError } from '../model/errors.ts';

/** The format of a service's lines: a normalizer's name, or a definition and its kind. */
export type ConfiguredFormat = string | Definition;

const NAMES = NORMALIZERS.map(({ name }) => name);
const SHAPE = `one of ${NAMES.join(', ')}, or {kind, format} with a kind of ${KINDS.join(', ')}`;

interface Finding {
  readonly path: readonly string[];
  readonly message: string;
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is wrong with a value under `formats`; undefined where it may be used. */
const findingOf = (value: unknown): Finding | undefined => {
  if (typeof value === 'string' && NAMES.includes(value)) return undefined;
  if (!isMap(value)) return { path: [], message: SHAPE };
  const { kind, format, ...others } = value;
  const [other] = Object.keys(others);
  if (other !== undefined) return { path: [other], message: 'allowed here: kind, format' };
  const known = KINDS.find((one) => one === kind);
  if (known === undefined) return { path: ['kind'], message: `one of ${KINDS.join(', ')}` };
  if (typeof format !== 'string')
    return { path: ['format'], message: 'the definition, as the mesh or proxy is configured' };
  try {
    compileFormat({ kind: known, format });
    return undefined;
  } catch (error) {
    if (!(error instanceof MeshtrailError)) throw error;
    return { path: ['format'], message: `${error.message}; ${error.hint}` };
  }
};

/** Checks a value under `formats`, its definition too. */
export const formatSchema = z.unknown().transform((value, context): ConfiguredFormat => {
  const finding = findingOf(value);
  if (finding === undefined) return value as ConfiguredFormat;
  const { message, path } = finding;
  context.issues.push({ code: 'custom', message, path: [...path], input: value });
  return z.NEVER;
});

/** Definitions become normalizers; names stay names. */
export const compileFormats = (
  formats: Readonly<Record<string, ConfiguredFormat>>,
): Record<string, string | Normalizer> =>
  Object.fromEntries(
    Object.entries(formats).map(([service, format]) => [
      service,
      typeof format === 'string' ? format : compileFormat(format),
    ]),
  );
