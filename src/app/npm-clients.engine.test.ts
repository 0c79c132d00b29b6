import { createRequire } from 'node:module';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  endServer,
  eventually,
  find,
  linesOf,
  metric,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/** Clients of npm that have no suite of their protocol's for themselves. */
const KEY = 'the-administrators-key-of-a-test';
const COUNT = 100;
let server: RunningServer;

beforeAll(async () => {
  server = await runServer({
    ports: ['otlp-http'],
    flags: [],
    env: { MESHTRAIL_ADMIN_KEY: KEY },
    headers: { authorization: `Bearer ${KEY}` },
  });
});
afterAll(() => endServer(server));

/** What the test needs of syslog-client, which has no types. */
interface SyslogClient {
  log(
    message: string,
    options: Readonly<Record<string, unknown>>,
    done: (error: Error | null) => void,
  ): void;
  close(): void;
}
const syslog = createRequire(import.meta.url)('syslog-client') as {
  readonly Transport: Readonly<Record<'Tcp' | 'Udp', number>>;
  readonly Facility: Readonly<Record<string, number>>;
  readonly Severity: Readonly<Record<string, number>>;
  createClient(host: string, options: Readonly<Record<string, unknown>>): SyslogClient;
};

describe('syslog-client', () => {
  test.each([
    ['Tcp', true],
    ['Tcp', false],
    ['Udp', true],
    ['Udp', false],
  ] as const)('%s, RFC 3164: %s', async (transport, rfc3164) => {
    const name = `client-${transport}-${rfc3164 ? '3164' : '5424'}`;
    const client = syslog.createClient('127.0.0.1', {
      port: server.syslogPort,
      transport: syslog.Transport[transport],
      syslogHostname: 'web-1',
      appName: name,
      rfc3164,
    });
    const wanted = Array.from({ length: COUNT }, (_, n) => `line ${n} "quoted" \\ and ü`);
    for (const line of wanted) {
      // The older form has no field for the program: callers write the tag themselves.
      const message = rfc3164 ? `${name}[17]: ${line}` : line;
      const { Local3 } = syslog.Facility;
      const options = { facility: Local3, severity: syslog.Severity['Error'], msgid: 'ORDER' };
      await new Promise<void>((resolve, reject) => {
        client.log(message, options, (error) =>
          error instanceof Error ? reject(error) : resolve(),
        );
      });
    }
    const query = `{service_name="${name}"}`;
    const lines = await eventually(
      () => linesOf(server, query),
      ({ length }) => length >= COUNT,
    );
    client.close();
    expect(lines).toEqual(wanted.sort());
    const [one] = await find(server, `${query} |= "line 7 " | record`);
    expect(one?.stream).toMatchObject({
      node: 'web-1',
      severity: '17',
      syslog_facility: 'local3',
      syslog_procid: rfc3164 ? '17' : String(process.pid),
      ...(!rfc3164 && { syslog_msgid: 'ORDER' }),
    });
  });
});

describe('@opentelemetry/exporter-metrics-otlp-http', () => {
  // Enumerations of a package that only the exporter has: a cumulative, growing sum of integers.
  const NUMBERS = { valueType: 0 } as object;
  const SUM = { aggregationTemporality: 1, dataPointType: 3, isMonotonic: true } as object;
  type Metrics = Parameters<OTLPMetricExporter['export']>[0];
  const point = (value: number): Metrics['scopeMetrics'][0]['metrics'][0]['dataPoints'][0] => ({
    startTime: [1_795_000_000, 0],
    endTime: [1_795_000_060, 0],
    attributes: { route: '/orders' },
    value,
  });

  const send = (key: string): Promise<{ code: number; error?: Error }> => {
    const exporter = new OTLPMetricExporter({
      url: `http://127.0.0.1:${server.ports['otlp-http'] ?? 0}/v1/metrics`,
      headers: { authorization: `Bearer ${key}` },
    });
    const metrics = {
      resource: resourceFromAttributes({ 'service.name': 'metered' }),
      scopeMetrics: [
        {
          scope: { name: 'shop' },
          metrics: [
            {
              descriptor: { name: 'orders', description: '', unit: '1', ...NUMBERS },
              ...SUM,
              dataPoints: [point(1), point(2)],
            },
          ],
        },
      ],
    } as unknown as Metrics;
    return new Promise((resolve) => {
      exporter.export(metrics, resolve);
    });
  };

  test('is told, and counted, that metrics are not stored', async () => {
    const labels = { reason: 'metrics_not_stored' };
    const before = await metric(server, 'meshtrail_rejected_records_total', labels);
    expect(await send(KEY)).toMatchObject({ code: 0 });
    const after = await metric(server, 'meshtrail_rejected_records_total', labels);
    expect(after - before).toBe(2);
  });

  test('is told that its key is wrong', async () => {
    const { code, error } = await send('the-key-of-somebody-else');
    expect(code).toBe(1);
    expect(error).toMatchObject({ code: 401 });
  });
});
