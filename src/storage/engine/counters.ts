/** What the engine has done since the process started; every value is in /metrics. */
export interface EngineCounters {
  /** Starts of the embedded engine after the first, planned or not. */
  restarts: number;
  inserts: number;
  /** Inserts that were not confirmed and are settled by asking which rows are there. */
  retries: number;
  quarantinedRows: number;
  /** Rows that wait for the engine. */
  pendingRows: number;
  /** Rows and received bytes that the engine holds durably, by protocol. */
  readonly stored: Map<string, StoredCount>;
}

export interface StoredCount {
  rows: number;
  bytes: number;
}

export const newCounters = (): EngineCounters => ({
  restarts: 0,
  inserts: 0,
  retries: 0,
  quarantinedRows: 0,
  pendingRows: 0,
  stored: new Map(),
});
