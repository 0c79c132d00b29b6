import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MeshtrailError } from '../../model/errors.ts';
import { LogRecord } from '../../model/record.ts';
import { describeRecord, type Described } from '../normalize/described.ts';
import { createNormalize } from '../normalize/recognise.ts';
import { compileFormat, type Kind } from './compile.ts';
import { explainField } from './field.ts';
import { KNOWN } from './known-definitions.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/normalize/nginx');

const described = (line: string | Uint8Array, kind?: Kind, format = ''): Described => {
  const record = new LogRecord();
  record.observedSec = 1_763_632_800;
  const bytes = Buffer.from(line);
  record.setLine(bytes, 0, bytes.length);
  record.setText(4, 'edge');
  const override = kind === undefined ? {} : { edge: compileFormat({ kind, format }) };
  createNormalize({ override })(record, 0);
  return describeRecord(record);
};

const refusal = (kind: Kind, format: string): MeshtrailError => {
  try {
    compileFormat({ kind, format });
  } catch (error) {
    if (error instanceof MeshtrailError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

describe('NGINX', () => {
  it.each([
    ['001.in', KNOWN.nginxCombined],
    ['003.in', KNOWN.ingressNginx],
    ['004.in', KNOWN.nginxCombined],
    ['006.in', KNOWN.ingressNginx],
  ])('%s gives what the built-in normalizer gives', (file, format) => {
    const line = readFileSync(join(FIXTURES, file));
    expect(described(line, 'nginx', format)).toEqual(described(line));
  });

  it('escape=json: values are unescaped, absent ones are empty', () => {
    const format =
      `log_format j escape=json '{"time":"$time_iso8601","s":$status,"ua":"$http_user_agent",'\n` +
      `'"took":$request_time,"up":"$upstream_addr","r":"$http_referer","u":"\${uri}"}';`;
    const line =
      '{"time":"2025-11-20T10:00:00+00:00","s":404,"ua":"a \\"b\\" \\u0001","took":0.005,' +
      '"up":"10.0.0.1:80, 10.0.0.2:80","r":"","u":"/x"}';
    expect(described(line, 'nginx', format)).toEqual({
      structured: true,
      time: '2025-11-20T10:00:00.000000000Z',
      columns: {
        service: 'edge',
        kind: 'access',
        severity: 13,
        line,
        path: '/x',
        status: 404,
        duration_ns: 5_000_000,
        user_agent: 'a "b" \u0001',
        upstream_host: '10.0.0.1:80, 10.0.0.2:80',
      },
    });
  });

  it.each([
    ['$a$b', 'column 3', '$a and $b'],
    ['$a $-', 'column 4', 'no variable'],
    ["log_format x '$a'\n '$b';", 'line 2, column 3', '$a and $b'],
    ["log_format x escape=yaml '$a';", 'column 14', 'escape=yaml'],
  ])('%s is refused', (format, where, what) => {
    const { message } = refusal('nginx', format);
    expect(message).toContain(`${where}:`);
    expect(message).toContain(what);
  });
});

describe('HAProxy', () => {
  const line =
    '127.0.0.1:50816 [21/Nov/2026:19:45:46.117] web app/web1 10/0/1/29/40 200 200 - - ---- ' +
    '1/1/0/0/+1 0/0 {shop|curl} {text/html} "GET /index.html?q=1 HTTP/1.1"';
  const columns = {
    service: 'edge',
    kind: 'access',
    severity: 9,
    method: 'GET',
    path: '/index.html?q=1',
    protocol: 'HTTP/1.1',
    status: 200,
    duration_ns: 40_000_000,
    upstream_duration_ns: 29_000_000,
    bytes_out: 200,
    response_flags: '----',
    upstream_cluster: 'app',
  };

  it('option httplog', () => {
    const found = described(line, 'haproxy', KNOWN.haproxyHttp);
    expect(found).toMatchObject({ time: '2026-11-21T19:45:46.117000000Z', columns });
    expect(found.attributes).toEqual([
      'downstream_remote_address=127.0.0.1:50816',
      'frontend_name=web',
      'server_name=web1',
      'time_request=10',
      'time_queue=0',
      'time_connect=1',
      'actconn=1',
      'feconn=1',
      'beconn=0',
      'srvconn=0',
      'retries=+1',
      'srv_queue=0',
      'backend_queue=0',
      'captured_headers=shop|curl',
      'captured_response_headers=text/html',
    ]);
  });

  it.each(['001', '002', '005', '006', '010', '011'])(
    'fixture %s gives what the built-in normalizer gives',
    (name) => {
      const held = readFileSync(join(FIXTURES, '../haproxy', `${name}.in`));
      const format = [KNOWN.haproxyHttp, KNOWN.haproxyTcp].find(
        (one) => compileFormat({ kind: 'haproxy', format: one }).read(held) !== undefined,
      );
      expect(described(held, 'haproxy', format)).toEqual(described(held));
    },
  );

  it.each([
    [' {text/html}', ['shop|curl', undefined]],
    [' {shop|curl} {text/html}', [undefined, undefined]],
  ])('without the captures%s', (left, captures) => {
    const compiled = compileFormat({ kind: 'haproxy', format: KNOWN.haproxyHttp });
    const values = compiled.read(Buffer.from(line.replace(left, ''))) ?? [];
    expect(values.slice(-3)).toEqual([...captures, 'GET /index.html?q=1 HTTP/1.1']);
    expect(described(line.replace(left, ''), 'haproxy', KNOWN.haproxyHttp)).toMatchObject({
      columns,
    });
  });

  it('option tcplog, and a format of its own', () => {
    const tcp =
      '2001:db8::7:50794 [21/Nov/2026:19:45:46.193] tcpf tcpb/db1 1/0/7 237 -- 1/1/0/0/0 0/0';
    expect(described(tcp, 'haproxy', KNOWN.haproxyTcp)).toMatchObject({
      columns: { duration_ns: 7_000_000, bytes_out: 237, response_flags: '--' },
      attributes: expect.arrayContaining([
        'downstream_remote_address=2001:db8::7:50794',
      ]) as unknown,
    });
    const format =
      'log-format "%{+Q}o %[ssl_fc_protocol] %HM %HP%HQ %{-Q}ST %[var(txn.user),lower] %Ta%%"';
    const own = '"TLSv1.3" "GET" "/a?b=1" 200 "me" 12%';
    expect(described(own, 'haproxy', format)).toMatchObject({
      columns: { tls_version: 'TLSv1.3', method: 'GET', path: '/a?b=1', duration_ns: 12e6 },
      attributes: ['sample.var(txn.user),lower=me'],
    });
  });

  it.each([
    ['%ci%cp', 'column 4', '%ci and %cp'],
    ['%ci %zz', 'column 5', '%zz'],
    ['%ci %', 'column 5', 'no variable'],
    ['log-format "%ci %zz"', 'column 17', '%zz'],
  ])('%s is refused', (format, where, what) => {
    const { message, hint } = refusal('haproxy', format);
    expect(message).toContain(`${where}:`);
    expect(message).toContain(what);
    expect(hint).not.toBe('');
  });
});

describe('Apache', () => {
  it('combined gives what the built-in normalizer gives', () => {
    const line = readFileSync(join(FIXTURES, '001.in'));
    const found = described(line, 'apache', KNOWN.apacheCombined);
    expect(found).toMatchObject({ time: described(line).time });
    expect(found.columns['user_agent'] ?? '').toBe(described(line).columns['user_agent']);
  });

  it('times, durations, modifiers, headers, path and query', () => {
    const format =
      '%{%Y-%m-%d %H:%M:%S}t.%{msec_frac}t %v:%p %{c}a %400,501{User-agent}i %!200,304s ' +
      '%{ms}T/%D \\"%m %U%q %H\\" %{X-Request-Id}i %{begin:msec}t';
    const line =
      '2025-11-20 10:00:00.123 shop:443 10.0.0.1 curl/8 (x) 503 5/5123 "GET /a?b=1 HTTP/1.1" r-1 ' +
      '1763632800123';
    expect(described(line, 'apache', format)).toMatchObject({
      time: '2025-11-20T10:00:00.000000000Z',
      columns: {
        status: 503,
        duration_ns: 5_000_000,
        method: 'GET',
        path: '/a?b=1',
        protocol: 'HTTP/1.1',
        request_id: 'r-1',
        user_agent: 'curl/8 (x)',
      },
    });
    const compiled = compileFormat({ kind: 'apache', format });
    expect(compiled.fields.map(explainField).slice(-3)).toEqual([
      { operator: '%H', goesTo: 'protocol', unit: '' },
      { operator: '%{X-Request-Id}i', goesTo: 'request_id', unit: '' },
      { operator: '%{begin:msec}t', goesTo: 'attributes.ts_2', unit: '' },
    ]);
  });

  it.each([
    ['%h%l', 'column 3', '%h and %l'],
    ['%h %i', 'column 4', 'names nothing'],
    ['%h %y', 'column 4', '%y'],
    ['%h %{%Q}t', 'column 6', "'%Q'"],
    ['LogFormat "%h %y" x', 'column 15', '%y'],
  ])('%s is refused', (format, where, what) => {
    const { message, hint } = refusal('apache', format);
    expect(message).toContain(`${where}:`);
    expect(message).toContain(what);
    expect(hint).not.toBe('');
  });
});

describe('Traefik', () => {
  it('a list of fields', () => {
    const format =
      'StartUTC, Duration, OriginDuration, RequestMethod, RequestPath, DownstreamStatus\n' +
      'RouterName ServiceName request_User-Agent ClientHost';
    const line =
      '{"ClientHost":"10.0.0.1","DownstreamStatus":502,"Duration":1234567,"OriginDuration":1000000,' +
      '"RequestMethod":"GET","RequestPath":"/a","RouterName":"r@file","ServiceName":"s@file",' +
      '"StartUTC":"2025-11-20T10:00:00.5Z","level":"info","msg":"",' +
      '"request_User-Agent":"curl/8","time":"2025-11-20T10:00:01Z"}';
    expect(described(line, 'traefik', format)).toMatchObject({
      time: '2025-11-20T10:00:00.500000000Z',
      columns: {
        status: 502,
        duration_ns: 1_234_567,
        upstream_duration_ns: 1_000_000,
        method: 'GET',
        path: '/a',
        route: 'r@file',
        upstream_cluster: 's@file',
        user_agent: 'curl/8',
      },
    });
    const { message, hint } = refusal('traefik', 'Duration, Durations');
    expect(message).toContain("column 11: 'Durations'");
    expect(hint).toContain('OriginDuration');
  });
});
