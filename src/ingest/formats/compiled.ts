import type { Normalizer } from '../normalize/normalize.ts';
import type { Field } from './field.ts';

/** Values by the number of their field; undefined where the line says that there is none. */
export type FieldValues = readonly (string | undefined)[];

/**
 * A format made from its own definition: reads a line into the record, and prints a line of its
 * fields' texts. Reading what was printed gives the same values, unless a value holds what ends
 * it.
 */
export interface Compiled extends Normalizer {
  readonly fields: readonly Field[];
  /** The texts of a line's fields; undefined where the line is of another format. */
  read(line: Uint8Array): FieldValues | undefined;
  /** None where the definition does not say what stands between values. */
  readonly print?: (values: FieldValues) => Uint8Array;
  /** Why `read` gives nothing: where, and what was expected there. */
  why(line: Uint8Array): string;
}
