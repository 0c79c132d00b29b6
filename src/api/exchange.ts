/**
 * A request and its reply, free of any HTTP framework: what the faces take and give. The server
 * authenticates and finds the tenant before it calls a face.
 */
export interface ApiRequest {
  readonly method: string;
  /** Path without query, with its percent-encoding. */
  readonly path: string;
  /** The query string's parameters, and after them a form body's. */
  readonly query: URLSearchParams;
  /** Lower-cased names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly tenant: string;
  /** Aborted when the client goes away. */
  readonly signal?: AbortSignal;
}

export interface ApiReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Whole, or in pieces as they are made. Pieces may fail half-way: then close the connection. */
  readonly body: string | AsyncIterable<string>;
}
