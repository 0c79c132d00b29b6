import type { BodyFace } from '../ingest/receive/body.ts';
import type { HttpAnswer, ReceivedRequest } from '../ingest/receive/http.ts';

/** What a matched request is answered with. `names` are the path's `{name}` parts, decoded. */
export type Handler = (
  request: ReceivedRequest,
  body: Uint8Array<ArrayBuffer>,
  names: Readonly<Record<string, string>>,
) => Promise<HttpAnswer>;

export interface Route {
  /** '*' takes any method. */
  readonly method: string;
  /** Segments; `{name}` takes one, a last `*` takes the rest. */
  readonly path: string;
  /** Served without a key. */
  readonly open?: boolean;
  /** Served without a key to loopback and to peers with a certificate of our client CA. */
  readonly near?: boolean;
  readonly handle: Handler;
  /** Takes the body as it comes, where the request is of that sort; else it goes to `handle`. */
  readonly body?: (request: ReceivedRequest) => BodyFace | undefined;
  /** The refusal in the words of the path's protocol. */
  readonly refuse?: (
    why: 'busy' | 'too_large' | 'unauthorized' | 'failed',
    request: ReceivedRequest,
  ) => HttpAnswer;
  /** Prefix that is cut off before the handler sees the path. */
  readonly mount?: string;
}

export interface Match {
  readonly route: Route;
  readonly names: Readonly<Record<string, string>>;
}

interface Compiled {
  readonly route: Route;
  readonly segments: readonly string[];
}

const split = (path: string): string[] => path.split('/').filter((part) => part !== '');

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Fixed segments win over named ones, named ones over `*`; a table is built once per listener. */
export class Routes {
  private readonly compiled: readonly Compiled[];

  constructor(routes: readonly Route[]) {
    const rank = (segments: readonly string[]): string =>
      segments.map((s) => (s === '*' ? '2' : s.startsWith('{') ? '1' : '0')).join('') + '1';
    this.compiled = routes
      .map((route) => ({ route, segments: split((route.mount ?? '') + route.path) }))
      .sort((a, b) => (rank(a.segments) < rank(b.segments) ? -1 : 1));
  }

  /** The route for a request; 'method' when the path is known under other methods only. */
  find(method: string, path: string): Match | 'method' | undefined {
    const parts = split(path);
    let known = false;
    for (const { route, segments } of this.compiled) {
      const names = match(segments, parts);
      if (names === undefined) continue;
      if (route.method === method || route.method === '*') return { route, names };
      if (method === 'HEAD' && route.method === 'GET') return { route, names };
      known = true;
    }
    return known ? 'method' : undefined;
  }

  /** The methods that a path is served under, for `Allow`. */
  methods(path: string): string[] {
    const parts = split(path);
    const known = this.compiled.filter(({ segments }) => match(segments, parts) !== undefined);
    const methods = new Set(known.map(({ route }) => route.method));
    if (methods.has('GET')) methods.add('HEAD');
    return [...methods].sort();
  }
}

const match = (
  segments: readonly string[],
  parts: readonly string[],
): Record<string, string> | undefined => {
  const names: Record<string, string> = {};
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i] as string;
    if (segment === '*') {
      names['rest'] = parts.slice(i).map(decode).join('/');
      return names;
    }
    const part = parts[i];
    if (part === undefined) return undefined;
    if (segment.startsWith('{')) names[segment.slice(1, -1)] = decode(part);
    else if (segment !== part) return undefined;
  }
  return segments.length === parts.length ? names : undefined;
};
