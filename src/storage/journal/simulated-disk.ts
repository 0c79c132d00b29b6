import type {
  DirectoryEntry,
  Disk,
  DiskFile,
  DiskSpace,
  FileStatus,
  OpenMode,
} from '../../platform/disk.ts';

/**
 * A disk in memory with the manners of a real one, for tests and simulations: what is written is
 * in the cache until it is synced; names are until their directory is; a power cut keeps a random
 * part of the rest; a failed sync forgets that its pages were dirty, so that the next one succeeds
 * without writing them (what Linux does).
 */

export type DiskOperation =
  'open' | 'write' | 'sync' | 'truncate' | 'unlink' | 'rename' | 'replace' | 'syncDirectory';

/**
 * - `failed`: an error, and no effect. For a sync: the dirty pages are forgotten.
 * - `partly`: an error, and a random part of the effect.
 * - `persisted`: an error, and the whole effect.
 * - `full`: as `partly`, with ENOSPC.
 * - `crash`: a part of the effect, then nothing answers any more.
 */
export type Fault = 'failed' | 'partly' | 'persisted' | 'full' | 'crash';

const PAGE_BYTES = 512;

class Inode {
  cache = Buffer.alloc(0);
  durable = Buffer.alloc(0);
  readonly dirty = new Set<number>();
  readonly mode: number;

  constructor(mode: number) {
    this.mode = mode;
  }

  write(bytes: Uint8Array): void {
    const from = this.cache.length;
    this.cache = Buffer.concat([this.cache, bytes]);
    this.markDirty(from, this.cache.length);
  }

  truncate(sizeBytes: number): void {
    this.cache = Buffer.from(this.cache.subarray(0, sizeBytes));
    // The size itself is what becomes dirty.
    this.markDirty(Math.max(0, sizeBytes - 1), sizeBytes + 1);
  }

  markDirty(from: number, to: number): void {
    for (let page = Math.floor(from / PAGE_BYTES); page * PAGE_BYTES < to; page++) {
      this.dirty.add(page);
    }
  }

  /** Writes dirty pages to the medium; `keeps` decides for each whether it gets there. */
  flush(keeps: () => boolean): void {
    const next = Buffer.alloc(Math.max(this.durable.length, this.cache.length));
    this.durable.copy(next);
    let sizeBytes = this.durable.length;
    for (const page of this.dirty) {
      if (!keeps()) continue;
      const from = page * PAGE_BYTES;
      const to = Math.min(from + PAGE_BYTES, this.cache.length);
      if (to > from) this.cache.copy(next, from, from, to);
      sizeBytes = Math.max(sizeBytes, to);
    }
    this.durable = next.subarray(0, sizeBytes);
    this.dirty.clear();
  }

  sync(): void {
    const shrunk = this.cache.length < this.durable.length;
    if (shrunk) this.durable = Buffer.from(this.durable.subarray(0, this.cache.length));
    this.flush(() => true);
  }

  loseCache(chance: () => boolean): void {
    this.flush(chance);
    this.cache = Buffer.from(this.durable);
  }
}

export class SimulatedDisk {
  /** Decides about each operation before it happens. */
  fault: (operation: DiskOperation, path: string) => Fault | undefined = () => undefined;
  /** Calls that change something, and all calls. */
  operations = 0;
  calls = 0;
  crashed = false;
  private readonly chance: () => number;
  private names = new Map<string, Inode>();
  private durableNames = new Map<string, Inode>();
  private session = 0;

  /** `chance` answers numbers from 0 to below 1. */
  constructor(chance: () => number) {
    this.chance = chance;
  }

  /** The disk as one process sees it; after the next `restart` it does not answer any more. */
  open(): Disk {
    return new SessionDisk(this, ++this.session);
  }

  /** `process`: caches stay (kill -9). `power`: only what was synced is sure to stay. */
  restart(kind: 'process' | 'power'): void {
    this.session += 1;
    this.crashed = false;
    if (kind === 'process') return;
    const coin = (): boolean => this.chance() < 0.5;
    const paths = new Set([...this.names.keys(), ...this.durableNames.keys()]);
    for (const path of paths) {
      const inode = (coin() ? this.names : this.durableNames).get(path);
      if (this.names.get(path) === this.durableNames.get(path)) continue;
      if (inode === undefined) this.names.delete(path);
      else this.names.set(path, inode);
    }
    this.durableNames = new Map(this.names);
    for (const inode of new Set(this.names.values())) inode.loseCache(coin);
  }

  /** Names of files, sorted. */
  files(): string[] {
    return [...this.names.keys()].sort();
  }

  contents(path: string): Buffer {
    return Buffer.from(this.inode(path).cache);
  }

  /** Sets a file's contents, durably: a file that was altered behind everybody's back. */
  tamper(path: string, contents: Uint8Array): void {
    const inode = this.names.get(path) ?? new Inode(0o600);
    inode.cache = Buffer.from(contents);
    inode.durable = Buffer.from(contents);
    inode.dirty.clear();
    this.names.set(path, inode);
    this.durableNames.set(path, inode);
  }

  mode(path: string): number {
    return this.inode(path).mode;
  }

  /** Runs one operation in its session, with the fault that befalls it. */
  async run<T>(
    session: number,
    operation: DiskOperation | 'read',
    path: string,
    act: (part: number) => T,
  ): Promise<T> {
    this.calls += 1;
    await new Promise((resolve) => setImmediate(resolve));
    if (session !== this.session || this.crashed) return new Promise(() => undefined);
    if (operation === 'read') return act(1);
    this.operations += 1;
    const fault = this.fault(operation, path);
    const part = this.partOf(fault);
    const result = act(part);
    if (fault === undefined) return result;
    if (fault === 'crash') {
      this.crashed = true;
      return new Promise(() => undefined);
    }
    throw Object.assign(new Error(`${operation} ${fault}`), {
      code: fault === 'full' ? 'ENOSPC' : 'EIO',
    });
  }

  private partOf(fault: Fault | undefined): number {
    if (fault === undefined || fault === 'persisted') return 1;
    return fault === 'failed' ? 0 : this.chance();
  }

  sync(inode: Inode, part: number): void {
    if (part === 1) inode.sync();
    else inode.flush(() => this.chance() < part);
  }

  syncDirectory(path: string): void {
    const inside = (name: string): boolean => name.startsWith(`${path}/`);
    for (const name of this.durableNames.keys()) {
      if (inside(name) && !this.names.has(name)) this.durableNames.delete(name);
    }
    for (const [name, inode] of this.names) if (inside(name)) this.durableNames.set(name, inode);
  }

  inode(path: string): Inode {
    const inode = this.names.get(path);
    if (inode === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
    return inode;
  }

  has(path: string): boolean {
    return this.names.has(path);
  }

  name(path: string, inode: Inode): void {
    this.names.set(path, inode);
  }

  unname(path: string): void {
    this.inode(path);
    this.names.delete(path);
  }
}

class SessionDisk implements Disk {
  private readonly disk: SimulatedDisk;
  private readonly session: number;

  constructor(disk: SimulatedDisk, session: number) {
    this.disk = disk;
    this.session = session;
  }

  async open(path: string, mode: OpenMode, permissions = 0o600): Promise<DiskFile> {
    const { disk } = this;
    const isNew = mode !== 'read' && !disk.has(path);
    return this.run(isNew ? 'open' : 'read', path, (part) => {
      if (mode === 'create' && !isNew) throw Object.assign(new Error(path), { code: 'EEXIST' });
      if (isNew && part > 0) disk.name(path, new Inode(permissions));
      return this.file(path, part > 0 ? disk.inode(path) : new Inode(permissions));
    });
  }

  async readFile(path: string): Promise<Buffer> {
    return this.run('read', path, () => this.disk.contents(path));
  }

  async replaceFile(
    path: string,
    contents: Uint8Array | string,
    permissions = 0o600,
  ): Promise<void> {
    await this.run('replace', path, (part) => {
      if (part < 0.5) return;
      const inode = new Inode(permissions);
      inode.write(Buffer.from(contents as Uint8Array));
      inode.sync();
      this.disk.name(path, inode);
      if (part === 1) this.disk.syncDirectory(path.slice(0, path.lastIndexOf('/')));
    });
  }

  async rename(from: string, to: string): Promise<void> {
    await this.run('rename', from, (part) => {
      if (part < 0.5) return;
      const inode = this.disk.inode(from);
      this.disk.unname(from);
      this.disk.name(to, inode);
    });
  }

  async unlink(path: string): Promise<void> {
    await this.run('unlink', path, (part) => {
      if (part >= 0.5) this.disk.unname(path);
    });
  }

  async removeTree(path: string): Promise<void> {
    for (const name of this.disk.files()) {
      if (name === path || name.startsWith(`${path}/`)) await this.unlink(name);
    }
  }

  async list(path: string): Promise<DirectoryEntry[]> {
    const names = this.disk.files().filter((name) => name.startsWith(`${path}/`));
    return this.run('read', path, () =>
      names.map((name) => ({ name: name.slice(path.length + 1), kind: 'file' as const })),
    );
  }

  async makeDirectory(): Promise<void> {
    return Promise.resolve();
  }

  async syncDirectory(path: string): Promise<void> {
    await this.run('syncDirectory', path, (part) => {
      if (part >= 0.5) this.disk.syncDirectory(path);
    });
  }

  async status(path: string): Promise<FileStatus | undefined> {
    return this.run('read', path, () => {
      if (!this.disk.has(path)) return undefined;
      const sizeBytes = this.disk.inode(path).cache.length;
      return { kind: 'file', sizeBytes, modifiedMs: 0, inode: 0n };
    });
  }

  async space(): Promise<DiskSpace> {
    return Promise.resolve({ freeBytes: 2 ** 40, totalBytes: 2 ** 41 });
  }

  private run<T>(
    operation: DiskOperation | 'read',
    path: string,
    act: (part: number) => T,
  ): Promise<T> {
    return this.disk.run(this.session, operation, path, act);
  }

  private file(path: string, inode: Inode): DiskFile {
    return {
      path,
      append: (chunks) =>
        this.run('write', path, (part) => {
          const bytes = Buffer.concat(chunks);
          inode.write(bytes.subarray(0, Math.round(bytes.length * part)));
        }),
      syncData: () => this.run('sync', path, (part) => this.disk.sync(inode, part)),
      read: (into, position) =>
        this.run('read', path, () =>
          inode.cache.subarray(position, position + into.length).copy(into),
        ),
      sizeBytes: () => this.run('read', path, () => inode.cache.length),
      truncate: (sizeBytes) =>
        this.run('truncate', path, (part) => {
          if (part >= 0.5) inode.truncate(sizeBytes);
        }),
      close: () => this.run('read', path, () => undefined),
    };
  }
}
