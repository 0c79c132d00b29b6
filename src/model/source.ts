/**
 * A sender as `GET /api/v1/sources` tells of it: whoever ever spoke to a receiver. One sender is
 * one tenant, protocol, address, identity and agent.
 */
export interface SourceKey {
  readonly tenant: string;
  /** The receiver's name: `loki`, `forward`, `syslog` ... */
  readonly protocol: string;
  /** Address without port; '' where unknown. */
  readonly address: string;
  /** Who the sender proved to be: a certificate's name, a user, an agent's id; '' where nobody. */
  readonly identity: string;
  /** The sender's program as it names itself (User-Agent and the like); '' where it does not. */
  readonly agent: string;
}

/** What was heard from a source in one go. */
export interface Heard {
  readonly observedNs: bigint;
  readonly encrypted: boolean;
  readonly records: number;
  readonly bytes: number;
  readonly rejects: readonly SourceReject[];
  /** Newest event time of the records, nanoseconds; undefined where there were none. */
  readonly newestNs: bigint | undefined;
}

export interface SourceReject {
  readonly reason: string;
  readonly count: number;
  /** First bytes of one of the items, bounded; kept in memory only. */
  readonly sample: Uint8Array;
}

/** Events that a numbered source did not send: numbers `from` to `to`, both included. */
export interface SourceGap {
  readonly from: number;
  readonly to: number;
}

/** What is kept of a source. */
export interface Source extends SourceKey {
  encrypted: boolean;
  readonly firstNs: bigint;
  lastNs: bigint;
  records: number;
  bytes: number;
  /** By how much its newest records were behind when they came last, ns. */
  lagNs: bigint;
  readonly rejects: Map<string, { count: number; sample: Uint8Array }>;
  readonly gaps: SourceGap[];
}
