import { LIMITS } from '../../model/limits.ts';

/**
 * How much of what spans share (a process, a name) one request may still have repeated onto them:
 * a few bytes a span behind a megabyte of it would otherwise become terabytes.
 */
export interface RepeatBudget {
  left: number;
}

export const newRepeatBudget = (): RepeatBudget => ({ left: LIMITS.stampedBytes });
