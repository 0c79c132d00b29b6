import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { LIMITS } from '../src/model/limits.ts';
import { systemClock } from '../src/platform/clock.ts';
import { systemDisk } from '../src/platform/disk.ts';
import { silentLog } from '../src/platform/log.ts';
import { coreCount } from '../src/platform/processes.ts';
import { systemRandom } from '../src/platform/random.ts';
import { diskName } from '../src/storage/engine/config.ts';
import { startEngineProcess, type EngineProcess } from '../src/storage/engine/engine-process.ts';
import {
  bucketStatement,
  INSERT_COLUMNS,
  loadMigrations,
  newestBucket,
  onceStatement,
} from '../src/storage/engine/schema.ts';
import { testKeyring } from '../src/storage/engine/testing.ts';

/**
 * The engine alone, started as the server starts it, with the server's table on an encrypted disk,
 * and nothing of the server in front: what others would have who write into ClickHouse themselves.
 */
export interface DirectEngine {
  readonly pid: number;
  /** Bytes of the table's disk. */
  readonly directory: string;
  /** One insert in the given format; resolves when the engine has it durably. */
  insert(format: string, body: Iterable<Uint8Array>): Promise<void>;
  rows(): Promise<number>;
  /** Merges everything into one part, with files for each column however small it is. */
  merge(): Promise<void>;
  stop(): Promise<void>;
}

const TABLE = 'logs_direct';
/** We are the only ones to know it, for as long as the engine runs. */
const PASSWORD = systemRandom.hex(24);

/** What the server sends with its inserts (storage/engine/delivery.ts), for blocks of any size. */
const SETTINGS = {
  min_insert_block_size_rows: 4 * LIMITS.insertRows,
  min_insert_block_size_bytes: 4 * LIMITS.insertBytes,
  max_partitions_per_insert_block: 0,
  input_format_parallel_parsing: 0,
  insert_deduplicate: 0,
  async_insert: 0,
  wait_end_of_query: 1,
};

export const startDirectEngine = async (below: string): Promise<DirectEngine> => {
  const temporary = mkdtempSync(join(below, 'engine-'));
  const memoryBytes = LIMITS.engineMemoryBytes;
  const engine = await startEngineProcess(
    {
      dataDirectory: temporary,
      keyring: testKeyring,
      clock: systemClock,
      disk: systemDisk,
      log: silentLog,
      random: { ...systemRandom, hex: () => PASSWORD },
    },
    LIMITS.spareDisks,
    {
      memoryBytes,
      threads: coreCount(),
      readSeconds: LIMITS.readSeconds,
      readMemoryBytes: LIMITS.readMemoryBytes,
    },
  );
  await createTable(engine);
  return {
    pid: engine.processId,
    directory: join(temporary, 'engine'),
    insert: (format, body) => insert(engine.port, format, body),
    rows: async () => {
      const [row] = await engine.writer.rows(`SELECT count() FROM meshtrail.${TABLE}`);
      return Number(row?.[0]);
    },
    merge: async () => {
      const alter = `ALTER TABLE meshtrail.${TABLE} MODIFY SETTING min_bytes_for_wide_part = 0`;
      await engine.writer.command(alter);
      await engine.writer.command(`OPTIMIZE TABLE meshtrail.${TABLE} FINAL`);
    },
    stop: async () => {
      await engine.kill();
      rmSync(temporary, { recursive: true, force: true });
    },
  };
};

const createTable = async ({ writer }: EngineProcess): Promise<void> => {
  const disk = `disk = '${diskName(1)}',`;
  const terms = { table: TABLE, signal: 'logs', tenant: 'default', disk } as const;
  const migrations = await loadMigrations(systemDisk);
  for (const statement of migrations.flatMap(({ once }) => once)) {
    await writer.command(onceStatement(statement));
  }
  for (const statement of newestBucket(migrations)) {
    await writer.command(bucketStatement(statement, terms));
  }
};

const insert = (port: number, format: string, body: Iterable<Uint8Array>): Promise<void> => {
  const query = `INSERT INTO meshtrail.${TABLE} (${INSERT_COLUMNS.logs}) FORMAT ${format}`;
  const search = new URLSearchParams({ query });
  for (const [name, value] of Object.entries(SETTINGS)) search.set(name, String(value));
  return new Promise((resolve, reject) => {
    const out = request(
      `http://127.0.0.1:${port}/?${search.toString()}`,
      { method: 'POST', auth: `writer:${PASSWORD}` },
      (answer) => {
        let said = '';
        answer.setEncoding('utf8').on('data', (part: string) => (said += part));
        answer.once('end', () => {
          if (answer.statusCode === 200) resolve();
          else reject(new Error(`the engine refused an insert: ${said.slice(0, 500)}`));
        });
      },
    );
    out.once('error', reject);
    Readable.from(body, { objectMode: false }).pipe(out);
  });
};
