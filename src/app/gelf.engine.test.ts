import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peer } from '../../sim/peers.ts';
import {
  endServer,
  eventually,
  find,
  linesOf,
  metric,
  portOf,
  post,
  Raw,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/** GELF's clients against a real server, over UDP, TCP and HTTP. */
const run = promisify(execFile);
const require = createRequire(import.meta.url);

interface GelfPro {
  setConfig(config: object): void;
  error(message: string, extra: object, done: (error: Error | null) => void): void;
}

const python = peer('venv/bin/python');
const DEBIAN_GRAYPY = '/usr/lib/python3/dist-packages/graypy/__init__.py';
const debianPython = existsSync(DEBIAN_GRAYPY) ? '/usr/bin/python3' : undefined;
const RUBY = '/usr/bin/ruby';
const RUBY_GELF = '/usr/lib/ruby/vendor_ruby/gelf.rb';

let server: RunningServer;

beforeAll(async () => {
  server = await runServer({ ports: ['gelf'] });
});
afterAll(() => endServer(server));

const native = (): number => server.ports['gelf'] ?? 0;

const message = (service: string, text: string, more: object = {}): string =>
  JSON.stringify({ version: '1.1', host: 'h', short_message: text, _service: service, ...more });

const found = (service: string, count: number): Promise<string[]> =>
  eventually(
    () => linesOf(server, `{service_name="${service}"}`),
    ({ length }) => length >= count,
  );

const numbered = (count: number, make: (n: string) => string): string[] =>
  Array.from({ length: count }, (_, n) => make(String(n).padStart(3, '0')));

describe('gelf-pro', () => {
  test.each(['udp', 'tcp'])('every message and field arrives by %s', async (adapterName) => {
    const gelf = Object.create(require('gelf-pro') as GelfPro) as GelfPro;
    const service = `gelf-pro-${adapterName}`;
    gelf.setConfig({
      fields: { facility: 'shop', service, env: 'prod' },
      adapterName,
      adapterOptions: { host: '127.0.0.1', port: native() },
    });
    // Long ones take several datagrams, and one that fits is sent as chunk 1 of 1.
    const noise = gzipSync(Buffer.from(numbered(2_000, (n) => n).join('.'))).toString('base64');
    const lines = numbered(50, (n) => `line ${n} \u00e9 ${Number(n) % 10 === 0 ? noise : ''}`);
    for (const [order, line] of lines.entries()) {
      await new Promise<void>((resolve, reject) => {
        gelf.error(line, { order }, (error) => (error === null ? resolve() : reject(error)));
      });
    }
    expect(await found(service, 50)).toEqual(lines);
    const [one] = await find(server, `{service_name="${service}"} | order="7" | record`);
    expect(one?.stream).toMatchObject({
      facility: 'shop',
      environment: 'prod',
      severity: '17',
      severity_text: 'err',
      receiver: 'gelf',
    });
  });
});

describe.each([
  ['graypy: needs peers/venv', 'graypy', python],
  ['graypy of Debian: needs python3-graypy', 'graypy-deb', debianPython],
])('%s', (_name, prefix, interpreter) => {
  const script = new URL('../../fixtures/peers/python/gelf.py', import.meta.url).pathname;
  test.skipIf(interpreter === undefined).each([
    ['GELFUDPHandler', () => native()],
    ['GELFTCPHandler', () => native()],
    ['GELFHTTPHandler', () => portOf(server)],
  ])('%s', async (handler, port) => {
    const service = `${prefix}-${handler}`;
    await run(interpreter ?? '', [script, handler, String(port()), service, '50']);
    const lines = await found(service, 51);
    const sent = numbered(50, (n) => {
      return `line ${n} \u00e9${Number(n) % 10 === 0 ? 'x'.repeat(20_000) : ''}`;
    });
    expect(lines).toEqual(['it broke', ...sent]);
    const query = `{service_name="${service}"} |= "it broke" | record`;
    const [one] = await find(server, query);
    expect(one?.stream['full_message']).toContain('ValueError: broken');
    expect(one?.stream).toMatchObject({ severity: '17', facility: service });
  });
});

test.skipIf(!existsSync(RUBY) || !existsSync(RUBY_GELF))('ruby-gelf: needs ruby-gelf', async () => {
  const program = `require 'gelf'
n = GELF::Notifier.new('127.0.0.1', ${native()}, 'WAN')
20.times { |i| n.notify!(short_message: format('line %03d', i), _service: 'ruby-gelf', level: 3) }`;
  await run(RUBY, ['-e', program]);
  expect(await found('ruby-gelf', 20)).toEqual(numbered(20, (n) => `line ${n}`));
});

describe('datagrams', () => {
  const send = async (datagrams: readonly Uint8Array[]): Promise<void> => {
    const socket = createSocket('udp4');
    for (const datagram of datagrams) {
      await new Promise<void>((resolve, reject) => {
        const done = (error: Error | null): void => (error === null ? resolve() : reject(error));
        socket.send(datagram, native(), '127.0.0.1', done);
      });
    }
    socket.close();
  };
  const chunks = (id: number, packed: Buffer, count: number): Buffer[] =>
    Array.from({ length: count }, (_, i) => {
      const size = Math.ceil(packed.length / count);
      const head = Buffer.from([0x1e, 0x0f, 0, 0, 0, 0, 0, 0, id >> 8, id & 255, i, count]);
      return Buffer.concat([head, packed.subarray(i * size, (i + 1) * size)]);
    });

  test('in chunks may come in any order, twice, and packed in any way', async () => {
    const text = Buffer.from(message('gelf-chunks', 'x'.repeat(3_000)));
    const datagrams = [text, gzipSync(text), deflateSync(text)].flatMap((packed, id) => {
      const all = chunks(id + 1, packed, 7).reverse();
      return [...all.slice(0, 3), ...all];
    });
    await send(datagrams);
    expect(await found('gelf-chunks', 3)).toHaveLength(3);
  });

  test('whose chunks are missing are given up and counted', async () => {
    const packed = Buffer.from(message('gelf-lost', 'lost'));
    await send(chunks(77, packed, 3).slice(1));
    const name = 'meshtrail_rejected_records_total';
    const lost = await eventually(
      async () => {
        await send([Buffer.from(message('gelf-after', 'after'))]);
        return metric(server, name, { protocol: 'gelf', reason: 'chunks_missing' });
      },
      (count) => count > 0,
    );
    expect(lost).toBe(1);
    expect(await linesOf(server, '{service_name="gelf-lost"}')).toEqual([]);
  });
});

describe('connections', () => {
  test('end messages by NUL or by newline, and bad ones cost no others', async () => {
    const raw = new Raw(native());
    const texts = [1, 2, 3].map((n) => message('gelf-tcp', `line ${n}`));
    await raw.write(`${texts[0]}\0not json\0${texts[1]}\n`);
    // The newline alone ends it: nothing follows for now.
    expect(await found('gelf-tcp', 2)).toEqual(['line 1', 'line 2']);
    await raw.write(`${texts[2]}`);
    raw.socket.end();
    expect(await found('gelf-tcp', 3)).toEqual(['line 1', 'line 2', 'line 3']);
  });

  test('after a restart bring everything that is sent then', async () => {
    const before = new Raw(native());
    await before.write(`${message('gelf-restart', 'before')}\0`);
    expect(await found('gelf-restart', 1)).toEqual(['before']);
    await server.process.kill();
    await server.process.start();
    const after = new Raw(native());
    await after.write(`${message('gelf-restart', 'after')}\0`);
    expect(await found('gelf-restart', 2)).toEqual(['after', 'before']);
    after.socket.destroy();
  });
});

test('HTTP answers 202, and 400 for what is no message', async () => {
  const good = await post(server, '/gelf', 'application/json', message('gelf-http', 'one'));
  expect(good.status).toBe(202);
  const bad = await post(server, '/gelf', 'application/json', '{"version":"1.1"}');
  expect(bad.status).toBe(400);
  expect(await linesOf(server, '{service_name="gelf-http"}')).toEqual(['one']);
});
