import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { sendNdjson } from '../../sim/carriers.ts';
import { freePort } from '../../sim/round.ts';
import { endServer, eventually, linesOf, post, runServer } from '../../sim/running-server.ts';
import type { RunningServer } from '../../sim/running-server.ts';

/** The program as an operator meets it: flags, files, errors, starting and stopping. */
const PROGRAM = fileURLToPath(new URL('../../bin/meshtrail.js', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'meshtrail-running-'));
const servers: RunningServer[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await endServer(server);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const started = async (options: Parameters<typeof runServer>[0]): Promise<RunningServer> => {
  const server = await runServer(options);
  servers.push(server);
  return server;
};

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the program to its end. */
const meshtrail = (
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> =>
  new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 60_000 };
    execFile(process.execPath, [PROGRAM, ...words], options, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err });
    });
  });

describe('help', () => {
  test.each([[], ['serve'], ['send'], ['query'], ['tail'], ['demo']])('%s', async (...command) => {
    const { code, out } = await meshtrail([...command, '--help']);
    expect(code).toBe(0);
    expect(out).toContain('Examples:');
    expect(out).toContain('meshtrail');
  });

  test('the version', async () => {
    const { out } = await meshtrail(['--version']);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('a start that cannot be says why and what to do', () => {
  const file = join(directory, 'bad.yaml');
  const bad = (yaml: string): string[] => {
    writeFileSync(file, yaml);
    return ['serve', '--config', file];
  };
  test.each([
    ['an unknown command', ['bogus'], "unknown command 'bogus'"],
    ['an unknown flag', ['serve', '--bogus'], "unknown option '--bogus'"],
    ['an address that is none', ['--listen', 'nonsense'], 'for example 127.0.0.1:7280'],
    ['a wide address', ['--listen', '0.0.0.0:0'], 'say --insecure-listen'],
    ['a wide address with --dev', ['--dev', '--listen', '0.0.0.0:0'], 'authentication off'],
    ['a certificate without its key', ['--tls-cert', '/nope'], '--tls-key'],
    ['no certificate', ['--tls-cert', '/nope', '--tls-key', '/nope'], '/nope cannot be read'],
    ['no configuration', ['--config', '/nope'], '/nope cannot be read'],
    ['an address of another machine', ['--listen', '192.0.2.1:1', '--insecure-listen'], 'no such'],
    ['a switch that is none', ['--native-ports', 'maybe'], 'neither on nor off'],
    ['a file for a directory', ['--data', PROGRAM], 'cannot be made'],
    ['a directory that the kernel refuses', ['--data', '/proc/nope'], 'cannot be made'],
    ['a directory that cannot be written', ['--data', '/proc'], 'cannot be written'],
  ])('%s', async (_name, words, expected) => {
    const data = words.includes('--data') ? [] : ['--data', join(directory, 'never')];
    const { code, err } = await meshtrail([...words, ...data]);
    expect(code).toBe(1);
    expect(err).toContain(expected);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test('a bad configuration, with line, column and what is allowed', async () => {
    const { code, err } = await meshtrail(bad('data: x\nports:\n  lokki: 1\n  syslog: x\n'));
    expect(code).toBe(1);
    expect(err).toContain(`${file}:3:3: unknown key 'lokki'; allowed under ports: elasticsearch`);
    expect(err).toContain(`${file}:4:3: ports.syslog: "x" is not allowed: a port is a number`);
  });

  test('a key that is too short', async () => {
    const words = ['--data', join(directory, 'short'), '--listen', '127.0.0.1:0'];
    const { code, err } = await meshtrail(words, { MESHTRAIL_ADMIN_KEY: 'short' });
    expect(code).toBe(1);
    expect(err).toContain('use at least 16');
  });

  test('a certificate that is none', async () => {
    const pem = join(directory, 'none.pem');
    writeFileSync(pem, 'no certificate');
    const words = ['--data', join(directory, 'pem'), '--listen', '127.0.0.1:0'];
    const { code, err } = await meshtrail([...words, '--tls-cert', pem, '--tls-key', pem]);
    expect(code).toBe(1);
    expect(err).toContain('meshtrail: ');
    expect(err).not.toMatch(/\n\s+at /);
  });
});

const occupy = (port: number): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer().listen(port, '127.0.0.1', () => resolve(server));
  });

describe('ports', () => {
  test('a main port that is taken is an error, and no key is kept that nobody saw', async () => {
    const port = await freePort();
    const other = await occupy(port);
    const data = join(directory, 'taken');
    const words = ['--data', data, '--listen', `127.0.0.1:${port}`, '--native-ports', 'off'];
    const { code, err } = await meshtrail(words);
    other.close();
    expect(code).toBe(1);
    expect(err).toContain(`cannot listen on 127.0.0.1:${port}: another program has it`);
    expect(err).toContain('--listen HOST:PORT');
    const server = await started({ data, flags: [] });
    expect(server.process.output).toMatch(/\nadmin key {2}mtk_[A-Za-z0-9_-]{32}\n/);
  });

  test('a native port that is taken is a warning, and one that is off is not opened', async () => {
    const [taken, free] = [await freePort(), await freePort()];
    const other = await occupy(taken);
    const server = new Promise<RunningServer>((resolve, reject) => {
      const yaml = `listen: 127.0.0.1:1`;
      started({ yaml }).then(resolve, reject);
    });
    const { process: running } = await server;
    expect(running.output).not.toContain('warning');
    expect(running.output).not.toContain('listening loki');
    const file = join(directory, 'ports.yaml');
    const ports = `{loki: ${taken}, elasticsearch: ${free}, otlp-http: off, syslog: off}`;
    writeFileSync(file, `ports: ${ports}\nlisten: 127.0.0.1:${await freePort()}\n`);
    const child = spawn(
      process.execPath,
      [PROGRAM, '--dev', '--config', file, '--data', join(directory, 'ports')],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    let output = '';
    child.stdout.on('data', (part: Buffer) => (output += part.toString('utf8')));
    await eventually(
      () => output,
      (text) => text.includes('first line'),
    );
    expect(output).toContain(`warning    loki port ${taken} is not open: another program has it`);
    expect(output).toContain(`listening elasticsearch 127.0.0.1:${free}\n`);
    expect(output).not.toContain('listening syslog');
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(child.exitCode).toBe(0);
    other.close();
  });
});

test('flags win over variables, variables over the file', async () => {
  const data = join(directory, 'precedence');
  const server = await started({
    data,
    yaml: `data: ${join(directory, 'from-file')}\nlisten: 127.0.0.1:1`,
    env: { MESHTRAIL_LISTEN: '127.0.0.1:2', MESHTRAIL_DEV: 'on', MESHTRAIL_NODE: 'from-env' },
    flags: [],
  });
  expect(server.process.output).toContain(`data       ${data}\n`);
  expect(server.process.output).toContain('DEV MODE');
  expect(readdirSync(directory)).not.toContain('from-file');
  await sendNdjson(server, ['{"service":"precedence"}']);
  const query = '{service_name="precedence"} | record | lane="default/default/from-env"';
  expect(await linesOf(server, query)).toHaveLength(1);
});

test('one server to a data directory', async () => {
  const server = await started({});
  const port = await freePort();
  const words = ['--data', server.data, '--listen', `127.0.0.1:${port}`, '--native-ports', 'off'];
  const { code, err } = await meshtrail(['--dev', ...words]);
  expect(code).toBe(1);
  expect(err).toContain('stop the other server');
  expect(err).not.toMatch(/\n\s+at /);
  await sendNdjson(server, ['{"service":"first"}']);
  expect(await linesOf(server, '{service_name="first"}')).toHaveLength(1);
});

describe('the administrator key', () => {
  test('is printed once, kept as a digest and sealed, and still good after a restart', async () => {
    const server = await started({ flags: [] });
    const key = /\nadmin key {2}(\S+)\n/.exec(server.process.output)?.[1] ?? '';
    expect(key).toMatch(/^mtk_.{32}$/);
    for (const name of ['admin-key.sha256', 'admin-key.sealed']) {
      expect(statSync(join(server.data, name)).mode & 0o777).toBe(0o600);
    }
    await server.process.stop();
    await server.process.start();
    expect(server.process.output).not.toContain('admin key');
    const ask = (secret: string): Promise<Response> =>
      fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${secret}` } });
    expect((await ask(key)).status).toBe(200);
    expect((await ask(`${key}x`)).status).toBe(401);
    await server.process.stop();
    for (const name of readdirSync(server.data, { recursive: true, encoding: 'utf8' })) {
      const path = join(server.data, name);
      if (statSync(path).isFile()) expect(readFileSync(path).includes(key), name).toBe(false);
    }
  });

  test('from a variable wins, and is not kept', async () => {
    const key = 'an operator made this key';
    const server = await started({ flags: [], env: { MESHTRAIL_ADMIN_KEY: key } });
    expect(server.process.output).not.toContain(key);
    expect(readdirSync(server.data)).not.toContain('admin-key.sha256');
    const headers = { authorization: `Bearer ${key}` };
    expect((await fetch(`${server.url}/metrics`, { headers })).status).toBe(200);
  });
});

describe('stopping', () => {
  test('SIGTERM under load: exit code 0 within 10 s, and nothing acknowledged is lost', async () => {
    const server = await started({});
    let acknowledged = 0;
    let sent = 0;
    let stopping = false;
    const load = Array.from({ length: 8 }, async (_, sender) => {
      while (!stopping) {
        const lines = Array.from(
          { length: 200 },
          (_unused, n) => `{"service":"drain","sender":${sender},"n":${sent + n}}`,
        );
        sent += lines.length;
        try {
          const answer = await sendNdjson(server, lines);
          if (answer.status === 200) acknowledged += lines.length;
        } catch {
          return;
        }
      }
    });
    await eventually(
      () => acknowledged,
      (count) => count > 20_000,
    );
    const begun = performance.now();
    const code = await server.process.stop();
    const tookMs = performance.now() - begun;
    stopping = true;
    await Promise.all(load);
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(10_000);
    await server.process.start();
    const count = 'sum(count_over_time({service_name="drain"}[1h]))';
    const found = await fetch(`${server.url}/loki/api/v1/query?query=${encodeURIComponent(count)}`);
    const { data } = (await found.json()) as { data: { result: { value: [number, string] }[] } };
    const stored = Number(data.result[0]?.value[1] ?? 0);
    expect(stored).toBeGreaterThanOrEqual(acknowledged);
    expect(stored).toBeLessThanOrEqual(acknowledged + 8 * 200);
  });

  test('with senders that hang does not wait for them', async () => {
    const server = await started({});
    const hanging = Array.from({ length: 20 }, () =>
      fetch(`${server.url}/v1/ndjson`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: new ReadableStream({ pull: () => new Promise(() => undefined) }),
        duplex: 'half',
      }).catch(() => undefined),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    const begun = performance.now();
    expect(await server.process.stop()).toBe(0);
    expect(performance.now() - begun).toBeLessThan(10_000);
    await Promise.all(hanging);
  });
});

describe('started by npm', () => {
  const byNpm = async (words: readonly string[]): Promise<void> => {
    const port = await freePort();
    const data = join(directory, `npm-${port}`);
    const flags = ['--dev', '--data', data, '--listen', `127.0.0.1:${port}`, '--native-ports=off'];
    const child = spawn(words[0] ?? '', [...words.slice(1), ...flags], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (part: Buffer) => (output += part.toString('utf8')));
    child.stderr.on('data', (part: Buffer) => (output += part.toString('utf8')));
    await eventually(
      () => output,
      (text) => text.includes('first line'),
      50_000,
    );
    expect(output).toContain(`meshtrail  http://127.0.0.1:${port}`);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
    const isGone = (): Promise<boolean> =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        () => false,
        () => true,
      );
    expect(await eventually(isGone, Boolean)).toBe(true);
  };

  test('npm start -- FLAGS', () => byNpm(['npm', 'start', '--']), 90_000);
  test('npx meshtrail serve FLAGS', () => byNpm(['npx', 'meshtrail', 'serve']), 90_000);
});

test('the greeting says how to send a first line, and that works', async () => {
  const server = await started({});
  const url = /curl (http\S+)/.exec(server.process.output)?.[1] ?? '';
  const body = /--data-binary '(.+)'/.exec(server.process.output)?.[1] ?? '';
  expect(url).toBe(`${server.url}/v1/ndjson`);
  const answer = await post(server, '/v1/ndjson', 'application/x-ndjson', body);
  expect(answer.status).toBe(200);
  const words = /npx meshtrail query '(.+)' --url (\S+)/.exec(server.process.output) ?? [];
  const { out } = await meshtrail(['query', words[1] as string, '--url', words[2] as string]);
  expect(out).toBe(`${body}\n`);
});
