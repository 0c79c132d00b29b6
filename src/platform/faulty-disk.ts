import type { Disk, DiskFile } from './disk.ts';

/** A call that changes the disk or makes it durable; only these can be made to fail. */
export interface DiskCall {
  readonly operation:
    | 'open'
    | 'append'
    | 'syncData'
    | 'truncate'
    | 'replaceFile'
    | 'rename'
    | 'unlink'
    | 'removeTree'
    | 'makeDirectory'
    | 'syncDirectory';
  /** For `rename` the name before. */
  readonly path: string;
}

/**
 * How a call fails.
 * - `failed`: EIO, and nothing happened.
 * - `failed but persisted`: EIO, and everything happened all the same.
 * - `cut short`: EIO after half of an append; other calls just fail.
 * - `full`: ENOSPC, and nothing happened.
 */
export type DiskFault = 'failed' | 'failed but persisted' | 'cut short' | 'full';

/**
 * A disk for tests and simulations that passes calls on to `inner`, and fails those for which
 * `faultOf` names a fault. The two broken shapes matter most: a caller that takes an error for
 * "did not happen" is as wrong as one that takes it for "did".
 */
export function faultyDisk(inner: Disk, faultOf: (call: DiskCall) => DiskFault | undefined): Disk {
  async function run<T>(
    operation: DiskCall['operation'],
    path: string,
    call: () => Promise<T>,
    half?: () => Promise<unknown>,
  ): Promise<T> {
    const fault = faultOf({ operation, path });
    if (fault === undefined) return call();
    if (fault === 'failed but persisted') await call();
    if (fault === 'cut short') await half?.();
    throw faultError(fault, operation, path);
  }

  const faultyFile = (file: DiskFile): DiskFile => ({
    path: file.path,
    append: (chunks) =>
      run(
        'append',
        file.path,
        () => file.append(chunks),
        () => file.append(firstHalf(chunks)),
      ),
    syncData: () => run('syncData', file.path, () => file.syncData()),
    truncate: (sizeBytes) => run('truncate', file.path, () => file.truncate(sizeBytes)),
    read: (into, position) => file.read(into, position),
    sizeBytes: () => file.sizeBytes(),
    close: () => file.close(),
  });

  return {
    async open(path, mode, permissions) {
      const fault = mode === 'read' ? undefined : faultOf({ operation: 'open', path });
      if (fault === undefined) return faultyFile(await inner.open(path, mode, permissions));
      // The file may stand, but nobody was given it: close it, or it would leak.
      if (fault === 'failed but persisted') await (await inner.open(path, mode)).close();
      throw faultError(fault, 'open', path);
    },
    readFile: (path) => inner.readFile(path),
    replaceFile: (path, contents, permissions) =>
      run('replaceFile', path, () => inner.replaceFile(path, contents, permissions)),
    rename: (from, to) => run('rename', from, () => inner.rename(from, to)),
    unlink: (path) => run('unlink', path, () => inner.unlink(path)),
    removeTree: (path) => run('removeTree', path, () => inner.removeTree(path)),
    list: (path) => inner.list(path),
    makeDirectory: (path) => run('makeDirectory', path, () => inner.makeDirectory(path)),
    syncDirectory: (path) => run('syncDirectory', path, () => inner.syncDirectory(path)),
    status: (path) => inner.status(path),
    space: (path) => inner.space(path),
  };
}

function faultError(fault: DiskFault, operation: string, path: string): Error {
  const code = fault === 'full' ? 'ENOSPC' : 'EIO';
  return Object.assign(new Error(`${code}: injected fault (${fault}), ${operation} '${path}'`), {
    code,
  });
}

function firstHalf(chunks: readonly Uint8Array[]): Uint8Array[] {
  const all = Buffer.concat(chunks);
  return [all.subarray(0, all.length >> 1)];
}
