import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NumberedBatch } from '../../model/storage.ts';
import { systemClock } from '../../platform/clock.ts';
import { systemDisk } from '../../platform/disk.ts';
import { silentLog } from '../../platform/log.ts';
import { systemRandom } from '../../platform/random.ts';
import { createClusterEngine } from './cluster.ts';
import { renderEngineFiles } from './config.ts';
import type { Engine } from './engine.ts';
import { engineLibrary } from './library.ts';
import { batchOfLines, numberedLines } from './test-batches.ts';
import { numberBatch, testKeyring } from './testing.ts';

/** A ClickHouse server that is not ours: another directory, no disks of ours, a port. */
class Server26 {
  readonly directory: string;
  private child: ChildProcess | undefined;

  constructor(directory: string, port: number) {
    this.directory = directory;
    mkdirSync(directory, { recursive: true });
    const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
    const { configXml, usersXml } = renderEngineFiles({
      directory,
      port,
      disks: 0,
      writerPasswordHash: hash('writer-password'),
      readerPasswordHash: hash('reader-password'),
      limits: { memoryBytes: 6e8, threads: 2, readSeconds: 10, readMemoryBytes: 2e8 },
    });
    writeFileSync(`${directory}/config.xml`, configXml);
    writeFileSync(`${directory}/users.xml`, usersXml);
  }

  start(): void {
    const child = fileURLToPath(new URL('./child.ts', import.meta.url));
    const words = [child, engineLibrary(), `${this.directory}/config.xml`, this.directory];
    this.child = spawn(process.execPath, words, { stdio: ['pipe', 'ignore', 'inherit'] });
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}

/** What stands between us and the server, and can lose an answer. */
class Proxy {
  /** How many answers to inserts are still to be lost, after the server has done the work. */
  losses = 0;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  constructor(port: number) {
    this.server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      let inserting = false;
      near.on('data', (chunk) => {
        if (chunk.includes('POST /')) inserting = chunk.includes('query=INSERT');
        far.write(chunk);
      });
      far.on('data', (chunk) => {
        if (inserting && this.losses > 0) {
          this.losses -= 1;
          near.destroy();
          far.destroy();
        } else near.write(chunk);
      });
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.sockets.add(one);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          this.sockets.delete(one);
          other.destroy();
        });
      }
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => void this.server.listen(0, '127.0.0.1', resolve));
    return this.port;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

let directory: string;
let server: Server26;
let proxy: Proxy;
let engine: Engine;
let released: NumberedBatch[];

function engineAt(url: string, passwordFile = `${directory}/writer`): Engine {
  return createClusterEngine({
    url,
    user: 'writer',
    passwordFile,
    readerUser: 'reader',
    readerPasswordFile: `${directory}/reader`,
    dataDirectory: directory,
    keyring: testKeyring,
    release: { release: (batch) => void released.push(batch) },
    clock: systemClock,
    disk: systemDisk,
    log: silentLog,
    random: systemRandom,
  });
}

async function startPatiently(start: () => Engine): Promise<Engine> {
  for (let tries = 100; ; tries--) {
    const engine = start();
    try {
      await engine.start();
      return engine;
    } catch (error) {
      await engine.stop();
      if (tries === 0) throw error;
      await systemClock.sleep(100);
    }
  }
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'meshtrail-cluster-'));
  released = [];
  writeFileSync(`${directory}/writer`, 'writer-password\n');
  writeFileSync(`${directory}/reader`, 'reader-password');
  const port = await freePort();
  server = new Server26(`${directory}/server`, port);
  server.start();
  proxy = new Proxy(port);
  const url = `http://127.0.0.1:${await proxy.listen()}`;
  engine = await startPatiently(() => engineAt(url));
});

afterEach(async () => {
  await engine.stop();
  await proxy.close();
  await server.kill();
  rmSync(directory, { recursive: true, force: true });
});

function enqueue(lines: readonly string[], seq: number): NumberedBatch {
  const batch = batchOfLines(lines);
  const bucket = engine.catalog.bucketFor(batch.tenant, 'default', batch.observedNs);
  const numbered = numberBatch(batch, bucket, seq);
  engine.writer.enqueue(numbered);
  return numbered;
}

const untilReleased = async (count: number): Promise<void> => {
  while (released.length < count) await systemClock.sleep(20);
};

const held = (): Promise<unknown[][]> =>
  engine.reader.rows('SELECT count(), uniqExact(seq), max(seq) FROM meshtrail.logs');

test('the same tables, rows and reader at a server by URL', async () => {
  enqueue(['a\n\nb\0', "'; DROP"], 0);
  await untilReleased(1);
  expect(engine.version).toMatch(/^26\./);
  const rows = await engine.reader.rows('SELECT body, tenant FROM meshtrail.logs ORDER BY seq');
  expect(rows).toEqual([
    ['a\n\nb\0', 'acme'],
    ["'; DROP", 'acme'],
  ]);
});

test('an insert that was stored and not confirmed is not stored again', async () => {
  enqueue(['first'], 0);
  await untilReleased(1);
  proxy.losses = 2;
  for (let batch = 0; batch < 4; batch++) {
    enqueue(numberedLines('row', 500), 1 + 500 * batch);
    await systemClock.sleep(400);
  }
  await untilReleased(5);
  expect(proxy.losses).toBe(0);
  expect(await held()).toEqual([['2001', '2001', '2000']]);
  expect(engine.counters.retries).toBeGreaterThanOrEqual(2);
});

test('a server that goes away and comes back has every row once; reads wait', async () => {
  enqueue(numberedLines('row', 100), 0);
  await untilReleased(1);
  for (let kill = 0; kill < 3; kill++) {
    const killed = server.kill();
    for (let batch = 0; batch < 10; batch++) {
      enqueue(numberedLines('row', 100), 100 + 1_000 * kill + 100 * batch);
    }
    await killed;
    server.start();
  }
  await untilReleased(31);
  expect(await held()).toEqual([['3100', '3100', '3099']]);
});

/** Another engine on the same server, with these options instead of the usual ones. */
function other(options: { passwordFile: string }): Engine {
  mkdirSync(`${directory}/other`);
  return createClusterEngine({
    url: `http://127.0.0.1:${proxy.port}`,
    user: 'writer',
    dataDirectory: `${directory}/other`,
    keyring: testKeyring,
    release: { release: () => undefined },
    clock: systemClock,
    disk: systemDisk,
    log: silentLog,
    random: systemRandom,
    ...options,
  });
}

test('without a reading user the writing one reads, and can do no more than that', async () => {
  enqueue(['one'], 0);
  await untilReleased(1);
  const engine = other({ passwordFile: `${directory}/writer` });
  await engine.start();
  const sql = 'SELECT body, toUInt64(18446744073709551615) FROM meshtrail.logs';
  const settings = { max_threads: 1 };
  expect(await engine.reader.rows(sql, { settings })).toEqual([['one', '18446744073709551615']]);
  for (const statement of ['DROP TABLE meshtrail.logs', 'SYSTEM STOP MERGES meshtrail.logs']) {
    await expect(engine.reader.rows(statement)).rejects.toMatchObject({ code: 'query_failed' });
  }
  await engine.stop();
});

test('a wrong password is said at the start', async () => {
  writeFileSync(`${directory}/wrong`, 'x');
  const engine = other({ passwordFile: `${directory}/wrong` });
  await expect(engine.start()).rejects.toThrow(/Authentication failed/);
  await engine.stop();
});
