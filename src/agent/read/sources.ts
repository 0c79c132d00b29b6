import { LIMITS } from '../../model/limits.ts';
import { errorCode } from '../../platform/disk.ts';
import { lookAt, openFollowed, type FileLook } from '../../platform/followed-file.ts';
import type { FollowOptions } from '../input-options.ts';
import type { InputDoors, SourceInfo } from '../input.ts';
import type { Checkpoint, Checkpoints } from './checkpoints.ts';
import { Discovery } from './discovery.ts';
import { fingerprintOf } from './fingerprint.ts';
import { closeFile, type Assembling, type Followed } from './followed.ts';
import { findCheckpoint, findRenamed, isCopy, readHead, type Head } from './identify.ts';
import { readPosition } from './position.ts';
import { count, type Tally } from './reader.ts';

/** What an input makes of a file: who wrote it, and how its bytes become events. */
export interface Described {
  readonly source: Omit<SourceInfo, 'id' | 'input'>;
  readonly assembling: Assembling;
  /** Bytes at the start that are no text: a byte order mark. */
  readonly skipBytes: number;
  /** Not all is known yet: it is asked again. */
  readonly isProvisional?: boolean | undefined;
}

/** `later`: it is asked again at the next look; `never`: the file is not to be read. */
export type Describe = (path: string, head: Pick<Head, 'bytes'>) => Described | 'later' | 'never';

const NO_HEAD = { bytes: Buffer.alloc(0) };

/** The files of one input: finds them, knows which source each is, and forgets those that ended. */
export class Sources {
  readonly followed = new Map<string, Followed>();
  readonly checkpoints: Checkpoints;
  private readonly name: string;
  private readonly options: FollowOptions;
  private readonly doors: InputDoors;
  private readonly describe: Describe;
  private readonly tally: Tally;
  private readonly discovery: Discovery;
  private readonly byPath = new Map<string, string>();
  private readonly byIdentity = new Map<string, Followed>();
  /** Files that were read and are over (packed ones), or are not to be read: by path. */
  private readonly over = new Map<string, string>();
  /** How far sources were emitted that are not followed now; ahead of what was acknowledged. */
  private readonly left = new Map<string, { offset: number; skipping: number }>();
  private readonly provisional = new Set<string>();
  private rounds = 0;

  constructor(
    name: string,
    options: FollowOptions,
    doors: InputDoors,
    checkpoints: Checkpoints,
    describe: Describe,
    tally: Tally,
  ) {
    this.name = name;
    this.options = options;
    this.doors = doors;
    this.checkpoints = checkpoints;
    this.describe = describe;
    this.tally = tally;
    this.discovery = new Discovery(options, doors.disk, () => doors.clock.nowMs());
  }

  /** Looks for new files. Their sources must be saved before they are read. Never rejects. */
  async discover(): Promise<void> {
    const found = await this.discovery.find();
    for (const path of this.over.keys()) if (!found.has(path)) this.over.delete(path);
    for (const path of found) {
      if (!this.byPath.has(path)) await this.tried(path, () => this.begin(path));
    }
    if (this.rounds === 0) await this.findMoved();
    this.describeAgain();
    const nowMs = this.doors.clock.nowMs();
    for (const { checkpoint } of this.followed.values()) checkpoint.seenMs = nowMs;
    if (this.rounds++ % 64 === 0) this.checkpoints.forget((id) => this.followed.has(id));
    for (const [code, times] of this.discovery.troubles) {
      count(this.tally.troubles, 'folder_unreadable', times);
      this.doors.log.warn('a folder of logs cannot be read', { input: this.name, code });
    }
    this.discovery.troubles.clear();
  }

  /** Asks again about sources of which not all was known. */
  private describeAgain(): void {
    for (const id of this.provisional) {
      const one = this.followed.get(id);
      const described = one === undefined ? 'never' : this.describe(one.checkpoint.path, NO_HEAD);
      if (described === 'later') continue;
      if (one !== undefined && described !== 'never') {
        if (described.isProvisional === true) continue;
        one.source = { id, input: this.name, ...described.source };
      }
      this.provisional.delete(id);
    }
  }

  /** Opens the file of a source if it is not open; false where its name is another file's now. */
  async open(one: Followed): Promise<boolean> {
    if (one.file !== undefined) return true;
    this.makeRoom();
    const file = await openFollowed(one.path).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (file?.look().identity !== one.checkpoint.identity) {
      file?.close();
      return false;
    }
    one.file = file;
    return true;
  }

  /** Follows a source at another path: it was renamed, or this is a copy of it. */
  move(one: Followed, path: string, identity: string): void {
    this.release(one);
    closeFile(one);
    one.path = path;
    this.byIdentity.delete(one.checkpoint.identity);
    this.byIdentity.set(identity, one);
    one.checkpoint.identity = identity;
    one.detachedMs = this.doors.clock.monotonicMs();
    this.byPath.set(path, one.checkpoint.id);
    this.checkpoints.touch();
  }

  /** Ends following a source; `isOver`: its file stays, and is not looked at again. */
  end(one: Followed, isOver: boolean): void {
    const { id, identity } = one.checkpoint;
    this.release(one);
    closeFile(one);
    this.followed.delete(id);
    if (this.byIdentity.get(identity) === one) this.byIdentity.delete(identity);
    this.left.set(id, { offset: one.offset, skipping: one.state.skipping });
    if (isOver) this.over.set(one.path, identity);
  }

  /** Frees the names of a source for others. */
  release(one: Followed): void {
    for (const path of [one.path, one.checkpoint.path]) {
      if (this.byPath.get(path) === one.checkpoint.id) this.byPath.delete(path);
    }
  }

  private async tried(path: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const code = errorCode(error);
      // It went between being found and being opened.
      if (code === 'ENOENT') return;
      const reason = code === 'EACCES' || code === 'EPERM' ? 'file_unreadable' : 'file_failed';
      if (count(this.tally.troubles, reason) === 1) {
        this.doors.log.warn('a file cannot be read', { input: this.name, path, error });
      }
    }
  }

  private async begin(path: string): Promise<void> {
    const look = lookAt(path);
    if (look?.isFile !== true || look.sizeBytes === 0) return;
    if (this.over.get(path) === look.identity || this.isKnown(path, look)) return;
    const isGzip = path.endsWith('.gz');
    if ((isGzip && !this.options.gzip) || this.isTooOld(look)) return;
    const head = await readHead(path, isGzip);
    if (head === undefined) return;
    const described = this.describe(path, head);
    if (described === 'later') return;
    if (described === 'never') return void this.over.set(path, look.identity);
    const all = this.checkpoints.all.values();
    let checkpoint = findCheckpoint(head, path, all, isGzip);
    const live = checkpoint === undefined ? undefined : this.followed.get(checkpoint.id);
    if (checkpoint !== undefined && live !== undefined) {
      // A copy that is being made: its turn comes when the original was truncated or is gone.
      const isNamesake = live.detachedMs !== undefined && live.path === path;
      if (isGzip || (!isNamesake && (await isCopy(path, live.path, checkpoint)))) return;
      checkpoint = undefined;
    }
    checkpoint ??= this.newCheckpoint(path, head, isGzip, described.skipBytes);
    checkpoint.identity = head.look.identity;
    this.checkpoints.touch();
    this.follow(checkpoint, path, described, isGzip, head.look.sizeBytes);
    if (described.isProvisional === true) this.provisional.add(checkpoint.id);
  }

  /** Another name of a file that is followed: the new one, where it was renamed. */
  private isKnown(path: string, { identity }: FileLook): boolean {
    const one = this.byIdentity.get(identity);
    if (one === undefined) return false;
    if (one.detachedMs === undefined && lookAt(one.path)?.identity === identity) return true;
    this.release(one);
    one.path = path;
    one.detachedMs = undefined;
    this.byPath.set(path, one.checkpoint.id);
    return true;
  }

  private isTooOld({ modifiedMs, identity }: FileLook): boolean {
    const { ignoreOlderMs } = this.options;
    if (ignoreOlderMs === 0 || this.doors.clock.nowMs() - modifiedMs <= ignoreOlderMs) return false;
    for (const one of this.checkpoints.all.values()) if (one.identity === identity) return false;
    return true;
  }

  private newCheckpoint(
    path: string,
    { bytes, size, look }: Head,
    isGzip: boolean,
    skipBytes: number,
  ): Checkpoint {
    const isAtEnd = this.rounds === 0 && this.options.startAt === 'end' && !isGzip;
    const checkpoint: Checkpoint = {
      id: this.doors.random.hex(12),
      path,
      identity: look.identity,
      print: fingerprintOf(bytes, size),
      position: `${isAtEnd ? look.sizeBytes : skipBytes}`,
      seenMs: this.doors.clock.nowMs(),
    };
    this.checkpoints.all.set(checkpoint.id, checkpoint);
    return checkpoint;
  }

  private follow(
    checkpoint: Checkpoint,
    path: string,
    { source, assembling }: Described,
    isGzip: boolean,
    size: number,
  ): void {
    const { id, position } = checkpoint;
    const start = this.left.get(id) ?? readPosition(position) ?? { offset: 0, skipping: 0 };
    this.left.delete(id);
    const nowMs = this.doors.clock.monotonicMs();
    this.byPath.set(path, id);
    const one: Followed = {
      ...{ checkpoint, assembling, isGzip, path, file: undefined, detachedMs: undefined },
      source: { id, input: this.name, ...source },
      ...{ offset: start.offset, readTo: start.offset, state: { skipping: start.skipping } },
      ...{
        size,
        modifiedMs: -1,
        grownMs: nowMs,
        heldOffset: -1,
        heldSinceMs: nowMs,
        wasFlushed: false,
      },
      ...{ nextLookMs: nowMs, pauseMs: 200, isQueued: false, isEnding: false },
    };
    this.followed.set(id, one);
    this.byIdentity.set(checkpoint.identity, one);
  }

  /** Files that were renamed beyond our patterns while nobody looked: their rest is read. */
  private async findMoved(): Promise<void> {
    for (const checkpoint of [...this.checkpoints.all.values()]) {
      if (this.followed.has(checkpoint.id)) continue;
      await this.tried(checkpoint.path, () => this.beginMoved(checkpoint));
    }
  }

  private async beginMoved(checkpoint: Checkpoint): Promise<void> {
    const { path, identity } = checkpoint;
    const renamed = await findRenamed(this.doors.disk, path, identity);
    if (renamed === undefined || this.byPath.has(renamed)) return;
    const head = await readHead(renamed, false);
    if (head === undefined) return;
    const offset = readPosition(checkpoint.position)?.offset ?? 0;
    if (findCheckpoint(head, renamed, [checkpoint], false) === undefined) return;
    if (head.look.sizeBytes <= offset) return;
    const described = this.describe(path, head);
    if (typeof described === 'string') return;
    this.follow(checkpoint, renamed, described, false, head.look.sizeBytes);
    const one = this.followed.get(checkpoint.id);
    if (one !== undefined) one.detachedMs = this.doors.clock.monotonicMs();
  }

  /** Closes the file that has been idle for the longest where too many are open. */
  private makeRoom(): void {
    let open = 0;
    let idle: Followed | undefined;
    for (const one of this.followed.values()) {
      if (one.file === undefined) continue;
      open++;
      if (one.isQueued || one.detachedMs !== undefined || one.readTo > one.offset) continue;
      if (idle === undefined || one.grownMs < idle.grownMs) idle = one;
    }
    if (open >= LIMITS.agentOpenFiles && idle !== undefined) closeFile(idle);
  }
}
