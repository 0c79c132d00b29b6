import type { Entry } from './entry.ts';

/**
 * The contract of the pipeline's stages: one file per stage, from its syntax to a function over
 * entries.
 *
 * Duties
 * - Linear in the line's length; never throws on a line. What cannot be parsed sets `__error__`.
 * - Returns whether the line stays.
 * - Throws MeshtrailError (`not_supported`) when it is made, for what is not built yet.
 */
export type Run = (entry: Entry) => boolean;
