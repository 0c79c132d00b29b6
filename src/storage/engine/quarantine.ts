import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import { MeshtrailError } from '../../model/errors.ts';
import type { Bucket, Keyring } from '../../model/storage.ts';
import type { Disk } from '../../platform/disk.ts';
import type { Random } from '../../platform/random.ts';

/** Rows that the engine refuses for what they hold. */
export interface RefusedRows {
  readonly bucket: Bucket;
  readonly lane: string;
  /** Rows `seq` to `seq + rows - 1` of the lane. */
  readonly seq: number;
  readonly rows: number;
  readonly columns: number;
  /** Native columns as in `Batch.data`. */
  readonly data: Uint8Array;
  /** The engine's error number, or what was wrong with the bytes. */
  readonly reason: string;
}

export interface QuarantineSink {
  /** Keeps the rows; resolves once they are durable. Keeping them again changes nothing. */
  keep(rows: RefusedRows): Promise<void>;
}

const MAGIC = Buffer.from('MTQ1', 'latin1');
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface QuarantineOptions {
  readonly directory: string;
  readonly keyring: Keyring;
  readonly disk: Disk;
  readonly random: Random;
}

/**
 * Keeps refused rows as files, `<table>/<lane's hash>-<seq>.rows`, encrypted with AES-256-GCM under
 * a key derived from the bucket's, so that destroying the bucket's key destroys them too.
 * Form: `MTQ1`, length of the header (u32, little-endian), header (JSON), nonce, ciphertext, tag;
 * everything before the nonce is authenticated.
 */
export function createQuarantine(options: QuarantineOptions): QuarantineSink {
  const { directory, disk, random, keyring } = options;
  return {
    async keep(rows) {
      const { bucket, lane, seq } = rows;
      const folder = `${directory}/${bucket.table}`;
      await disk.makeDirectory(folder);
      await disk.syncDirectory(directory);
      const head = headerOf(rows);
      const nonce = random.bytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', await keyOf(keyring, bucket), nonce);
      cipher.setAAD(head);
      const body = [cipher.update(rows.data), cipher.final(), cipher.getAuthTag()];
      const laneHash = createHash('sha256').update(lane).digest('hex').slice(0, 16);
      const path = `${folder}/${laneHash}-${seq}.rows`;
      await disk.replaceFile(path, Buffer.concat([head, nonce, ...body]));
    },
  };
}

function headerOf(rows: RefusedRows): Buffer {
  const { bucket, lane, seq, columns, reason } = rows;
  const header = { bucket: bucket.id, lane, seq, rows: rows.rows, columns, reason };
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const size = Buffer.alloc(4);
  size.writeUInt32LE(json.length);
  return Buffer.concat([MAGIC, size, json]);
}

/** Opens a file of the quarantine. Throws `quarantine_damaged`. */
export async function readQuarantined(
  file: Buffer,
  bucket: Bucket,
  keyring: Keyring,
): Promise<RefusedRows> {
  try {
    const headEnd = MAGIC.length + 4 + file.readUInt32LE(MAGIC.length);
    const head = file.subarray(0, headEnd);
    const nonce = file.subarray(headEnd, headEnd + NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', await keyOf(keyring, bucket), nonce);
    decipher.setAAD(head);
    decipher.setAuthTag(file.subarray(file.length - TAG_BYTES));
    const sealed = file.subarray(headEnd + NONCE_BYTES, file.length - TAG_BYTES);
    const data = Buffer.concat([decipher.update(sealed), decipher.final()]);
    const header = JSON.parse(head.subarray(MAGIC.length + 4).toString('utf8')) as Header;
    return { ...header, bucket, data };
  } catch (error) {
    throw new MeshtrailError(
      'quarantine_damaged',
      'the file is damaged or its key is another',
      '',
      {
        cause: error,
      },
    );
  }
}

type Header = Omit<RefusedRows, 'bucket' | 'data'>;

async function keyOf(keyring: Keyring, bucket: Bucket): Promise<Buffer> {
  const key = await keyring.dataKey(bucket.disk);
  return Buffer.from(hkdfSync('sha256', key, '', 'meshtrail quarantine', 32));
}
