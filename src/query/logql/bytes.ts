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

/** The shortest text that `parseBytes` reads back exactly: `250kB`, `1.5MB`, else plain bytes. */
export const formatBytes = (bytes: bigint): string => {
  // A double is exact below 2^53; beyond it only whole units are tried.
  for (let power = 5; power > 0; power--) {
    const prefix = PREFIXES[power] ?? '';
    const unit = `${power === 1 ? prefix : prefix.toUpperCase()}B`;
    const tenths = 1000n ** BigInt(power) / 10n;
    if (bytes < 10n * tenths || bytes % tenths !== 0n) continue;
    const count = bytes / tenths;
    const text = `${count / 10n}${count % 10n === 0n ? '' : `.${count % 10n}`}${unit}`;
    if (parseBytes(text) === bytes) return text;
  }
  return `${bytes}B`;
};
