import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Authenticator } from '../access/authentication.ts';
import { MeshtrailError } from '../model/errors.ts';
import type { BodyFace } from '../ingest/receive/body.ts';
import type { HttpAnswer, HttpFace, ReceivedRequest } from '../ingest/receive/http.ts';
import type { Log } from '../platform/log.ts';
import { isLoopback } from '../platform/sockets.ts';
import type { Counters } from './counters.ts';
import type { Routes, Match } from './routes.ts';

type Why = 'busy' | 'too_large' | 'unauthorized' | 'failed';

const STATUS: Readonly<Record<Why, number>> = {
  busy: 429,
  too_large: 413,
  unauthorized: 401,
  failed: 500,
};

const WORDS: Readonly<Record<Why, readonly [string, string]>> = {
  busy: ['the server is busy or its journal is full', 'send the same again after a few seconds'],
  too_large: [
    'the request is larger than the limit',
    'send smaller requests, or raise limits.request_bytes',
  ],
  unauthorized: [
    'no or wrong key',
    'send `Authorization: Bearer KEY`; the key was printed at the first start',
  ],
  failed: ['the server could not do this', 'try again; its log says why'],
};

/** An answer in our own error form. */
export const errorAnswer = (
  status: number,
  code: string,
  message: string,
  hint: string,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: `${JSON.stringify({ error: { code, message, hint } })}\n`,
});

const ownRefusal = (why: Why): HttpAnswer =>
  errorAnswer(STATUS[why], why, WORDS[why][0], WORDS[why][1], {
    ...(why === 'busy' && { 'retry-after': '2' }),
    ...(why === 'unauthorized' && { 'www-authenticate': 'Basic realm="meshtrail", Bearer' }),
  });

export type Upgrade = (
  request: ReceivedRequest,
  message: IncomingMessage,
  socket: Duplex,
  head: Buffer,
) => boolean;

/** Joins a listener to its routes: who may talk, which handler, which words for a refusal. */
export class RoutedFace implements HttpFace {
  private readonly routes: Routes;
  private readonly authenticator: Authenticator;
  private readonly counters: Counters;
  private readonly log: Log;
  private readonly upgradeTo: Upgrade | undefined;
  private lastRequest: ReceivedRequest | undefined;
  private lastFound: ReturnType<Routes['find']>;

  constructor(
    routes: Routes,
    authenticator: Authenticator,
    counters: Counters,
    log: Log,
    upgradeTo?: Upgrade,
  ) {
    this.routes = routes;
    this.authenticator = authenticator;
    this.counters = counters;
    this.log = log;
    this.upgradeTo = upgradeTo;
  }

  admit(request: ReceivedRequest): HttpAnswer | undefined {
    const found = this.find(request);
    const known = typeof found === 'object' ? found : undefined;
    const isTrusted = known?.route.near === true && isNear(request);
    if (known?.route.open !== true && !isTrusted && !this.authenticator.allows(request)) {
      return this.say(request, known, 'unauthorized');
    }
    if (found === 'method') {
      return errorAnswer(
        405,
        'method_not_allowed',
        `${request.method} is not served here`,
        'docs/protocols.md lists every path and its methods',
        { allow: this.routes.methods(request.path).join(', ') },
      );
    }
    if (found === undefined) {
      return errorAnswer(
        404,
        'not_found',
        `nothing is served at ${request.path}`,
        'docs/protocols.md lists every path',
      );
    }
    return undefined;
  }

  body(request: ReceivedRequest): BodyFace | undefined {
    const found = this.find(request);
    return typeof found === 'object' ? found.route.body?.(request) : undefined;
  }

  async answer(request: ReceivedRequest, body: Uint8Array<ArrayBuffer>): Promise<HttpAnswer> {
    const found = this.find(request);
    if (typeof found !== 'object') return ownRefusal('failed');
    const mount = found.route.mount ?? '';
    const path = request.path.slice(mount.length) || '/';
    try {
      return await found.route.handle(
        mount === '' ? request : { ...request, path },
        body,
        found.names,
      );
    } catch (error) {
      if (error instanceof MeshtrailError) {
        return errorAnswer(statusOf(error.code), error.code, error.message, error.hint);
      }
      this.log.error('a request failed unexpectedly', { error, path: found.route.path });
      return this.say(request, found, 'failed');
    }
  }

  refuse(request: ReceivedRequest, why: 'busy' | 'too_large'): HttpAnswer {
    const found = this.find(request);
    return this.say(request, typeof found === 'object' ? found : undefined, why);
  }

  upgrade(request: ReceivedRequest, message: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!this.authenticator.allows(request)) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    if (this.upgradeTo?.(request, message, socket, head) === true) return;
    socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  }

  /** The request's route; asked several times in a row for the same request. */
  private find(request: ReceivedRequest): ReturnType<Routes['find']> {
    if (this.lastRequest !== request) {
      this.lastFound = this.routes.find(request.method, request.path);
      this.lastRequest = request;
    }
    return this.lastFound;
  }

  private say(request: ReceivedRequest, match: Match | undefined, why: Why): HttpAnswer {
    this.counters.add('meshtrail_refused_requests_total', 1, { reason: why });
    const refuse = match?.route.refuse;
    if (refuse === undefined) return ownRefusal(why);
    const mount = match?.route.mount ?? '';
    return refuse(why, { ...request, path: request.path.slice(mount.length) || '/' });
  }
}

/** A peer that protocols without a secret trust. */
const isNear = ({ peer, identity }: ReceivedRequest): boolean =>
  identity !== '' || isLoopback(peer);

const statusOf = (code: string): number => {
  if (code === 'engine_unavailable') return 503;
  if (code === 'query_timeout') return 504;
  if (code === 'query_memory') return 422;
  if (code.endsWith('_not_found')) return 404;
  if (code === 'query_failed') return 500;
  return 400;
};
