import type { IncomingMessage } from 'node:http';
import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { KubernetesOptions } from '../input-options.ts';
import type { InputDoors } from '../input.ts';
import { readPod, type Pod } from './pod.ts';
import { count, type Tally } from './reader.ts';

/**
 * The pods of this node, kept up by the Kubernetes API ("API Concepts: Efficient detection of
 * changes"):
 *
 *     LIST (by pages) ──► WATCH from its resourceVersion ──ended──► WATCH from the last one seen
 *       ▲                   │                                          │
 *       └── 410 Gone, ERROR event, anything that we do not understand ─┘     failures wait, longer
 *                                                                            each time
 *
 * Everything works without it: then a container has what its path says.
 */
export class Pods {
  private readonly byName = new Map<string, { pod: Pod; goneMs: number | undefined }>();
  private readonly options: KubernetesOptions;
  private readonly doors: InputDoors;
  private readonly tally: Tally;
  private readonly base: string;
  /** All pods of the node were listed once. */
  isListed = false;

  /** Throws `kubernetes_unknown` where neither the options nor the environment say where it is. */
  constructor(options: KubernetesOptions, doors: InputDoors, tally: Tally) {
    this.options = options;
    this.doors = doors;
    this.tally = tally;
    this.base = options.url ?? inCluster(doors);
  }

  find(namespace: string, name: string): Pod | undefined {
    return this.byName.get(`${namespace}/${name}`)?.pod;
  }

  async run(signal: AbortSignal): Promise<void> {
    let pauseMs = LEAST_PAUSE_MS;
    let version: string | undefined;
    while (!signal.aborted) {
      const beganMs = this.doors.clock.monotonicMs();
      try {
        version ??= await this.list(signal);
        version = await this.watch(version, signal);
        pauseMs = LEAST_PAUSE_MS;
        // A server that ends each watch at once must not be asked without end.
        if (this.doors.clock.monotonicMs() - beganMs > LEAST_PAUSE_MS) continue;
      } catch (error) {
        version = undefined;
        this.fail(error, signal);
      }
      await this.doors.clock.sleep(pauseMs + this.doors.random.below(LEAST_PAUSE_MS), signal);
      pauseMs = Math.min(MOST_PAUSE_MS, pauseMs * 2);
    }
  }

  /** Lists all pods; the version that a watch goes on from. */
  private async list(signal: AbortSignal): Promise<string> {
    const seen = new Set<string>();
    let page = '';
    let version = '';
    do {
      const query = page === '' ? 'limit=500' : `limit=500&continue=${encodeURIComponent(page)}`;
      const response = await this.request(query, signal);
      const list = object(JSON.parse(await textOf(response)));
      const metadata = object(list['metadata']);
      page = text(metadata['continue']);
      version = text(metadata['resourceVersion']);
      const items = list['items'];
      if (version === '' || !Array.isArray(items)) throw new Error('the answer is no list of pods');
      for (const item of items) {
        const pod = readPod(item);
        if (pod !== undefined) seen.add(this.put(pod));
      }
    } while (page !== '');
    for (const [key, one] of this.byName) if (!seen.has(key)) one.goneMs ??= this.nowMs();
    this.isListed = true;
    return version;
  }

  /** Follows changes until the server ends it; the version to go on from, undefined: list anew. */
  private async watch(from: string, signal: AbortSignal): Promise<string | undefined> {
    const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=${encodeURIComponent(from)}`;
    const response = await this.request(query, signal);
    let version = from;
    for await (const line of linesOf(response)) {
      const event = object(JSON.parse(line));
      const type = event['type'];
      if (type === 'ERROR') return undefined;
      const item = object(event['object']);
      version = text(object(item['metadata'])['resourceVersion']) || version;
      const pod = type === 'BOOKMARK' ? undefined : readPod(item);
      if (pod === undefined) continue;
      const key = this.put(pod);
      const known = this.byName.get(key);
      if (type === 'DELETED' && known !== undefined) known.goneMs = this.nowMs();
    }
    return version;
  }

  private put(pod: Pod): string {
    const key = `${pod.namespace}/${pod.name}`;
    this.byName.delete(key);
    this.byName.set(key, { pod, goneMs: undefined });
    if (this.byName.size > LIMITS.agentPods) this.forget();
    return key;
  }

  /** Lets go of pods that are gone for long, and then of the oldest. */
  private forget(): void {
    const leastMs = this.nowMs() - GONE_MS;
    for (const [key, { goneMs }] of this.byName) {
      if (goneMs !== undefined && goneMs < leastMs) this.byName.delete(key);
    }
    for (const key of this.byName.keys()) {
      if (this.byName.size <= LIMITS.agentPods) break;
      this.byName.delete(key);
    }
  }

  private fail(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    count(this.tally.troubles, 'kubernetes_unreachable');
    this.doors.log.warn('pods cannot be had from the Kubernetes API', { error });
  }

  private nowMs(): number {
    return this.doors.clock.monotonicMs();
  }

  private async request(query: string, signal: AbortSignal): Promise<IncomingMessage> {
    const node = this.options.node ?? this.doors.environment.get('NODE_NAME');
    const field =
      node === undefined ? '' : `&fieldSelector=spec.nodeName%3D${encodeURIComponent(node)}`;
    const url = new URL(`${this.base}/api/v1/pods?${query}${field}`);
    // The token is exchanged every hour; the file always has the one that holds.
    const token = await this.read(this.options.tokenFile ?? `${ACCOUNT}/token`);
    const ca = await this.read(this.options.caFile ?? `${ACCOUNT}/ca.crt`);
    const headers = {
      accept: 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token.trim()}` }),
    };
    const options = { headers, signal, ...(ca === undefined ? {} : { ca }) };
    return new Promise((resolve, reject) => {
      const request = this.doors.sockets.request(url, options);
      // Bookmarks come about every minute: silence for longer is a dead connection.
      request.setTimeout(SILENCE_MS, () => request.destroy(new Error('the API says nothing')));
      request.on('error', reject);
      request.on('response', (response) => {
        if (response.statusCode === 200) return resolve(response);
        response.resume();
        reject(new Error(`the API answers ${response.statusCode}`));
      });
      request.end();
    });
  }

  private async read(path: string): Promise<string | undefined> {
    return this.doors.disk.readFile(path).then(String, () => undefined);
  }
}

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const LEAST_PAUSE_MS = 1_000;
const MOST_PAUSE_MS = 30_000;
const SILENCE_MS = 330_000;
/** How long a deleted pod is remembered, ms: its last lines may be read late. */
const GONE_MS = 900_000;

const inCluster = ({ environment }: InputDoors): string => {
  const host = environment.get('KUBERNETES_SERVICE_HOST');
  const port = environment.get('KUBERNETES_SERVICE_PORT') ?? '443';
  if (host === undefined) {
    throw new MeshtrailError(
      'kubernetes_unknown',
      'where the Kubernetes API is, nobody says',
      'set `kubernetes.url`, or run in a pod (KUBERNETES_SERVICE_HOST)',
    );
  }
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
};

const object = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const textOf = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size > LIMITS.agentKubernetesBytes) throw new Error('the answer is too long');
  }
  return Buffer.concat(chunks).toString('utf8');
};

/** The lines of a stream; throws where one is too long. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let held: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    let rest = chunk as Buffer;
    for (let feed = rest.indexOf(10); feed >= 0; feed = rest.indexOf(10)) {
      yield Buffer.concat([...held, rest.subarray(0, feed)]).toString('utf8');
      held = [];
      size = 0;
      rest = rest.subarray(feed + 1);
    }
    held.push(rest);
    size += rest.length;
    if (size > LIMITS.agentKubernetesBytes) throw new Error('an event is too long');
  }
}
