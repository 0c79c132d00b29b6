import { MeshtrailError } from '../../model/errors.ts';
import { apacheFormat } from './apache-format.ts';
import type { Compiled } from './compiled.ts';
import { csvFormat } from './csv-format.ts';
import { dissectFormat } from './dissect-format.ts';
import { envoyFormat, type EnvoyKind } from './envoy-format.ts';
import { envoyJson } from './envoy-json.ts';
import { grokFormat } from './grok-format.ts';
import { haproxyFormat } from './haproxy-format.ts';
import { kvFormat } from './kv-format.ts';
import { nginxFormat } from './nginx-format.ts';
import { regexFormat } from './regex-format.ts';
import { traefikFields } from './traefik-fields.ts';

/** A format as the configuration and the command line give it. */
export interface Definition {
  readonly kind: Kind;
  readonly format: string;
}

/** By the word that users type. */
const LANGUAGES = {
  envoy: (text: string) => ofEnvoy('envoy', text),
  istio: (text: string) => ofEnvoy('istio', text),
  kuma: (text: string) => ofEnvoy('kuma', text),
  nginx: nginxFormat,
  haproxy: haproxyFormat,
  apache: apacheFormat,
  traefik: traefikFields,
  grok: grokFormat,
  dissect: dissectFormat,
  regex: regexFormat,
  csv: csvFormat,
  kv: kvFormat,
} as const;

export type Kind = keyof typeof LANGUAGES;
export const KINDS = Object.keys(LANGUAGES) as Kind[];

/** A string is of one line, a dictionary begins with a brace or is YAML of several. */
const ofEnvoy = (kind: EnvoyKind, text: string): Compiled => {
  const isDictionary = /^\s*(\{|json_?format:)/i.test(text) || text.trim().includes('\n');
  return isDictionary ? envoyJson(kind, text) : envoyFormat(kind, text);
};

/**
 * Makes a format of its definition. Throws MeshtrailError `format_invalid`: where, what stands
 * there, what is allowed.
 */
export const compileFormat = ({ kind, format }: Definition): Compiled => {
  if (format.trim() === '')
    throw new MeshtrailError('format_invalid', 'column 1: the definition is empty', 'paste it');
  return LANGUAGES[kind](format);
};
