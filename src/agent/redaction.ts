import type { Piece } from './input.ts';

/**
 * Masks secrets and personal data in a piece, in place of the server's own stage: what leaves the
 * host, and what its disk buffer keeps, has been through here. Without rules it is the same piece.
 */
export type Redact = (piece: Piece) => Piece;

/** Policies bring the rules; until then nothing is changed. */
export const redactNothing: Redact = (piece) => piece;
