import { createHash } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { MeshtrailError } from '../../model/errors.ts';
import { systemDisk, type FileStatus } from '../../platform/disk.ts';
import { systemEnvironment } from '../../platform/environment.ts';
import { standardInput } from '../../platform/processes.ts';

/** Reading a file of lines, and remembering how much of it a server has. */
export interface Source {
  readonly name: string;
  /** Size in bytes as read from disk; undefined for standard input. */
  readonly sizeBytes: number | undefined;
  /** Where the bytes come from, after `skip` bytes of content. */
  chunks(skip: number): AsyncIterable<Buffer>;
  /** Fingerprint for resuming; undefined where resuming is impossible. */
  readonly identity: string | undefined;
  readonly packed: boolean;
}

/** Content by which a file is known again, bytes from its start. */
const FINGERPRINT_BYTES = 4_096;
const READ_BYTES = 262_144;

const problem = (file: string, error: unknown): MeshtrailError =>
  new MeshtrailError(
    'file_unreadable',
    `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    'check the path and its permissions',
  );

const fingerprint = async (path: string, status: FileStatus): Promise<string> => {
  const file = await systemDisk.open(path, 'read');
  try {
    const head = Buffer.alloc(Math.min(FINGERPRINT_BYTES, status.sizeBytes));
    await file.read(head, 0);
    // A file that grows keeps its first line; anything after it may still come.
    const line = head.indexOf(10);
    const known = line < 0 ? head : head.subarray(0, line + 1);
    return createHash('sha256').update(known).digest('hex');
  } finally {
    await file.close();
  }
};

export const openSource = async (file: string): Promise<Source> => {
  if (file === '-') {
    return {
      name: 'stdin',
      sizeBytes: undefined,
      identity: undefined,
      packed: false,
      chunks: () => standardInput() as AsyncIterable<Buffer>,
    };
  }
  let status: FileStatus | undefined;
  let mark: string;
  try {
    status = await systemDisk.status(file);
    if (status === undefined) throw new Error('there is no such file');
    if (status.kind !== 'file') throw new Error('it is not a file');
    mark = await fingerprint(file, status);
  } catch (error) {
    throw problem(file, error);
  }
  const packed = file.endsWith('.gz');
  return {
    name: basename(file),
    sizeBytes: status.sizeBytes,
    packed,
    identity: `${resolve(file)}\n${mark}`,
    chunks: (skip) => (packed ? skipped(unpack(file), skip) : plain(file, skip)),
  };
};

async function* plain(path: string, skip: number): AsyncGenerator<Buffer, void, undefined> {
  const file = await systemDisk.open(path, 'read');
  try {
    for (let position = skip; ;) {
      const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
      const count = await file.read(buffer, position);
      if (count === 0) return;
      yield buffer.subarray(0, count);
      position += count;
    }
  } finally {
    await file.close();
  }
}

async function* unpack(path: string): AsyncGenerator<Buffer, void, undefined> {
  const gunzip = createGunzip();
  const packed = Readable.from(plain(path, 0));
  packed.on('error', (error) => gunzip.destroy(error));
  try {
    yield* packed.pipe(gunzip) as AsyncIterable<Buffer>;
  } catch (error) {
    throw problem(path, error);
  }
}

async function* skipped(
  chunks: AsyncIterable<Buffer>,
  skip: number,
): AsyncGenerator<Buffer, void, undefined> {
  let left = skip;
  for await (const chunk of chunks) {
    if (left >= chunk.length) {
      left -= chunk.length;
      continue;
    }
    yield left > 0 ? chunk.subarray(left) : chunk;
    left = 0;
  }
}

/** How far a server has a file: one small file for each pair, under the user's state directory. */
export class Progress {
  private readonly file: string | undefined;

  constructor(identity: string | undefined, server: string) {
    if (identity === undefined) return;
    const home = systemEnvironment.get('HOME') ?? '.';
    const base = systemEnvironment.get('XDG_STATE_HOME') ?? join(home, '.local', 'state');
    const name = createHash('sha256').update(`${server}\n${identity}`).digest('hex').slice(0, 32);
    this.file = join(base, 'meshtrail', 'send', `${name}.json`);
  }

  /** Bytes of content that the server has acknowledged. */
  async read(): Promise<number> {
    if (this.file === undefined) return 0;
    try {
      const text = (await systemDisk.readFile(this.file)).toString('utf8');
      const held = JSON.parse(text) as { offset?: unknown };
      return typeof held.offset === 'number' && held.offset >= 0 ? held.offset : 0;
    } catch {
      return 0;
    }
  }

  async write(offset: number): Promise<void> {
    if (this.file === undefined) return;
    await systemDisk.makeDirectory(join(this.file, '..'));
    await systemDisk.replaceFile(this.file, `${JSON.stringify({ offset })}\n`);
  }
}
