import { createHash } from 'node:crypto';
import type { Signal } from '../../model/batch.ts';
import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';

const NS_PER_DAY = 86_400_000_000_000n;
/** 1970-01-01 was a Thursday: Mondays are the days n with (n + 3) divisible by 7. */
const MONDAY_OFFSET_DAYS = 3n;

/** First instant of the ISO week (Monday, UTC) that holds `ns`, nanoseconds since 1970. */
export function weekStartNs(ns: bigint): bigint {
  const day = floorDivide(ns, NS_PER_DAY);
  const sinceMonday = (((day + MONDAY_OFFSET_DAYS) % 7n) + 7n) % 7n;
  return (day - sinceMonday) * NS_PER_DAY;
}

export const floorDivide = (value: bigint, by: bigint): bigint => {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
};

/** The day of an instant, `YYYY-MM-DD`. */
export const dayText = (ns: bigint): string =>
  new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 10);

/** What tells buckets apart. */
export interface BucketParts {
  readonly tenant: string;
  readonly retentionClass: string;
  readonly fromNs: bigint;
  readonly signal: Signal;
}

/** `<tenant>/<class>/<monday>`, then `/spans` for spans; no part holds a slash. */
export const bucketId = ({ tenant, retentionClass, fromNs, signal }: BucketParts): string => {
  const id = `${tenant}/${retentionClass}/${dayText(fromNs)}`;
  return signal === 'logs' ? id : `${id}/${signal}`;
};

/**
 * A table's name: readable parts for the operator, and a hash of the whole id, since different
 * tenants may look alike once their other characters are gone.
 */
export function tableName(parts: BucketParts): string {
  const { tenant, retentionClass, fromNs, signal } = parts;
  const id = bucketId(parts);
  const hash = createHash('sha256').update(id).digest('hex').slice(0, 16);
  const day = dayText(fromNs).replaceAll('-', '');
  return `${signal}_${plain(tenant, 32)}_${plain(retentionClass, 16)}_${day}_${hash}`;
}

const plain = (text: string, length: number): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .slice(0, length);

/** The characters that Loki allows in a tenant (`dskit/tenant`, ValidTenantID). */
const TENANT = /^[A-Za-z0-9!\-_.*'()]+$/;

/** Throws `tenant_invalid` unless the name may be one. */
export function checkTenant(tenant: string): void {
  if (tenant.length > LIMITS.tenantBytes) {
    throw new MeshtrailError(
      'tenant_invalid',
      `a tenant's name has at most ${LIMITS.tenantBytes} characters`,
      'Shorten X-Scope-OrgID.',
    );
  }
  if (!TENANT.test(tenant) || tenant === '.' || tenant === '..') {
    throw new MeshtrailError(
      'tenant_invalid',
      "a tenant's name has letters, digits and !-_.*'() only, and is not . or ..",
      'Correct X-Scope-OrgID.',
    );
  }
}
