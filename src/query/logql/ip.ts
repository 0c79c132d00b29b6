/** Addresses from `from` to `to`, both included, of 32 (IPv4) or 128 (IPv6) bits. */
export interface IpRange {
  readonly bits: 32 | 128;
  readonly from: bigint;
  readonly to: bigint;
}

export interface IpAddress {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

/** The addresses meant by the pattern of `ip()`: an address, `from-to`, or CIDR; `null` if none. */
export const parseIpPattern = (pattern: string): IpRange | null => {
  const single = parseIpAddress(pattern);
  if (single !== null) return { bits: single.bits, from: single.value, to: single.value };
  const slash = pattern.indexOf('/');
  if (slash >= 0) return parseCidr(pattern.slice(0, slash), pattern.slice(slash + 1));
  const hyphen = pattern.indexOf('-');
  if (hyphen < 0) return null;
  const from = parseIpAddress(pattern.slice(0, hyphen));
  const to = parseIpAddress(pattern.slice(hyphen + 1));
  if (from === null || to === null || from.bits !== to.bits || from.value > to.value) return null;
  return { bits: from.bits, from: from.value, to: to.value };
};

const parseCidr = (text: string, length: string): IpRange | null => {
  const address = parseIpAddress(text);
  if (address === null || !/^(?:0|[1-9][0-9]{0,2})$/.test(length)) return null;
  const { bits, value } = address;
  if (Number(length) > bits) return null;
  const host = (1n << BigInt(bits - Number(length))) - 1n;
  return { bits, from: value & ~host, to: value | host };
};

/** An address as Go's `netip.ParseAddr` takes it, but for zones; `null` where it is none. */
export const parseIpAddress = (text: string): IpAddress | null => {
  if (!text.includes(':')) {
    const value = parseIpv4(text);
    return value === null ? null : { bits: 32, value };
  }
  const value = parseIpv6(text);
  return value === null ? null : { bits: 128, value };
};

const parseIpv4 = (text: string): bigint | null => {
  const octets = text.split('.');
  if (octets.length !== 4) return null;
  let value = 0n;
  for (const octet of octets) {
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(octet) || Number(octet) > 255) return null;
    value = (value << 8n) | BigInt(octet);
  }
  return value;
};

const parseIpv6 = (text: string): bigint | null => {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0] ?? '', halves.length === 1);
  const tail = groupsOf(halves[1] ?? '', true);
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
};

/** The 16-bit groups of one side of `::`; the last may be an IPv4 address where `last`. */
const groupsOf = (text: string, last: boolean): number[] | null => {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(parseInt(part, 16));
      continue;
    }
    const v4 = last && index === parts.length - 1 ? parseIpv4(part) : null;
    if (v4 === null) return null;
    groups.push(Number(v4 >> 16n), Number(v4 & 0xffffn));
  }
  return groups;
};
