import { LIMITS } from '../model/limits.ts';

export const DEFAULT_TENANT = 'default';

/**
 * The tenant of a request, from `X-Scope-OrgID`. Names follow Grafana's rules for tenant ids;
 * undefined when the name breaks them.
 */
export const tenantOf = (headers: Readonly<Record<string, string>>): string | undefined => {
  const name = headers['x-scope-orgid'];
  if (name === undefined || name === '') return DEFAULT_TENANT;
  if (name.length > LIMITS.tenantLength || name === '.' || name === '..') return undefined;
  return /^[A-Za-z0-9!\-_.*'()]+$/.test(name) ? name : undefined;
};
