import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCollector, type Collector } from '../../sim/collector.ts';
import { peer } from '../../sim/peers.ts';
import { freePort } from '../../sim/round.ts';
import { endServer, eventually, runServer, type RunningServer } from '../../sim/running-server.ts';
import { named, traceOnce } from '../../sim/traces.ts';

/** A Collector that takes OTLP and passes it on by its Zipkin exporter. */
const run = promisify(execFile);
const otelcol = peer('bin/otelcol-zipkin');
const telemetrygen = peer('bin/telemetrygen');

describe.skipIf(otelcol === undefined)(
  'the Zipkin exporter of the Collector (needs otelcol-zipkin: npm run peers)',
  () => {
    let server: RunningServer;

    beforeAll(async () => {
      server = await runServer({ ports: ['zipkin'] });
    });

    afterAll(() => endServer(server));

    /** What it takes it also shows in its log, so that traces are known by their ids. */
    const throughCollector = async (
      format: string,
      send: (otlp: string, collector: Collector) => Promise<void>,
    ): Promise<void> => {
      const endpoint = `127.0.0.1:${await freePort()}`;
      const to = `http://127.0.0.1:${server.ports['zipkin'] ?? 0}/api/v2/spans`;
      const file = join(server.directory, `collector-${format}.yaml`);
      const collector = await startCollector(otelcol ?? '', file, {
        receivers: { otlp: { protocols: { grpc: { endpoint } } } },
        processors: { batch: { timeout: '50ms' } },
        exporters: {
          zipkin: { endpoint: to, format },
          debug: { verbosity: 'detailed', use_internal_logger: false },
        },
        service: {
          telemetry: { metrics: { level: 'none' } },
          pipelines: {
            traces: { receivers: ['otlp'], processors: ['batch'], exporters: ['zipkin', 'debug'] },
          },
        },
      });
      try {
        await send(endpoint, collector);
      } finally {
        await collector.stop();
      }
    };

    const TRACES = 5;
    test.skipIf(telemetrygen === undefined).each(['json', 'proto'])(
      '%s: traces of telemetrygen (needs telemetrygen: npm run peers)',
      (format) =>
        throughCollector(format, async (otlp, collector) => {
          await run(telemetrygen ?? '', [
            ...['traces', '--otlp-insecure', '--otlp-endpoint', otlp, '--rate', '0'],
            ...['--traces', String(TRACES), '--child-spans', '2', '--status-code', 'Error'],
            ...['--service', 'by-zipkin', '--telemetry-attributes', `format="${format}"`],
          ]);
          const ids = await eventually(
            () => new Set(collector.said().match(/(?<=Trace ID\s+: )[0-9a-f]{32}/g)),
            ({ size }) => size >= TRACES,
          );
          expect(ids.size).toBe(TRACES);
          const said = {
            status: 2,
            scope: 'telemetrygen',
            resource: { 'service.name': 'by-zipkin' },
          };
          const address = { format, 'network.peer.address': '1.2.3.4' };
          for (const id of ids) {
            const spans = await traceOnce(server, id, 3);
            const { spanId = '' } = named(spans, 'lets-go')[0] ?? {};
            const child = { ...said, kind: 2, parentSpanId: spanId };
            expect(spans.toSorted((a, b) => a.name.localeCompare(b.name))).toMatchObject([
              {
                ...{ ...said, name: 'lets-go', kind: 3, parentSpanId: '' },
                attributes: { ...address, 'peer.service': 'telemetrygen-server' },
              },
              ...['okey-dokey-0', 'okey-dokey-1'].map((name) => ({
                ...{ ...child, name },
                attributes: { ...address, 'peer.service': 'telemetrygen-client' },
              })),
            ]);
          }
        }),
    );

    test.each(['json', 'proto'])('%s: a span of the SDK with all that it says', (format) =>
      throughCollector(format, async (otlp) => {
        const provider = new BasicTracerProvider({
          resource: resourceFromAttributes({ 'service.name': 'sdk', 'k8s.pod.name': 'sdk-1' }),
          spanProcessors: [
            new BatchSpanProcessor(new OTLPTraceExporter({ url: `http://${otlp}` })),
          ],
        });
        const context = { traceId: 'ab'.repeat(16), spanId: 'cd'.repeat(8) };
        const span = provider.getTracer('shop', '1.2').startSpan('order', {
          kind: SpanKind.CONSUMER,
          attributes: { number: 5, share: 0.5, on: true, tags: ['a', 'b'] },
          links: [{ context: { ...context, traceFlags: 1 }, attributes: { why: 'batch' } }],
        });
        span.addEvent('retried', { times: 2 }).addEvent('sent');
        span.setStatus({ code: SpanStatusCode.ERROR, message: 'card declined' });
        const { traceId } = span.spanContext();
        span.end();
        await provider.forceFlush();
        await provider.shutdown();
        const spans = await traceOnce(server, traceId, 1);
        // Zipkin's tags are text; what has no field there comes back from the exporter's own tags.
        expect(spans).toMatchObject([
          {
            name: 'order',
            kind: 5,
            parentSpanId: '',
            status: 2,
            message: 'card declined',
            scope: 'shop',
            resource: { 'service.name': 'sdk', 'k8s.pod.name': 'sdk-1' },
            attributes: { number: '5', share: '0.5', on: 'true', tags: '["a","b"]' },
            events: [
              { name: 'retried', attributes: { times: { intValue: '2' } } },
              { name: 'sent', attributes: {} },
            ],
            links: [{ ...context, attributes: { why: 'batch' } }],
          },
        ]);
      }),
    );
  },
);
