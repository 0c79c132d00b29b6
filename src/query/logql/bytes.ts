/**
 * Sizes as LogQL writes them: `250kB`, `1.5GiB`, `10MB`; without case, with or without the final B.
 * Decimal units are powers of 1000, binary ones of 1024.
 */

const PREFIXES = ['', 'k', 'm', 'g', 't', 'p', 'e'] as const;

const units: ReadonlyMap<string, number> = new Map(
  PREFIXES.flatMap((prefix, power): [string, number][] =>
    prefix === ''
      ? [
          ['', 1],
          ['b', 1],
        ]
      : [
          [prefix, 1000 ** power],
          [`${prefix}b`, 1000 ** power],
          [`${prefix}i`, 1024 ** power],
          [`${prefix}ib`, 1024 ** power],
        ],
  ),
);

/** Bytes, cut to an integer, or `null` where the text is no size below 2^64. */
export const parseBytes = (text: string): bigint | null => {
  const [, digits = '', unit = ''] = /^([0-9.,]*)\s*(.*?)\s*$/su.exec(text) ?? [];
  const number = digits.replaceAll(',', '');
  const size = units.get(unit.toLowerCase());
  if (size === undefined || !/^(?:[0-9]+\.?[0-9]*|\.[0-9]+)$/.test(number)) return null;
  const bytes = Number(number) * size;
  return bytes < 2 ** 64 ? BigInt(Math.trunc(bytes)) : null;
};

/** A text that `parseBytes` reads back exactly: `250kB`, `5.0MB`, `200MiB`, else plain bytes. */
export const formatBytes = (bytes: bigint): string =>
  // A double is exact below 2^53; beyond it the value read back decides.
  formatDecimal(bytes) ?? formatBinary(bytes) ?? `${bytes}B`;

const POWERS = [5n, 4n, 3n, 2n, 1n] as const;

/** In the greatest unit of thousands that fits, with one place after the point below 10. */
const formatDecimal = (bytes: bigint): string | null => {
  const power = POWERS.find((p) => bytes >= 1000n ** p);
  if (power === undefined) return null;
  const prefix = PREFIXES[Number(power)] ?? '';
  const tenths = (bytes * 10n) / 1000n ** power;
  const places = tenths < 100n ? `.${tenths % 10n}` : '';
  const text = `${tenths / 10n}${places}${power === 1n ? prefix : prefix.toUpperCase()}B`;
  return parseBytes(text) === bytes ? text : null;
};

const formatBinary = (bytes: bigint): string | null => {
  const power = POWERS.find((p) => bytes > 0n && bytes % 1024n ** p === 0n);
  if (power === undefined) return null;
  const prefix = (PREFIXES[Number(power)] ?? '').toUpperCase();
  const text = `${bytes / 1024n ** power}${prefix}iB`;
  return parseBytes(text) === bytes ? text : null;
};
