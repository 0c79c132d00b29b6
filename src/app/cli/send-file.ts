import { createHash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { mkdir, open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createGunzip, type Gunzip } from 'node:zlib';
import { MeshtrailError } from '../../model/errors.ts';
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

const problem = (file: string, error: unknown): MeshtrailError =>
  new MeshtrailError(
    'file_unreadable',
    `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    'check the path and its permissions',
  );

const fingerprint = async (file: string, status: Stats): Promise<string> => {
  const handle = await open(file, 'r');
  try {
    const head = Buffer.alloc(Math.min(FINGERPRINT_BYTES, status.size));
    await handle.read(head, 0, head.length, 0);
    // A file that grows keeps its first line; anything after it may still come.
    const line = head.indexOf(10);
    return createHash('sha256')
      .update(line < 0 ? head : head.subarray(0, line + 1))
      .digest('hex');
  } finally {
    await handle.close();
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
  let status: Stats;
  let mark: string;
  try {
    status = await stat(file);
    if (!status.isFile()) throw new Error('not a file');
    mark = await fingerprint(file, status);
  } catch (error) {
    throw problem(file, error);
  }
  const packed = file.endsWith('.gz');
  return {
    name: basename(file),
    sizeBytes: status.size,
    packed,
    identity: `${resolve(file)}\n${mark}`,
    chunks: (skip) => (packed ? skipped(unpack(file), skip) : plain(file, skip)),
  };
};

const plain = (file: string, skip: number): AsyncIterable<Buffer> =>
  createReadStream(file, { start: skip, highWaterMark: 262_144 }) as AsyncIterable<Buffer>;

const unpack = (file: string): Gunzip => {
  const gunzip = createGunzip();
  const stream = createReadStream(file, { highWaterMark: 262_144 });
  stream.on('error', (error) => gunzip.destroy(error));
  return stream.pipe(gunzip);
};

async function* skipped(chunks: AsyncIterable<Buffer>, skip: number): AsyncIterable<Buffer> {
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
    const base = systemEnvironment.get('XDG_STATE_HOME') ?? join(homedir(), '.local', 'state');
    const name = createHash('sha256').update(`${server}\n${identity}`).digest('hex').slice(0, 32);
    this.file = join(base, 'meshtrail', 'send', `${name}.json`);
  }

  /** Bytes of content that the server has acknowledged. */
  async read(): Promise<number> {
    if (this.file === undefined) return 0;
    try {
      const held = JSON.parse(await readFile(this.file, 'utf8')) as { offset?: unknown };
      return typeof held.offset === 'number' && held.offset >= 0 ? held.offset : 0;
    } catch {
      return 0;
    }
  }

  async write(offset: number): Promise<void> {
    if (this.file === undefined) return;
    await mkdir(join(this.file, '..'), { recursive: true, mode: 0o700 });
    await writeFile(`${this.file}.new`, `${JSON.stringify({ offset })}\n`, { mode: 0o600 });
    await rename(`${this.file}.new`, this.file);
  }
}
