import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { burstAt } from './bursts.ts';
import { US_PER_SECOND } from './stamp.ts';

/** The command as a person starts it: what it prints is true, and it leaves nothing behind. */
const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');
const PROGRAM = join(ROOT, 'bin/meshtrail.js');
const START_MS = 120_000;
const STOP_MS = 10_000;

const directory = mkdtempSync(join(tmpdir(), 'meshtrail-demo-test-'));
const temporary = join(directory, 'tmp');
let child: ChildProcess;
let printed = '';
let errors = '';

/** A seed whose bursts are far: what is bought in one breaks off before the last platform. */
const quietSeed = (): number => {
  const nowUs = Date.now() * 1000;
  for (let seed = 1; ; seed++) {
    const times = [-180, -120, -60, 0, 60, 120].map((seconds) => nowUs + seconds * US_PER_SECOND);
    if (times.every((timeUs) => burstAt(seed, timeUs) === undefined)) return seed;
  }
};

beforeAll(async () => {
  const config = join(directory, 'meshtrail.yaml');
  writeFileSync(config, 'ports: {syslog: 0, elasticsearch: off, loki: off, otlp-http: off}\n');
  const shop = ['--minutes', '1', '--rate', '12', '--seed', String(quietSeed())];
  const place = ['--listen', '127.0.0.1:0', '--config', config];
  child = spawn(process.execPath, [PROGRAM, 'demo', ...shop, ...place], {
    env: { ...process.env, TMPDIR: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout?.on('data', (bytes: Buffer) => (printed += bytes.toString()));
  child.stderr?.on('data', (bytes: Buffer) => (errors += bytes.toString()));
  // Up to the last line of its start, or its end.
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', () => {
      if (printed.includes('Ctrl-C')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${printed}${errors}`)));
  });
}, START_MS);

afterAll(() => {
  child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

const commands = (): string[] => printed.split('\n').filter((line) => line.startsWith('npx '));

/** Runs a printed command in a shell, with this checkout's program for `npx meshtrail`. */
const ask = async (command: string): Promise<string> => {
  const program = `'${process.execPath}' '${PROGRAM}'`;
  const words = command.replace('npx meshtrail', program);
  return (await run('sh', ['-c', words], { maxBuffer: 2 ** 26 })).stdout;
};

describe('npm run demo', () => {
  it('says where it is and how much history it has', () => {
    expect(printed).toMatch(/^address {4}http:\/\/127\.0\.0\.1:\d+$/m);
    const [, count] = /^history {4}([\d,]+) records of the last 1 minutes/m.exec(printed) ?? [];
    expect(Number(count?.replaceAll(',', ''))).toBeGreaterThan(300);
    expect(printed).not.toContain('refused');
    expect(printed).not.toContain('left out');
    expect(commands()).toHaveLength(3);
  });

  it('offers a query that follows a purchase through every platform', async () => {
    const lines = (await ask(commands()[0] as string)).trim().split('\n').slice(1);
    expect(lines.length).toBeGreaterThan(12);
    for (const service of ['storefront', 'checkout', 'catalog', 'payments', 'ledger']) {
      expect(
        lines.some((line) => line.split(/\s+/)[1] === service),
        service,
      ).toBe(true);
    }
  });

  it('offers a query that counts server errors by service', async () => {
    const table = await ask(commands()[1] as string);
    expect(table).toMatch(/\{service_name="\w+"\}\s+0\.\d+/);
  });

  it('offers a query that finds stack traces', async () => {
    const lines = await ask(commands()[2] as string);
    expect(lines).toMatch(/Traceback|goroutine|\.java:\d+\)|\.js:\d+:\d+/);
  });

  it('offers the same purchase as spans of every service on its way', async () => {
    const trace = /^curl -s (\S+\/api\/v1\/traces\/\S+)$/m.exec(printed)?.[1] ?? '';
    const answer = await fetch(trace);
    expect(answer.status).toBe(200);
    const { spans } = (await answer.json()) as {
      spans: { name: string; parentSpanId?: string; resource: { attributes: object[] } }[];
    };
    expect(spans.length).toBeGreaterThan(5);
    const told = JSON.stringify(spans.map(({ resource }) => resource));
    for (const service of ['storefront', 'checkout', 'payments', 'ledger']) {
      expect(told).toContain(`"${service}"`);
    }
    const roots = spans.filter(({ parentSpanId = '' }) => parentSpanId === '');
    expect(roots).toHaveLength(1);
  });

  it('prints the same for curl', async () => {
    const [, url = ''] = /^address {4}(\S+)$/m.exec(printed) ?? [];
    const curls = printed.split('\n').filter((line) => line.startsWith('curl -sG '));
    expect(curls).toHaveLength(3);
    for (const curl of curls) {
      const [, query = ''] = /--data-urlencode 'query=([^']+)'/.exec(curl) ?? [];
      const parameters = new URLSearchParams({ query });
      for (const [, name = '', value = ''] of curl.matchAll(/ -d (\w+)=(\w+)/g)) {
        parameters.set(name, value);
      }
      const answer = await fetch(`${url}/loki/api/v1/query_range?${parameters.toString()}`);
      const { data } = (await answer.json()) as { data: { result: unknown[] } };
      expect(data.result.length).toBeGreaterThan(0);
    }
  });

  it('goes on live: new lines keep coming', async () => {
    const [, url = ''] = /^address {4}(\S+)$/m.exec(printed) ?? [];
    const startNs = `${Date.now()}000000`;
    const newLines = async (): Promise<number> => {
      const parameters = new URLSearchParams({ query: '{service_name=~".+"}', start: startNs });
      const answer = await fetch(`${url}/loki/api/v1/query_range?${parameters.toString()}`);
      const { data } = (await answer.json()) as { data: { result: { values: unknown[] }[] } };
      return data.result.reduce((sum, { values }) => sum + values.length, 0);
    };
    await expect.poll(newLines, { timeout: 20_000 }).toBeGreaterThan(5);
    const atFirst = await newLines();
    await expect.poll(newLines, { timeout: 20_000 }).toBeGreaterThan(atFirst);
    expect(child.exitCode).toBeNull();
  });

  it(
    'stops at Ctrl-C within seconds and removes its data',
    async () => {
      expect(readdirSync(temporary)).toHaveLength(1);
      child.kill('SIGINT');
      const [code] = (await once(child, 'exit')) as [number | null];
      expect(code).toBe(0);
      expect(readdirSync(temporary)).toEqual([]);
    },
    STOP_MS,
  );

  it('refuses what is no number', async () => {
    const wrong = run(process.execPath, [PROGRAM, 'demo', '--rate', 'fast']);
    await expect(wrong).rejects.toThrow("--rate 'fast' is not a number from 0.1 to 5000");
  });
});
