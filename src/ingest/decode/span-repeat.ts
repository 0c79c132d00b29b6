import { LIMITS } from '../../model/limits.ts';

/**
 * How much of what spans share (a process, a name) one request may still have repeated onto them:
 * a few bytes a span behind a megabyte of it would otherwise become terabytes.
 */
export interface RepeatBudget {
  /** False, and nothing taken, where it is more than is left. */
  take(bytes: number): boolean;
}

export const newRepeatBudget = (): RepeatBudget => {
  let left: number = LIMITS.stampedBytes;
  return {
    take: (bytes) => {
      if (bytes > left) return false;
      left -= bytes;
      return true;
    },
  };
};
