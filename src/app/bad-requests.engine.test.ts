import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  endServer,
  eventually,
  linesOf,
  metric,
  portOf,
  post,
  Raw,
  runServer,
} from '../../sim/running-server.ts';
import type { RunningServer } from '../../sim/running-server.ts';
import { sendNdjson } from '../../sim/carriers.ts';

/** What is wrong with the HTTP itself: a clear answer, a counter, and a server that goes on. */
let server: RunningServer;

beforeAll(async () => {
  server = await runServer({ yaml: 'limits: {headers_ms: 1000, request_ms: 4000}' });
});

afterAll(() => endServer(server));

const LINE = (n: number, service: string): string => `{"service":"${service}","n":${n}}\n`;

/** Streams a body in pieces without a length; resolves with the status and the answer's text. */
const stream = (
  path: string,
  headers: Record<string, string | number>,
  pieces: Iterable<string | Buffer>,
): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const asked = httpRequest(`${server.url}${path}`, { method: 'POST', headers }, (answer) => {
      let text = '';
      answer.on('data', (part: Buffer) => (text += part.toString('utf8')));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.on('error', reject);
    });
    asked.on('error', reject);
    void (async () => {
      for (const piece of pieces) {
        if (asked.destroyed) return;
        if (!asked.write(piece)) {
          await Promise.race([new Promise((done) => asked.once('drain', done)), sleep(1_000)]);
        }
      }
      asked.end();
    })();
  });

const megabytes = function* (count: number): Generator<Buffer> {
  const piece = Buffer.alloc(1_048_576, 0x20);
  for (let i = 0; i < count; i++) yield piece;
};

describe('bodies', () => {
  test('chunked, in single bytes, without a length', async () => {
    const pieces = Array.from(LINE(1, 'chunked') + LINE(2, 'chunked'));
    const answer = await stream('/v1/ndjson', { 'content-type': 'application/x-ndjson' }, pieces);
    expect(answer).toMatchObject({ status: 200 });
    expect(await linesOf(server, '{service_name="chunked"}')).toHaveLength(2);
  });

  test.each([
    ['/v1/ndjson', 'application/x-ndjson', '"code":"too_large"'],
    ['/loki/api/v1/push', 'application/json', 'request body too large'],
    ['/v1/logs', 'application/json', 'larger than the server accepts'],
    ['/elastic/_bulk', 'application/x-ndjson', ''],
  ])('100 MB to %s, declared and not', async (path, type, words) => {
    const before = await metric(server, 'meshtrail_refused_requests_total', {
      reason: 'too_large',
    });
    const declared = await stream(
      path,
      { 'content-type': type, 'content-length': 104_857_600 },
      megabytes(100),
    );
    expect(declared.status).toBe(413);
    expect(declared.text).toContain(words);
    const chunked = await stream(path, { 'content-type': type }, megabytes(100));
    expect(chunked.status).toBe(413);
    expect(chunked.text).toContain(words);
    const after = await metric(server, 'meshtrail_refused_requests_total', { reason: 'too_large' });
    expect(after - before).toBe(2);
  });

  test('an upload that stops half-way leaves nothing behind', async () => {
    for (const framing of ['content-length: 1000', 'transfer-encoding: chunked']) {
      const raw = new Raw(portOf(server));
      const line = LINE(1, 'aborted');
      const body = framing.startsWith('t') ? `${line.length.toString(16)}\r\n${line}\r\n` : line;
      await raw.write(
        `POST /v1/ndjson HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\n${framing}\r\n\r\n${body}`,
      );
      await sleep(50);
      raw.socket.destroy();
    }
    await eventually(
      () => metric(server, 'meshtrail_in_flight_bytes'),
      (bytes) => bytes === 0,
    );
    expect(await metric(server, 'meshtrail_in_flight_bytes')).toBe(0);
    expect(await linesOf(server, '{service_name="aborted"}')).toEqual([]);
  });

  test('a length that the body does not have', async () => {
    const raw = new Raw(portOf(server));
    const line = LINE(1, 'short');
    await raw.write(
      `POST /v1/ndjson HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\ncontent-length: ${line.length - 4}\r\n\r\n${line}`,
    );
    await eventually(
      () => raw.received,
      (text) => text.includes('HTTP/1.1 400'),
    );
    expect(raw.received).toContain('HTTP/1.1 400');
    raw.socket.destroy();
  });

  test('an empty one', async () => {
    const answer = await post(server, '/v1/ndjson', 'application/x-ndjson', '');
    expect(answer.status).toBe(400);
    expect(answer.text).toContain('"code":"empty_body"');
  });

  test('Expect: 100-continue is honoured, and refused at once when the body is too large', async () => {
    for (const [length, status] of [
      [LINE(1, 'expect').length, '100 Continue'],
      [104_857_600, '413'],
    ] as const) {
      const raw = new Raw(portOf(server));
      await raw.write(
        `POST /v1/ndjson HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\nexpect: 100-continue\r\ncontent-length: ${length}\r\n\r\n`,
      );
      await eventually(
        () => raw.received,
        (text) => text.includes('HTTP/1.1'),
      );
      expect(raw.received).toMatch(new RegExp(`^HTTP/1.1 ${status}`));
      if (status === '100 Continue') {
        await raw.write(LINE(1, 'expect'));
        await eventually(
          () => raw.received,
          (text) => text.includes('HTTP/1.1 200'),
        );
      }
      raw.socket.destroy();
    }
    expect(await linesOf(server, '{service_name="expect"}')).toHaveLength(1);
  });
});

describe('slow senders', () => {
  test('of headers are cut off with 408', async () => {
    const raw = new Raw(portOf(server));
    await raw.write('POST /v1/ndjson HTTP/1.1\r\nhost: x\r\n');
    const drip = setInterval(() => void raw.write('x-a: b\r\n'), 200);
    const started = performance.now();
    const received = await raw.end(8_000);
    clearInterval(drip);
    expect(received).toContain('408 Request Timeout');
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test('of bodies are cut off, and their bytes given back', async () => {
    const senders = Array.from({ length: 50 }, () => new Raw(portOf(server)));
    for (const raw of senders) {
      await raw.write(
        'POST /v1/ndjson HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\ncontent-length: 100000\r\n\r\n',
      );
      await raw.write('{"service":"slow",');
    }
    const drip = setInterval(() => senders.forEach((raw) => void raw.write('"x":1,')), 200);
    await Promise.all(senders.map((raw) => raw.end(15_000)));
    clearInterval(drip);
    await eventually(
      () => metric(server, 'meshtrail_in_flight_bytes'),
      (bytes) => bytes === 0,
    );
    expect(await metric(server, 'meshtrail_in_flight_bytes')).toBe(0);
    expect(await linesOf(server, '{service_name="slow"}')).toEqual([]);
  });

  test('do not keep others from being served', async () => {
    const slow = Array.from({ length: 200 }, () => new Raw(portOf(server)));
    for (const raw of slow) await raw.write('POST /v1/ndjson HTTP/1.1\r\nhost: x\r\n');
    const answer = await sendNdjson(server, ['{"service":"served"}']);
    expect(answer.status).toBe(200);
    for (const raw of slow) raw.socket.destroy();
  });
});

describe('requests', () => {
  test('pipelined are answered in order', async () => {
    const raw = new Raw(portOf(server));
    const ask = (n: number): string => {
      const line = LINE(n, 'pipelined');
      return `POST /v1/ndjson HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\ncontent-length: ${line.length}\r\n\r\n${line}`;
    };
    const nowhere = 'GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n';
    await raw.write([...Array.from({ length: 20 }, (_, n) => ask(n)), nowhere, ask(20)].join(''));
    await eventually(
      () => raw.received.split('HTTP/1.1 ').length,
      (parts) => parts >= 23,
    );
    const statuses = [...raw.received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
    expect(statuses).toEqual([...Array<string>(20).fill('200'), '404', '200']);
    raw.socket.destroy();
    expect(await linesOf(server, '{service_name="pipelined"}')).toHaveLength(21);
  });

  test.each([
    ['GET', '/v1/ndjson', 405, 'method_not_allowed'],
    ['DELETE', '/v1/logs', 405, 'method_not_allowed'],
    ['PUT', '/metrics', 405, 'method_not_allowed'],
    ['POST', '/nowhere', 404, 'not_found'],
    ['GET', '/../../etc/passwd', 404, 'not_found'],
    ['GET', '/%2e%2e/%00', 404, 'not_found'],
    ['GET', `/${'a'.repeat(8_000)}`, 404, 'not_found'],
    ['GET', '/loki/api/v1/label/%ff/values', 200, 'success'],
    ['BREW', '/v1/ndjson', 400, ''],
  ])('%s %s: %i', async (method, path, status, words) => {
    const raw = new Raw(portOf(server));
    await raw.write(`${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    const text = await raw.end();
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toContain(words);
    if (status === 405) expect(text).toMatch(/\r\nallow: [A-Z, ]+\r\n/i);
  });

  test('on doubled slashes find their handler', async () => {
    const body = '{"index":{}}\n{"message":"slashes","service":{"name":"slashes"}}\n';
    const answer = await post(server, '//elastic//logs/_bulk', 'application/x-ndjson', body);
    expect(answer.status, answer.text).toBe(200);
    expect(await linesOf(server, '{service_name="slashes"}')).toEqual(['slashes']);
  });

  test.each([
    ['no HTTP at all', '\x16\x03\x01\x00\xa5\x01\x00\x00', '400'],
    ['a bad version', 'GET / HTTP/9.9\r\n\r\n', '400'],
    ['headers of 100 kB', `GET /healthz HTTP/1.1\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`, '431'],
    ['10,000 headers', `GET /healthz HTTP/1.1\r\nhost: x\r\n${'a: b\r\n'.repeat(10_000)}\r\n`, ''],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', '400'],
    ['a NUL in a header', 'GET /healthz HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n', '400'],
    [
      'two lengths',
      'POST /v1/ndjson HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
      '400',
    ],
    [
      'a length and chunks',
      'POST /v1/ndjson HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      '400',
    ],
  ])('%s', async (_name, bytes, status) => {
    const raw = new Raw(portOf(server));
    await raw.write(Buffer.from(bytes, 'latin1'));
    await eventually(() => raw.closed || raw.received !== '', Boolean, 5_000);
    if (status !== '') expect(raw.received).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    raw.socket.destroy();
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });

  test('that ask for HTTP/2 by an upgrade are answered as they are', async () => {
    const raw = new Raw(portOf(server));
    const line = LINE(1, 'h2c');
    await raw.write(
      `POST /v1/ndjson HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\ncontent-length: ${line.length}\r\n\r\n${line}`,
    );
    await eventually(
      () => raw.received,
      (text) => text.includes('HTTP/1.1'),
    );
    expect(raw.received).toMatch(/^HTTP\/1\.1 200 /);
    raw.socket.destroy();
  });

  test('with a tenant that is no name are refused', async () => {
    for (const tenant of ['a/b', 'a b', '..', 'a|b', 'x'.repeat(151)]) {
      const headers = { 'x-scope-orgid': tenant };
      const answer = await post(
        server,
        '/v1/ndjson',
        'application/x-ndjson',
        LINE(1, 't'),
        headers,
      );
      expect(answer.status).toBe(400);
      expect(answer.text).toContain('tenant_invalid');
    }
  });
});
