import { cri } from './cri.ts';
import { docker } from './docker.ts';
import { envoy } from './envoy.ts';
import { hubble } from './hubble.ts';
import { istio } from './istio.ts';
import { json } from './json.ts';
import { klog } from './klog.ts';
import { kuma } from './kuma.ts';
import { linkerd } from './linkerd.ts';
import { logfmt } from './logfmt.ts';
import { nginx } from './nginx.ts';
import type { Normalizer } from './normalize.ts';
import { plain } from './plain.ts';
import { ztunnel } from './ztunnel.ts';

/**
 * What container runtimes put around a line; unwrapped before the line's own format is looked for.
 */
export const WRAPPERS: readonly Normalizer[] = Object.freeze([cri, docker]);

/** Every line format, in the order in which they are tried; `plain` takes what no other does. */
export const NORMALIZERS: readonly Normalizer[] = Object.freeze([
  envoy,
  hubble,
  istio,
  json,
  klog,
  kuma,
  linkerd,
  logfmt,
  nginx,
  ztunnel,
  plain,
]);

/** Formats of JSON objects that `json` leaves to them: where that is told, one of these may be. */
export const OBJECTS: readonly Normalizer[] = Object.freeze([hubble, linkerd, ztunnel]);
