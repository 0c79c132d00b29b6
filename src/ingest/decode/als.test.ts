import { describe, expect, test } from 'vitest';
import { encodeAls } from '../../../fixtures/decode/als-messages.ts';
import { LIMITS } from '../../model/limits.ts';
import { createAls } from './als.ts';
import { CapturedSink, type CapturedEvent } from './captured-sink.ts';
import { ProtoWriter, WIRE } from './protobuf.ts';

const PATH = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';
const call = {
  path: PATH,
  metadata: {},
  peer: { address: '192.0.2.7', transport: 'tcp' },
} as const;

/** What comes of the messages of one stream. */
const decode = (...messages: (object | Uint8Array)[]): CapturedSink => {
  const sink = new CapturedSink();
  const session = createAls().open(call);
  for (const message of messages) {
    const bytes =
      message instanceof Uint8Array ? message : encodeAls('StreamAccessLogsMessage', message);
    expect(session.message(bytes, sink)).toBeUndefined();
  }
  expect(session.end(sink)).toEqual({ status: 0, message: new Uint8Array(0) });
  return sink;
};

const http = (entry: object): object => ({ http_logs: { log_entry: [entry] } });
const common = (properties: object): object => http({ common_properties: properties });
const only = ({ events, rejects }: CapturedSink): CapturedEvent => {
  expect(rejects).toEqual([]);
  expect(events).toHaveLength(1);
  return events[0] as CapturedEvent;
};
const lineOf = (message: object): unknown => JSON.parse(only(decode(message)).line);

describe('who sends', () => {
  const identifier = (node: object): object => ({ identifier: { node, log_name: 'log' } });
  const text = (value: string): object => ({ string_value: value });

  test.each([
    [
      "Istio's sidecar",
      { id: 'sidecar~10.0.0.1~web-1.a.shop~shop.svc.cluster.local', cluster: 'web.shop' },
      { service: 'web', namespace: 'shop', pod: 'web-1.a', mesh: 'istio' },
    ],
    [
      "Istio's metadata",
      {
        id: 'router~10.0.0.1~gate-1.edge~edge.svc.cluster.local',
        cluster: 'gate',
        metadata: { fields: { CLUSTER_ID: text('west'), WORKLOAD_NAME: text('gate') } },
      },
      {
        service: 'gate',
        namespace: 'edge',
        pod: 'gate-1',
        mesh: 'istio',
        cluster: 'west',
        workload: 'gate',
      },
    ],
    ['any other proxy', { id: 'web-sidecar-proxy', cluster: 'web' }, { service: 'web' }],
  ])('%s', (_, node, columns) => {
    const sink = decode(identifier(node), common({ route_name: 'a' }), common({}));
    expect(sink.events.map(({ columns: found }) => found)).toEqual([
      { ...columns, response_flags: '-' },
      { ...columns, response_flags: '-' },
    ]);
    expect(sink.events[1]?.metadata).toMatchObject({ 'node.id': node.id, log_name: 'log' });
  });

  test('is asked of each stream by itself, and may change', () => {
    const first = decode({ ...identifier({ id: 'a', cluster: 'one' }), ...common({}) });
    expect(only(first).columns?.['service']).toBe('one');
    expect(only(decode(common({}))).columns?.['service']).toBeUndefined();
    const two = decode(
      identifier({ id: 'a', cluster: 'one' }),
      { ...identifier({ id: 'b', cluster: 'two' }), ...common({}) },
      common({}),
    );
    expect(two.events.map(({ columns }) => columns?.['service'])).toEqual(['two', 'two']);
  });

  test('costs no entry where it cannot be read', () => {
    const broken = new Uint8Array([0x0a, 4, 0x0a, 2, 0x0a, 9]);
    const sink = decode(broken, common({}));
    expect(sink.rejects).toEqual(['bad_identifier']);
    expect(sink.events).toHaveLength(1);
  });
});

describe('columns', () => {
  test.each([
    [{ no_healthy_upstream: true, upstream_connection_failure: true }, 'UH,UF'],
    [{ unauthorized_details: { reason: 1 }, failed_local_healthcheck: true }, 'LH,UAEX'],
    [{ dns_resolution_failure: true, downstream_remote_reset: true }, 'DF,DR'],
    [{ no_healthy_upstream: false }, '-'],
    [{}, '-'],
  ])('flags %j are %s', (response_flags, wanted) => {
    expect(only(decode(common({ response_flags }))).columns?.['response_flags']).toBe(wanted);
  });

  test.each([
    [{ socket_address: { address: '10.0.0.1', port_value: 80 } }, '10.0.0.1:80'],
    [{ socket_address: { address: '::1', port_value: 80 } }, '[::1]:80'],
    [{ pipe: { path: '/run/app.sock' } }, '/run/app.sock'],
    [{ envoy_internal_address: { server_listener_name: 'inner' } }, 'inner'],
  ])('the upstream %j is %s', (address, wanted) => {
    const event = only(
      decode(
        common({
          downstream_remote_address: { socket_address: { address: '192.0.2.1', port_value: 1 } },
          upstream_remote_address: address,
        }),
      ),
    );
    expect(event.columns?.['upstream_host']).toBe(wanted);
  });

  test('mutual TLS is said only where the peer showed a certificate', () => {
    const of = (tls: object): Record<string, unknown> =>
      only(decode(common({ tls_properties: tls }))).columns ?? {};
    const local = { subject_alt_name: [{ uri: 'spiffe://a/server' }] };
    expect(of({ tls_version: 4, local_certificate_properties: local })).toEqual({
      tls_version: 'TLSv1.3',
      destination_identity: 'spiffe://a/server',
      response_flags: '-',
    });
    const peer = { subject_alt_name: [{ dns: 'a' }, { uri: 'urn:x' }, { uri: 'spiffe://a/b' }] };
    expect(of({ tls_version: 3, peer_certificate_properties: peer })).toEqual({
      tls_version: 'TLSv1.2',
      mtls: 'true',
      source_identity: 'spiffe://a/b',
      response_flags: '-',
    });
    expect(of({ peer_certificate_properties: { subject: 'CN=x' } })['mtls']).toBe('true');
    expect(of({ peer_certificate_properties: {} })['mtls']).toBeUndefined();
  });

  test('times and durations', () => {
    const event = only(
      decode(
        common({
          start_time: { seconds: 1_763_632_800, nanos: 5 },
          time_to_last_upstream_tx_byte: { nanos: 2_000 },
          time_to_first_upstream_rx_byte: { nanos: 9_000 },
          time_to_last_downstream_tx_byte: { seconds: 1, nanos: 1 },
        }),
      ),
    );
    expect(event.time).toBe('1763632800.000000005');
    expect(event.columns).toMatchObject({
      duration_ns: 1_000_000_001,
      upstream_duration_ns: 7_000,
    });
    expect(JSON.parse(event.line)).toEqual({
      common_properties: {
        start_time: '2025-11-20T10:00:00.000000005Z',
        time_to_last_upstream_tx_byte: '0.000002000s',
        time_to_first_upstream_rx_byte: '0.000009000s',
        time_to_last_downstream_tx_byte: '1.000000001s',
      },
    });
  });
});

describe('the line', () => {
  test('holds enumerations by name, wrapped numbers, large numbers, and what is yet to come', () => {
    const line = only(
      decode(
        http({
          common_properties: {
            downstream_wire_bytes_sent: '18446744073709551615',
            access_log_type: 6,
            to_come: 7,
            also_to_come: 'abc',
          },
          protocol_version: 9,
          request: { request_method: 1, port: { value: 8080 }, path: '/"\\\u0001\n\u00e9' },
          response: { response_code: {} },
        }),
      ),
    ).line;
    expect(line).toBe(
      '{"common_properties":{"downstream_wire_bytes_sent":18446744073709551615,' +
        '"access_log_type":"DownstreamEnd","40":7,"41":"YWJj"},"protocol_version":9,' +
        '"request":{"request_method":"GET","port":8080,"path":"/\\"\\\\\\u0001\\n\u00e9"},' +
        '"response":{"response_code":0}}',
    );
  });

  test('holds metadata and filter state as what they are', () => {
    const struct = {
      fields: {
        n: { number_value: 1.5 },
        l: { list_value: { values: [{ bool_value: true }, { null_value: 0 }, {}] } },
        s: { struct_value: { fields: { t: { string_value: 'x' } } } },
      },
    };
    const url = 'type.googleapis.com/google.protobuf.';
    const value = (type: 'Struct' | 'StringValue', of: object): object => ({
      type_url: `${url}${type}`,
      value: encodeAls(type, of),
    });
    expect(
      lineOf(
        common({
          metadata: { filter_metadata: { 'envoy.lb': struct, empty: {} } },
          filter_state_objects: {
            text: value('StringValue', { value: 'peer' }),
            tree: value('Struct', struct),
            bytes: { type_url: 'other', value: Buffer.from([1, 2]) },
          },
        }),
      ),
    ).toEqual({
      common_properties: {
        metadata: {
          filter_metadata: {
            'envoy.lb': { n: 1.5, l: [true, null, null], s: { t: 'x' } },
            empty: {},
          },
        },
        filter_state_objects: {
          text: { '@type': `${url}StringValue`, value: 'peer' },
          tree: {
            '@type': `${url}Struct`,
            value: { n: 1.5, l: [true, null, null], s: { t: 'x' } },
          },
          bytes: { '@type': 'other', value: 'AQI=' },
        },
      },
    });
  });
});

describe('what is wrong', () => {
  /** A length-delimited field. */
  const field = (number: number, body: Uint8Array): Uint8Array => {
    const writer = new ProtoWriter();
    writer.tag(number, WIRE.bytes);
    writer.uint(body.length);
    writer.raw(body, 0, body.length);
    return writer.take();
  };

  test('costs one entry, or one message', () => {
    const good = encodeAls('StreamAccessLogsMessage', common({ route_name: 'a' }));
    // an entry whose common properties are longer than it
    const bad = new Uint8Array([0x12, 6, 0x0a, 4, 0x0a, 9, 0x0a, 0]);
    const sink = decode(new Uint8Array([...good, ...bad, ...good]), good, good.slice(0, -1), good);
    expect(sink.rejects).toEqual(['bad_entry', 'malformed_protobuf']);
    expect(sink.events).toHaveLength(4);
  });

  test('an entry that is too large, and one nested too deeply, are refused', () => {
    const large = common({ route_name: 'a'.repeat(LIMITS.lineBytes + 1) });
    // Lists within each other; below: map entry, filter_metadata, metadata, and so on outwards.
    let nested = field(3, Buffer.from('x'));
    for (let i = 0; i < 80; i++) nested = field(6, field(1, nested));
    for (const number of [2, 1, 2, 1, 17, 1, 1, 2]) nested = field(number, nested);
    const sink = decode(large, nested, common({}));
    expect(sink.rejects).toEqual(['entry_too_large', 'bad_entry']);
    expect(sink.events).toHaveLength(1);
  });
});
