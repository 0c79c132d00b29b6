import { DataType, load, open } from 'ffi-rs';

/** MADV_DONTNEED of madvise(2), the same on every Linux. */
const DONT_NEED = 4;

/** Code mappings of a library, out of the text of /proc/self/maps: address and size in bytes. */
export function codeMappings(maps: string, library: string): { at: bigint; size: bigint }[] {
  const found: { at: bigint; size: bigint }[] = [];
  for (const line of maps.split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \S+\s+(.*)$/.exec(line);
    if (match === null || match[3] !== library) continue;
    const at = BigInt(`0x${match[1] ?? '0'}`);
    found.push({ at, size: BigInt(`0x${match[2] ?? '0'}`) - at });
  }
  return found;
}

/**
 * Gives back the pages of a library's code that only its start needed, over 100 MB for the engine.
 * The code is a read-only view of the file: what runs again is mapped again at its next step, so
 * that nothing but memory changes. Returns the bytes that were advised upon.
 */
export function releaseStartupPages(maps: string, library: string): number {
  const mappings = codeMappings(maps, library);
  if (mappings.length === 0) return 0;
  open({ library: 'libc', path: '' });
  let size = 0;
  for (const mapping of mappings) {
    const failed = load({
      library: 'libc',
      funcName: 'madvise',
      retType: DataType.I32,
      paramsType: [DataType.BigInt, DataType.BigInt, DataType.I32],
      paramsValue: [mapping.at, mapping.size, DONT_NEED],
    });
    if (failed === 0) size += Number(mapping.size);
  }
  return size;
}
