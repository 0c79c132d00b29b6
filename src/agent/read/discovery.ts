import { LIMITS } from '../../model/limits.ts';
import { errorCode, isMissing, type Disk } from '../../platform/disk.ts';
import { lookAt } from '../../platform/followed-file.ts';
import { readGlobs, type Glob } from './glob.ts';

/**
 * Finds files by their patterns. A folder is listed again only where its own time of change moved:
 * that costs three microseconds a folder, works on every file system, and, unlike watching, costs
 * nothing while the files in it are written. (Watching tells of each write too.) A change within
 * the clock's tick of a listing would be missed, so folders changed lately are listed once more.
 */
export class Discovery {
  /** Folders that could not be read, by the system's name for why. */
  readonly troubles = new Map<string, number>();
  private readonly include: readonly Glob[];
  private readonly exclude: readonly Glob[];
  private readonly disk: Disk;
  private readonly nowMs: () => number;
  private readonly folders = new Map<string, Folder>();

  constructor(
    options: { readonly include: readonly string[]; readonly exclude: readonly string[] },
    disk: Disk,
    nowMs: () => number,
  ) {
    this.include = options.include.flatMap(readGlobs);
    this.exclude = options.exclude.flatMap(readGlobs);
    this.disk = disk;
    this.nowMs = nowMs;
  }

  /** Every path that matches now; never rejects. */
  async find(): Promise<Set<string>> {
    const found = new Set<string>();
    const seen = new Set<string>();
    for (const glob of this.include) await this.walk(glob, glob.folder, 0, found, seen);
    for (const path of this.folders.keys()) if (!seen.has(path)) this.folders.delete(path);
    return found;
  }

  private async walk(
    glob: Glob,
    path: string,
    depth: number,
    found: Set<string>,
    seen: Set<string>,
  ): Promise<void> {
    if (seen.size >= LIMITS.agentFolders || depth > LIMITS.agentFolderDepth) return;
    const folder = await this.folderAt(path, seen);
    if (folder === undefined) return;
    const prefix = path === '/' ? '/' : `${path}/`;
    for (const name of folder.files) {
      const file = prefix + name;
      if (found.size >= LIMITS.agentFiles) return;
      if (glob.matches(file) && !this.exclude.some((one) => one.matches(file))) found.add(file);
    }
    if (depth >= glob.depth) return;
    for (const name of folder.folders) {
      const below = prefix + name;
      if (glob.mayHold(below)) await this.walk(glob, below, depth + 1, found, seen);
    }
  }

  private async folderAt(path: string, seen: Set<string>): Promise<Folder | undefined> {
    const known = this.folders.get(path);
    if (seen.has(path)) return known;
    seen.add(path);
    try {
      const look = lookAt(path);
      if (look?.isDirectory !== true) {
        this.folders.delete(path);
        return undefined;
      }
      const isFresh = known?.modifiedMs === look.modifiedMs && known.identity === look.identity;
      if (isFresh && known.listedMs - look.modifiedMs > SURE_MS) return known;
      const folder = await this.list(path, look.identity, look.modifiedMs);
      this.folders.set(path, folder);
      return folder;
    } catch (error) {
      this.folders.delete(path);
      // It went while we looked, which is nobody's trouble.
      if (isMissing(error)) return undefined;
      const code = errorCode(error) ?? 'unknown';
      this.troubles.set(code, (this.troubles.get(code) ?? 0) + 1);
      return undefined;
    }
  }

  private async list(path: string, identity: string, modifiedMs: number): Promise<Folder> {
    const listedMs = this.nowMs();
    const folder: Folder = { identity, modifiedMs, listedMs, files: [], folders: [] };
    for (const { name, kind } of await this.disk.list(path)) {
      if (kind === 'file') folder.files.push(name);
      else if (kind === 'directory') folder.folders.push(name);
      // Links, mostly: kubelet's are to files, and some hosts link folders of logs.
      else if (isFolder(`${path}/${name}`)) folder.folders.push(name);
      else folder.files.push(name);
    }
    folder.files.sort();
    return folder;
  }
}

interface Folder {
  readonly identity: string;
  readonly modifiedMs: number;
  readonly listedMs: number;
  readonly files: string[];
  readonly folders: string[];
}

/** Far above any file system's tick. */
const SURE_MS = 2_000;

const isFolder = (path: string): boolean => {
  try {
    return lookAt(path)?.isDirectory === true;
  } catch {
    return false;
  }
};
