import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MeshtrailError } from '../../model/errors.ts';
import { LogRecord } from '../../model/record.ts';
import { describeRecord, type Described } from '../normalize/described.ts';
import { createNormalize } from '../normalize/recognise.ts';
import { compileFormat, type Kind } from './compile.ts';
import { KNOWN } from './known-definitions.ts';
import { explainField } from './field.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/normalize');

const described = (line: Uint8Array, kind?: Kind, format = ''): Described => {
  const record = new LogRecord();
  record.observedSec = 1_763_632_800;
  record.setLine(line, 0, line.length);
  record.setText(4, 'edge');
  const override = kind === undefined ? {} : { edge: compileFormat({ kind, format }) };
  createNormalize({ override })(record, 0);
  return describeRecord(record);
};

const linesOf = (folder: string): [file: string, line: Buffer][] =>
  readdirSync(join(FIXTURES, folder))
    .filter((file) => file.endsWith('.in'))
    .map((file) => [`${folder}/${file}`, readFileSync(join(FIXTURES, folder, file))]);

describe('lines of the default formats give what the built-in normalizers give', () => {
  it.each(linesOf('envoy'))('%s', (_, line) => {
    expect(described(line, 'envoy', KNOWN.envoy)).toEqual(described(line));
  });

  it.each(linesOf('istio'))('%s', (_, line) => {
    const newer = compileFormat({ kind: 'istio', format: KNOWN.istio });
    const format = newer.read(line) === undefined ? KNOWN.istioOlder : KNOWN.istio;
    expect(described(line, 'istio', format)).toEqual(described(line));
  });

  it.each(linesOf('kuma'))('%s', (_, line) => {
    const formats = [KNOWN.kumaHttp, KNOWN.kumaHttp.replace(/"%REQ\(X-B3.*?" /, ''), KNOWN.kumaTcp];
    const format = formats.find(
      (one) => compileFormat({ kind: 'kuma', format: one }).read(line) !== undefined,
    );
    expect(described(line, 'kuma', format)).toEqual(described(line));
  });

  it('those of Istio as JSON', () => {
    const line = Buffer.from(
      '{"start_time":"2025-11-20T10:00:00.123Z","route_name":"default","method":"GET",' +
        '"path":"/a?b=1","protocol":"HTTP/1.1","response_code":503,"response_flags":"UF",' +
        '"response_code_details":"via_upstream","connection_termination_details":null,' +
        '"bytes_received":0,"bytes_sent":91,"duration":12,"upstream_service_time":"11",' +
        '"x_forwarded_for":null,"user_agent":"curl/8 \\"x\\"","request_id":"r-1",' +
        '"authority":"shop","upstream_host":"10.0.0.7:80",' +
        '"upstream_cluster":"outbound|80||shop.svc","upstream_local_address":null,' +
        '"downstream_local_address":"10.0.0.1:80","downstream_remote_address":"10.0.0.2:1",' +
        '"requested_server_name":null,"upstream_transport_failure_reason":null}',
    );
    const found = described(line, 'istio', KNOWN.istioJson);
    expect(found).toEqual(described(line));
    expect(found.columns).toMatchObject({ status: 503, duration_ns: 12e6, mesh: 'istio' });
  });
});

describe('Envoy formats', () => {
  it('Kuma: who called whom', () => {
    const http = Buffer.from(
      '[2025-11-20T10:00:00.123Z] default "GET /a HTTP/1.1" 200 - 0 5 3 2 "-" "curl/8" ' +
        '"4bf92f3577b34da6a3ce929d0e0e4736" "r-1" "shop" "web_demo_svc_80" "shop_demo_svc_80" ' +
        '"10.0.0.1" "10.0.0.2:80"',
    );
    expect(described(http, 'kuma', KNOWN.kumaHttp).columns).toMatchObject({
      mesh: 'kuma',
      source_service: 'web_demo_svc_80',
      destination_service: 'shop_demo_svc_80',
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      status: 200,
    });
    const tcp = Buffer.from(
      '[2025-11-20T10:00:00.123Z] UF default 10.0.0.1(web)->10.0.0.2:80(shop) took 31ms, ' +
        'sent 5 bytes, received: 7 bytes',
    );
    expect(described(tcp, 'kuma', KNOWN.kumaTcp).columns).toMatchObject({
      source_service: 'web',
      destination_service: 'shop',
      duration_ns: 31e6,
      bytes_in: 7,
      bytes_out: 5,
      response_flags: 'UF',
      upstream_host: '10.0.0.2:80',
    });
  });

  it('%%, lengths, alternatives, aliases, times of their own, unknown newer operators', () => {
    const format =
      '%START_TIME(%d.%m.%Y %H:%M:%S.%3f)% 100%% %REQUEST_HEADER(X-A?:PATH):20% ' +
      '"%RESP(CONTENT-TYPE)%" %TRAILER(X-T)% <%DYNAMIC_METADATA(com.x:a)%> ' +
      '%FILTER_STATE(io.x:PLAIN)% %UPSTREAM_SOMETHING_NEW% %REQ(SERVICE)%\\n';
    const line = '20.11.2025 10:00:00.250 100% /a b "text/html" - <{"k": 1}> x - 5';
    expect(described(Buffer.from(line), 'envoy', format)).toEqual({
      structured: true,
      time: '2025-11-20T10:00:00.250000000Z',
      columns: { service: 'edge', kind: 'access', severity: 9, line, path: '/a b' },
      attributes: [
        'start_time=20.11.2025 10:00:00.250',
        'response_header_content_type=text/html',
        'com.x:a={"k": 1}',
        'filter_state.io.x:PLAIN=x',
        'request_header_service=5',
      ],
    });
  });

  it('a dictionary: nested, typed, names of its own', () => {
    const format = `{"proto": "%PROTOCOL%", "http": {"took": "%DURATION%", "code": "%RESPONSE_CODE%"},
      "who": "%REQ(X-USER)%", "both": "%REQ(A)% %REQ(B)%", "type": "access"}`;
    const line =
      '{"type":"access","http":{"code":404,"took":1.5},"who":"a\\nb","proto":"HTTP/2","both":"x y"}';
    expect(described(Buffer.from(line), 'envoy', format)).toMatchObject({
      columns: { status: 404, duration_ns: 1_500_000, protocol: 'HTTP/2', kind: 'access' },
      attributes: ['type=access', 'who=a\nb', 'both=x y'],
    });
    const other = compileFormat({ kind: 'envoy', format });
    expect(other.why(Buffer.from('{"proto":"x","level":1}'))).toContain("'level'");
    expect(other.read(Buffer.from('{"proto":"x","level":1}'))).toBeUndefined();
    const yaml = 'json_format:\n  a: "%PROTOCOL%"\n  b:\n    c: "%DURATION%"\n';
    expect(compileFormat({ kind: 'envoy', format: yaml }).fields.map(explainField)).toEqual([
      { operator: '%PROTOCOL%', goesTo: 'protocol', unit: '' },
      { operator: '%DURATION%', goesTo: 'duration_ns', unit: 'ms' },
    ]);
  });

  it.each([
    ['%PROTOCOL%%DURATION%', 'column 11', '%PROTOCOL% and %DURATION%'],
    ['a %PROTOKOL% b', 'column 3', 'PROTOKOL'],
    ['a %REQ% b', 'column 3', 'names nothing'],
    ['%PROTOCOL(X)%', 'column 1', 'brackets'],
    ['%PROTOCOL% 100% x', 'column 15', 'no operator'],
    ['%START_TIME(%Q)%', 'column 13', "'%Q'"],
    ['nothing', 'column 1', 'no value'],
    ['{"a": "x"}', 'column 1', 'no value'],
    ['{"a": "%NO%"}', 'column 8', '%NO%'],
    [' ', 'column 1', 'empty'],
  ])('%s is refused', (format, where, what) => {
    let error: unknown;
    try {
      compileFormat({ kind: 'envoy', format });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(MeshtrailError);
    const { code, message, hint } = error as MeshtrailError;
    expect(code).toBe('format_invalid');
    expect(message).toContain(`${where}:`);
    expect(message).toContain(what);
    expect(hint).not.toBe('');
  });

  it('why a line does not fit', () => {
    const compiled = compileFormat({ kind: 'envoy', format: '[%PROTOCOL%] %DURATION% x' });
    expect(compiled.why(Buffer.from('PROTOCOL'))).toBe("column 1: '[' does not begin it");
    expect(compiled.why(Buffer.from('[HTTP/2] many x'))).toBe(
      "column 10: expected %DURATION% (a number) and then ' x'",
    );
  });
});
