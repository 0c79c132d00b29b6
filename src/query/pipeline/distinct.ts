import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import type { DistinctStage } from '../logql/ast.ts';
import type { Run } from './stage.ts';

/** `| distinct a, b`: of the lines with equal values in all these labels, the first. */
export const distinct = (stage: DistinctStage): Run => {
  const seen = new Set<string>();
  return (entry) => {
    const key = JSON.stringify(stage.labels.map(({ name }) => entry.value(name)));
    if (seen.has(key)) return false;
    if (seen.size >= LIMITS.distinctValues) {
      throw new MeshtrailError(
        'query_limit',
        `more than ${LIMITS.distinctValues} different values under distinct`,
        'Ask for a shorter time or for labels with fewer values.',
      );
    }
    seen.add(key);
    return true;
  };
};
