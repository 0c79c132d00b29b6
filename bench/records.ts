/**
 * The standard data: a deterministic mix of mesh logs in the flattened shape that node agents
 * write. 50 % Envoy access logs, 40 % application logs, 10 % plain text (klog, GC, NGINX), one day
 * of time, arrival jitter, 40 services x 6 pods, traces of 1-8 records. The same seed gives the
 * same bytes.
 */
type Rng = () => number;

const mulberry = (seed: number): Rng => {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) | 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
};

interface Pod {
  readonly pod: string;
  readonly uid: string;
  readonly node: string;
  readonly ip: string;
}

interface Service {
  readonly name: string;
  readonly namespace: string;
  readonly version: string;
  readonly paths: readonly string[];
  readonly pods: readonly Pod[];
}

const SERVICES =
  'checkout cart catalog payments orders shipping inventory search recommend users auth session gateway frontend ads email currency pricing reviews ratings details productpage fraud ledger invoice notify media geo promo loyalty wishlist returns warehouse carrier tax config flags audit export billing'.split(
    ' ',
  );
const NAMESPACES = ['shop', 'core', 'platform', 'data'];
const VERBS = ['GET', 'GET', 'GET', 'GET', 'POST', 'POST', 'PUT', 'DELETE'];
const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
  'okhttp/4.12.0',
  'Go-http-client/2.0',
  'grpc-node-js/1.10.8',
  'python-requests/2.32.3',
  'axios/1.7.2',
  'kube-probe/1.29',
];
const FLAGS = ['UF', 'UH', 'URX', 'UO', 'NR', 'DC', 'UT', 'UPE', 'LR', 'RL'];
const LOGGERS =
  'http.server db.pool cache.redis kafka.consumer grpc.client scheduler auth.jwt billing.worker feature.flags retry'.split(
    ' ',
  );
/** The day that the records lie in, ms since 1970. */
export const START_MS = Date.UTC(2025, 10, 20);
export const DAY_MS = 86_400_000;
const BASE36 = 'bcdfghjklmnpqrstvwxz2456789';
/** A needle for searches stands in one record. */
export const NEEDLE = 'needle-in-haystack zx81-quux';

export class RecordSource {
  /** The trace id of a record near 61 % of the run, for trace searches. */
  needleTrace = '';
  private readonly rnd: Rng;
  private readonly services: readonly Service[];
  private readonly total: number;
  private trace: string;
  private traceLeft = 0;
  private traceFails = false;
  private user = 0;

  constructor(total: number, seed = 42) {
    this.total = total;
    this.rnd = mulberry(seed);
    const nodes = Array.from(
      { length: 24 },
      (_, i) => `ip-10-${(i * 7) % 32}-${(i * 13) % 250}-${(i * 29) % 250}.ec2.internal`,
    );
    this.services = SERVICES.map((name, i) => {
      const rpc = `/${name}.${name.charAt(0).toUpperCase()}${name.slice(1)}Service`;
      return {
        name,
        namespace: NAMESPACES[i % 4] as string,
        version: `v${1 + (i % 3)}.${i % 12}.${i % 5}`,
        paths: [
          `/api/v1/${name}`,
          `/api/v1/${name}/{id}`,
          `/api/v1/${name}/{id}/items`,
          `/api/v2/${name}/search`,
          '/healthz',
          `${rpc}/List`,
          `${rpc}/Get`,
        ],
        pods: Array.from({ length: 6 }, () => ({
          pod: `${name}-${this.word(10)}-${this.word(5)}`,
          uid: this.uuid(),
          node: this.pick(nodes),
          ip: `10.${this.below(32)}.${this.below(250)}.${this.below(250)}`,
        })),
      };
    });
    this.trace = this.hex(32);
  }

  /** Record `i` as one line of JSON; call with 0, 1, 2 ... */
  line(i: number): string {
    if (this.traceLeft <= 0) {
      this.trace = this.hex(32);
      this.traceLeft = 1 + this.skewed(8);
      this.traceFails = this.rnd() < 0.02;
      this.user = this.skewed(200_000);
    }
    this.traceLeft--;
    const service = this.services[this.skewed(40)] as Service;
    const pod = this.pick(service.pods);
    const jittered = START_MS + Math.floor((i / this.total) * DAY_MS + (this.rnd() - 0.5) * 2_000);
    const ms = Math.max(START_MS, Math.min(START_MS + DAY_MS - 1, jittered));
    const nanos = String(this.below(1_000_000)).padStart(6, '0');
    const time = `${new Date(ms).toISOString().slice(0, 23)}${nanos}Z`;
    const kind = this.rnd();
    const text =
      kind < 0.5
        ? this.access(service, pod, time)
        : kind < 0.9
          ? this.application(service, pod, time, i)
          : this.plain(service, pod, time);
    if (i === Math.floor(this.total * 0.61)) this.needleTrace = this.trace;
    return i === Math.floor(this.total * 0.37)
      ? text.replace('"msg":"', `"msg":"${NEEDLE} `)
      : text;
  }

  private access(service: Service, pod: Pod, time: string): string {
    const template = service.paths[this.skewed(service.paths.length)] as string;
    const query = template.endsWith('search')
      ? `?q=${this.word(4 + this.below(6))}&page=${this.below(9)}`
      : '';
    const path = template.replace('{id}', String(100_000 + this.skewed(900_000))) + query;
    const method = template === '/healthz' ? 'GET' : this.pick(VERBS);
    const duration = this.latency();
    const code =
      this.traceFails && this.rnd() < 0.6
        ? this.pick([500, 502, 503, 503, 504, 429])
        : this.rnd() < 0.04
          ? this.pick([400, 401, 403, 404, 404, 409])
          : this.pick([200, 200, 200, 200, 201, 204]);
    const flags = code >= 500 ? this.pick(FLAGS) : code === 404 && this.rnd() < 0.3 ? 'NR' : '-';
    const details =
      code >= 500
        ? 'upstream_reset_before_response_started{connection_termination}'
        : 'via_upstream';
    const host = `${service.name}.${service.namespace}.svc.cluster.local`;
    const attributes =
      `"method":"${method}","path":"${path}","protocol":"HTTP/${template.includes('.') ? 2 : 1.1}",` +
      `"response_code":${code},"response_flags":"${flags}","response_code_details":"${details}",` +
      `"bytes_received":${method === 'GET' ? 0 : this.below(4096)},"bytes_sent":${this.below(60) * this.below(800)},` +
      `"duration":${duration},"upstream_service_time":${Math.max(0, duration - this.below(3))},` +
      `"x_forwarded_for":"${this.address()}","user_agent":"${this.pick(AGENTS)}","request_id":"${this.uuid()}",` +
      `"authority":"${host}:8080","upstream_host":"${this.pick(service.pods).ip}:8080",` +
      `"upstream_cluster":"inbound|8080||","upstream_local_address":"127.0.0.6:${32_768 + this.below(28_000)}",` +
      `"downstream_local_address":"${pod.ip}:8080",` +
      `"downstream_remote_address":"${this.pick(this.pick(this.services).pods).ip}:${32_768 + this.below(28_000)}",` +
      `"requested_server_name":"outbound_.8080_._.${host}","route_name":"default"`;
    const level = code >= 500 ? 'error' : code >= 400 ? 'warn' : 'info';
    const ids = `"trace_id":"${this.trace}","span_id":"${this.hex(16)}"`;
    const message = `${method} ${path} ${code}`;
    return this.envelope(
      service,
      pod,
      'istio-proxy',
      time,
      'stdout',
      level,
      ids,
      message,
      attributes,
    );
  }

  private application(service: Service, pod: Pod, time: string, i: number): string {
    const logger = this.pick(LOGGERS);
    const { level, message, attributes } = this.event(service, pod, i);
    const ids =
      this.rnd() < 0.8
        ? `"trace_id":"${this.trace}","span_id":"${this.hex(16)}"`
        : '"trace_id":"","span_id":""';
    const all =
      `"logger":"${logger}","thread":"worker-${this.below(16)}",` +
      `"caller":"${logger.replace('.', '/')}.go:${this.below(400)}",${attributes}`;
    return this.envelope(service, pod, service.name, time, 'stdout', level, ids, message, all);
  }

  private event(
    service: Service,
    pod: Pod,
    i: number,
  ): { level: string; message: string; attributes: string } {
    const q = this.rnd();
    const order = 100_000 + this.skewed(900_000);
    const took = this.latency();
    const { user } = this;
    const event = (level: string, message: string, attributes: string) => ({
      level,
      message,
      attributes,
    });
    if (this.traceFails && q < 0.5) {
      return event(
        'error',
        `failed to process order ${order} for user ${user}: rpc error: code = Unavailable desc = connection error: dial tcp ${pod.ip}:8080: connect: connection refused`,
        `"error.type":"Unavailable","order_id":"${order}","user_id":"${user}","attempt":${1 + this.below(5)}`,
      );
    }
    if (q < 0.2) {
      const amount = (this.below(99_999) / 100).toFixed(2);
      return event(
        'info',
        `processed order ${order} in ${took}ms`,
        `"order_id":"${order}","user_id":"${user}","duration_ms":${took},"amount":${amount},"currency":"${this.pick(['USD', 'EUR', 'GBP', 'JPY'])}"`,
      );
    }
    if (q < 0.4) {
      return event(
        'debug',
        `cache ${this.rnd() < 0.8 ? 'hit' : 'miss'} for key user:${user}:profile`,
        `"cache":"redis-${this.below(6)}","key":"user:${user}:profile","ttl":${this.below(3600)}`,
      );
    }
    if (q < 0.6) {
      return event(
        'debug',
        `query finished: SELECT * FROM ${service.name} WHERE id = ${order} rows=${this.below(50)}`,
        `"db.system":"postgresql","db.rows":${this.below(50)},"db.duration_us":${took * 997},"pool.active":${this.below(32)}`,
      );
    }
    if (q < 0.75) {
      const offset = Math.floor(i * 3.7) + this.below(1000);
      return event(
        'info',
        `consumed message topic=${service.name}-events partition=${this.below(48)} offset=${offset}`,
        `"kafka.topic":"${service.name}-events","kafka.partition":${this.below(48)},"kafka.lag":${this.skewed(10_000)}`,
      );
    }
    return this.rareEvent(q, service, took);
  }

  private rareEvent(
    q: number,
    service: Service,
    took: number,
  ): { level: string; message: string; attributes: string } {
    const { user } = this;
    if (q < 0.8) {
      const slow = 1000 + took * 7;
      return {
        level: 'warn',
        message: `slow request: upstream ${this.pick(SERVICES)} took ${slow}ms (threshold 1000ms), retry ${this.below(3)} scheduled`,
        attributes: `"threshold_ms":1000,"duration_ms":${slow},"peer":"${this.pick(SERVICES)}"`,
      };
    }
    if (q < 0.805) {
      return {
        level: 'error',
        message: `panic recovered: runtime error: index out of range [${this.below(9)}] with length ${this.below(4)}`,
        attributes: `"exception.type":"runtime.Error","exception.stacktrace":"goroutine ${this.below(9999)} [running]:\\nmain.(*Server).handle(0xc000${this.hex(6)})\\n\\t/src/${service.name}/server.go:${this.below(900)} +0x${this.hex(4)}\\nnet/http.HandlerFunc.ServeHTTP(0x${this.hex(6)})\\n\\t/usr/local/go/src/net/http/server.go:2136 +0x29"`,
      };
    }
    if (q < 0.9) {
      return {
        level: 'info',
        message: `user ${user} authenticated via ${this.pick(['oidc', 'password', 'apikey'])} from ${this.address()}`,
        attributes: `"user_id":"${user}","tenant":"tenant-${this.skewed(500)}","session":"${this.hex(16)}"`,
      };
    }
    const flag = this.pick(['new-checkout', 'dark-mode', 'fast-search', 'beta-pricing']);
    return {
      level: 'debug',
      message: `feature flag evaluated flag=${flag} variant=${this.pick(['on', 'off', 'control'])}`,
      attributes: `"user_id":"${user}","tenant":"tenant-${this.skewed(500)}"`,
    };
  }

  private plain(service: Service, pod: Pod, time: string): string {
    const form = this.below(4);
    const clock = time.slice(11, 26);
    let level = 'info';
    let message: string;
    if (form === 0) {
      message = `I1120 ${clock}       1 controller.go:${this.below(900)}] Reconciling object \\"${service.namespace}/${service.name}-${this.word(5)}\\" generation=${this.below(40)}`;
    } else if (form === 1) {
      level = 'warn';
      message = `W1120 ${clock}       1 reflector.go:${this.below(900)}] watch of *v1.Endpoints ended with: very short watch: Unexpected watch close - watch lasted less than a second and no items received`;
    } else if (form === 2) {
      message = `[GC] pause ${(this.rnd() * 40).toFixed(3)}ms, heap ${this.below(2000)}M->${this.below(900)}M(4096M), ${this.below(100)} regions`;
    } else {
      message = `${this.address()} - - [20/Nov/2025:${time.slice(11, 19)} +0000] \\"GET /static/${this.word(8)}.js HTTP/1.1\\" 200 ${this.below(99_999)} \\"-\\" \\"${this.pick(AGENTS)}\\"`;
    }
    const ids = '"trace_id":"","span_id":""';
    return this.envelope(service, pod, service.name, time, 'stderr', level, ids, message, '');
  }

  private envelope(
    service: Service,
    pod: Pod,
    container: string,
    time: string,
    stream: string,
    level: string,
    ids: string,
    message: string,
    attributes: string,
  ): string {
    const kubernetes =
      `"k8s":{"namespace":"${service.namespace}","pod":"${pod.pod}","pod_uid":"${pod.uid}",` +
      `"container":"${container}","node":"${pod.node}","cluster":"prod-eu-1","labels":{"app":"${service.name}",` +
      `"version":"${service.version}","pod-template-hash":"${pod.pod.split('-')[1] ?? ''}"}}`;
    return (
      `{"ts":"${time}","stream":"${stream}","service":"${service.name}","level":"${level}",${ids},` +
      `"msg":"${message}",${kubernetes},"attrs":{${attributes}}}`
    );
  }

  private below(n: number): number {
    return (this.rnd() * n) | 0;
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Favours small numbers, as popularity does. */
  private skewed(n: number): number {
    return Math.min(n - 1, Math.floor(Math.pow(n + 1, Math.pow(this.rnd(), 1.6)) - 1));
  }

  private latency(): number {
    return Math.round(Math.exp(this.rnd() * this.rnd() * 6.5 + this.rnd()) + this.rnd() * 3);
  }

  private address(): string {
    return `${1 + this.below(220)}.${this.below(255)}.${this.below(255)}.${this.below(255)}`;
  }

  private hex(digits: number): string {
    let text = '';
    while (text.length < digits) text += this.below(65_536).toString(16).padStart(4, '0');
    return text.slice(0, digits);
  }

  private word(length: number): string {
    let text = '';
    for (let i = 0; i < length; i++) text += BASE36[this.below(BASE36.length)] as string;
    return text;
  }

  private uuid(): string {
    const h = this.hex(32);
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-9${h.slice(17, 20)}-${h.slice(20)}`;
  }
}
