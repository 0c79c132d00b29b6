import type { Position, SourceInfo } from './input.ts';

/**
 * What the agent keeps of a source: the next number, and how far the numbers before it are durable.
 */
export interface SourceState {
  readonly id: string;
  /** Its input's name. */
  input: string;
  /** Number of the next event that goes into a batch. */
  next: number;
  /** Number and position of what is durable in the buffer, or was delivered. */
  durableNext: number;
  position: Position;
  /** Events left out by rules since the source began, by reason. */
  readonly dropped: Record<string, number>;
  lostBytes: number;
  /** When it last gave an event, ns since 1970: the ledger forgets the silent first. */
  lastNs: bigint;
  /** Batches under way to the buffer that hold something of it. */
  underWay: number;
}

export const newSource = (info: Pick<SourceInfo, 'id' | 'input'>): SourceState => ({
  id: info.id,
  input: info.input,
  next: 0,
  durableNext: 0,
  position: '',
  dropped: {},
  lostBytes: 0,
  lastNs: 0n,
  underWay: 0,
});

export const drop = (source: SourceState, reason: string, count: number): void => {
  if (count > 0) source.dropped[reason] = (source.dropped[reason] ?? 0) + count;
};
