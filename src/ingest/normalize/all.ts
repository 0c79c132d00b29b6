import { alb } from './alb.ts';
import { apache } from './apache.ts';
import { caddy } from './caddy.ts';
import { cri } from './cri.ts';
import { docker } from './docker.ts';
import { dotnetConsole } from './dotnet-console.ts';
import { envoy } from './envoy.ts';
import { hubble } from './hubble.ts';
import { goSlog } from './go-slog.ts';
import { haproxy } from './haproxy.ts';
import { hclog } from './hclog.ts';
import { istio } from './istio.ts';
import { json } from './json.ts';
import { k8sAudit } from './k8s-audit.ts';
import { klog } from './klog.ts';
import { kuma } from './kuma.ts';
import { linkerd } from './linkerd.ts';
import { logback } from './logback.ts';
import { logfmt } from './logfmt.ts';
import { mysql } from './mysql.ts';
import { nginx } from './nginx.ts';
import { nginxError } from './nginx-error.ts';
import { nlb } from './nlb.ts';
import type { Normalizer } from './normalize.ts';
import { plain } from './plain.ts';
import { ztunnel } from './ztunnel.ts';
import { postgresql } from './postgresql.ts';
import { pythonLogging } from './python-logging.ts';
import { rubyLogger } from './ruby-logger.ts';
import { springBoot } from './spring-boot.ts';
import { traefik } from './traefik.ts';
import { vpcFlow } from './vpc-flow.ts';
import { zapConsole } from './zap-console.ts';

/**
 * What container runtimes put around a line; unwrapped before the line's own format is looked for.
 */
export const WRAPPERS: readonly Normalizer[] = Object.freeze([cri, docker]);

/** Every line format, in the order in which they are tried; `plain` takes what no other does. */
export const NORMALIZERS: readonly Normalizer[] = Object.freeze([
  alb,
  apache,
  caddy,
  dotnetConsole,
  envoy,
  hubble,
  goSlog,
  haproxy,
  hclog,
  istio,
  json,
  k8sAudit,
  klog,
  kuma,
  linkerd,
  logback,
  logfmt,
  mysql,
  nginx,
  nginxError,
  nlb,
  postgresql,
  pythonLogging,
  rubyLogger,
  springBoot,
  traefik,
  vpcFlow,
  zapConsole,
  ztunnel,
  plain,
]);

/** Formats of JSON objects that `json` leaves to them: where that is told, one of these may be. */
export const OBJECTS: readonly Normalizer[] = Object.freeze([
  caddy,
  hubble,
  k8sAudit,
  linkerd,
  traefik,
  ztunnel,
]);
