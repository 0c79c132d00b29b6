import { MeshtrailError } from '../../model/errors.ts';

/**
 * A definition that is none: where (line and column from 1), what stands there, what is allowed.
 * @param at position in the definition
 */
export const formatFault = (
  definition: string,
  at: number,
  what: string,
  allowed: string,
): MeshtrailError => {
  const before = definition.slice(0, at);
  const line = before.split('\n').length;
  const column = at - (before.lastIndexOf('\n') + 1) + 1;
  const where = line > 1 ? `line ${line}, column ${column}` : `column ${column}`;
  return new MeshtrailError('format_invalid', `${where}: ${what}`, allowed);
};
