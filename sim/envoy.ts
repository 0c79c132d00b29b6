import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './round.ts';

/** A real Envoy: an HTTP and a TCP listener in front of one upstream, and its access loggers. */
export interface EnvoyOptions {
  readonly program: string;
  /** Where its configuration and logs lie. */
  readonly directory: string;
  readonly upstreamPort: number;
  /** Where the access log service is; and where OTLP over gRPC. */
  readonly alsPort: number;
  readonly otlpPort?: number;
  /** A certificate, its key, and the CA of clients, as files: opens a third listener for mTLS. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

export interface RunningEnvoy {
  readonly httpPort: number;
  readonly tcpPort: number;
  readonly tlsPort: number;
  /** The access log that it writes to a file, in its default format. */
  readonly accessLog: string;
  stop(): Promise<void>;
}

export const ENVOY_NODE = {
  id: 'sidecar~10.1.2.3~reviews-v1-7d9f.shop~shop.svc.cluster.local',
  cluster: 'reviews.shop',
  locality: { region: 'eu-central-1', zone: 'eu-central-1a', sub_zone: 'rack7' },
  metadata: { CLUSTER_ID: 'east', WORKLOAD_NAME: 'reviews-v1', NAME: 'reviews-v1-7d9f' },
};

const TYPE = 'type.googleapis.com/envoy.extensions';

const address = (port: number): object => ({
  socket_address: { address: '127.0.0.1', port_value: port },
});

const cluster = (name: string, port: number, isHttp2 = false): object => ({
  name,
  type: 'STATIC',
  connect_timeout: '1s',
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
  },
  ...(isHttp2 && {
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${TYPE}.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  }),
});

const common = (logName: string, to: string): object => ({
  log_name: logName,
  transport_api_version: 'V3',
  grpc_service: { envoy_grpc: { cluster_name: to } },
  buffer_flush_interval: '0.1s',
});

const httpLogs = (logName: string): object => ({
  name: 'envoy.access_loggers.http_grpc',
  typed_config: {
    '@type': `${TYPE}.access_loggers.grpc.v3.HttpGrpcAccessLogConfig`,
    common_config: {
      ...common(logName, 'als'),
      custom_tags: [{ tag: 'team', literal: { value: 'payments' } }],
    },
    additional_request_headers_to_log: ['traceparent', 'x-tenant'],
    additional_response_headers_to_log: ['content-type'],
  },
});

const otlpLogs: object = {
  name: 'envoy.access_loggers.open_telemetry',
  typed_config: {
    '@type': `${TYPE}.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig`,
    common_config: common('otel', 'otlp'),
    body: { string_value: '%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%' },
    attributes: {
      values: [{ key: 'user_agent.original', value: { string_value: '%REQ(USER-AGENT)%' } }],
    },
    resource_attributes: {
      values: [{ key: 'service.name', value: { string_value: 'envoy-otlp' } }],
    },
  },
};

const routes: object = {
  name: 'all',
  virtual_hosts: [
    {
      name: 'all',
      domains: ['*'],
      routes: [
        { match: { prefix: '/down' }, route: { cluster: 'down' }, name: 'to-down' },
        {
          match: { prefix: '/direct' },
          direct_response: { status: 418, body: { inline_string: 'tea' } },
        },
        { match: { prefix: '/ok' }, route: { cluster: 'outbound|80||up.shop.svc' }, name: 'to-up' },
      ],
    },
  ],
};

const manager = (loggers: readonly object[]): object => ({
  name: 'envoy.filters.network.http_connection_manager',
  typed_config: {
    '@type': `${TYPE}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'http',
    access_log: loggers,
    route_config: routes,
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${TYPE}.filters.http.router.v3.Router` },
      },
    ],
  },
});

const tcpProxy: object = {
  name: 'envoy.filters.network.tcp_proxy',
  typed_config: {
    '@type': `${TYPE}.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: 'tcp',
    cluster: 'outbound|80||up.shop.svc',
    access_log: [
      {
        name: 'envoy.access_loggers.tcp_grpc',
        typed_config: {
          '@type': `${TYPE}.access_loggers.grpc.v3.TcpGrpcAccessLogConfig`,
          common_config: common('tcp-log', 'als'),
        },
      },
    ],
  },
};

const mutualTls = ({ cert, key, ca }: NonNullable<EnvoyOptions['tls']>): object => ({
  name: 'tls',
  typed_config: {
    '@type': `${TYPE}.transport_sockets.tls.v3.DownstreamTlsContext`,
    require_client_certificate: true,
    common_tls_context: {
      tls_certificates: [{ certificate_chain: { filename: cert }, private_key: { filename: key } }],
      validation_context: { trusted_ca: { filename: ca } },
    },
  },
});

/** Starts it and waits until it takes requests. */
export const startEnvoy = async (options: EnvoyOptions): Promise<RunningEnvoy> => {
  const { program, directory, upstreamPort, alsPort, otlpPort, tls } = options;
  const [httpPort, tcpPort, tlsPort] = [await freePort(), await freePort(), await freePort()];
  const [adminPort, nobodyPort] = [await freePort(), await freePort()];
  const accessLog = join(directory, 'envoy-access.log');
  const toFile = {
    name: 'envoy.access_loggers.file',
    typed_config: { '@type': `${TYPE}.access_loggers.file.v3.FileAccessLog`, path: accessLog },
  };
  const loggers = [httpLogs('http-log'), toFile, ...(otlpPort === undefined ? [] : [otlpLogs])];
  const listener = (name: string, port: number, filter: object, socket?: object): object => ({
    name,
    address: address(port),
    filter_chains: [{ filters: [filter], ...(socket && { transport_socket: socket }) }],
  });
  const configuration = {
    node: ENVOY_NODE,
    admin: { address: address(adminPort) },
    static_resources: {
      listeners: [
        listener('http', httpPort, manager(loggers)),
        listener('tcp', tcpPort, tcpProxy),
        ...(tls === undefined
          ? []
          : [listener('tls', tlsPort, manager([httpLogs('tls-log')]), mutualTls(tls))]),
      ],
      clusters: [
        cluster('outbound|80||up.shop.svc', upstreamPort),
        cluster('down', nobodyPort),
        cluster('als', alsPort, true),
        ...(otlpPort === undefined ? [] : [cluster('otlp', otlpPort, true)]),
      ],
    },
  };
  const file = join(directory, 'envoy.json');
  writeFileSync(file, JSON.stringify(configuration, null, 2));
  const words = ['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'warning'];
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-4_000);
  });
  const stop = (): Promise<void> => end(child);
  for (let i = 0; i < 300; i++) {
    if (child.exitCode !== null) throw new Error(`Envoy ended: ${said}`);
    const ready = await fetch(`http://127.0.0.1:${adminPort}/ready`).catch(() => undefined);
    if (ready?.status === 200) return { httpPort, tcpPort, tlsPort, accessLog, stop };
    await sleep(100);
  }
  await stop();
  throw new Error(`Envoy was not ready in time: ${said}`);
};

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
};
