import { cri } from './cri.ts';
import { docker } from './docker.ts';
import { envoy } from './envoy.ts';
import { istio } from './istio.ts';
import { json } from './json.ts';
import { klog } from './klog.ts';
import { logfmt } from './logfmt.ts';
import { nginx } from './nginx.ts';
import type { Normalizer } from './normalize.ts';
import { plain } from './plain.ts';

/**
 * What container runtimes put around a line; unwrapped before the line's own format is looked for.
 */
export const WRAPPERS: readonly Normalizer[] = Object.freeze([cri, docker]);

/** Every line format, in the order in which they are tried; `plain` takes what no other does. */
export const NORMALIZERS: readonly Normalizer[] = Object.freeze([
  envoy,
  istio,
  json,
  klog,
  logfmt,
  nginx,
  plain,
]);
