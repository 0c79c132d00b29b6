/** How batches reach the servers; all of it may change while the agent runs. */
export interface DeliverySettings {
  /** In the order of preference. */
  readonly servers: readonly URL[];
  readonly tenant: string | undefined;
  /** Sent as a bearer token; '' where the certificate says who we are. */
  readonly key: string;
  /** PEM texts. */
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  /** Requests under way at a time. */
  readonly requests: number;
  readonly timeoutMs: number;
  /** First and longest pause of a server that failed. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}
