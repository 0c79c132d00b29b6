/** CRC-32 of a binary string, as ClickHouse's `CRC32` gives it (zlib's, polynomial 0xEDB88320). */
export const crc32 = (bytes: string): number => {
  let sum = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    sum = (sum >>> 8) ^ (TABLE[(sum ^ bytes.charCodeAt(i)) & 0xff] as number);
  }
  return (sum ^ 0xffffffff) >>> 0;
};

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  return sum;
});
