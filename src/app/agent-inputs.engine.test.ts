import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { AgentProcess } from '../../sim/agent-process.ts';
import { freePort } from '../../sim/round.ts';
import {
  endServer,
  eventually,
  find,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/** What each kind of input becomes at the server: the envelope of containers, syslog and OTLP. */
let server: RunningServer | undefined;
let agent: AgentProcess | undefined;

afterEach(async () => {
  await agent?.remove();
  await endServer(server);
});

const found = async (
  selector: string,
): Promise<{ line: string; fields: Readonly<Record<string, string>> }[]> => {
  const streams = await eventually(
    () => find(server as RunningServer, `${selector} | record`),
    ({ length }) => length > 0,
  );
  return streams.flatMap(({ stream, values }) =>
    values.map(([, line]) => ({ line, fields: stream })),
  );
};

test('containers, syslog, OTLP and commands arrive as what they are', async () => {
  server = await runServer();
  const [syslogPort, otlpPort] = [await freePort(), await freePort()];
  agent = new AgentProcess({ servers: [server.url], yaml: '' });
  const logs = join(agent.directory, 'containers');
  mkdirSync(logs);
  await agent.configure(`batch: {wait_ms: 20}
labels: {environment: test}
inputs:
  - {kind: container, include: ['${logs}/*.log'], discover_ms: 100}
  - {kind: syslog, listen: [{transport: tcp, port: ${syslogPort}}]}
  - {kind: otlp, port: ${otlpPort}}
  - {kind: exec, command: [/bin/echo, 'from a command'], interval_ms: 3600000, service: cron}`);
  const id = 'a'.repeat(64);
  const now = new Date().toISOString().slice(0, 19);
  writeFileSync(
    join(logs, `cart-5f7d_shop_cart-${id}.log`),
    `${now}.123456789Z stderr P level=warn msg="a\n${now}.223456789Z stderr F  slow cart"\n`,
  );
  await agent.start();
  const [cart] = await found('{namespace="shop"}');
  expect(cart?.line).toBe('level=warn msg="a slow cart"');
  expect(cart?.fields).toMatchObject({
    ...{ namespace: 'shop', pod: 'cart-5f7d', container: 'cart', stdio: 'stderr' },
    ...{ severity_text: 'warn', body: 'a slow cart', environment: 'test' },
  });
  const timeNs = BigInt(Date.parse(`${now}Z`)) * 1_000_000n + 123_456_789n;
  expect(cart?.fields['timestamp']).toBe(String(timeNs));

  const socket = connect(syslogPort, '127.0.0.1');
  socket.end(`<34>1 ${now}Z web-1 su 77 ID47 - failed for root\n`);
  const [syslog] = await found('{service_name="su"}');
  expect(syslog?.line).toBe('failed for root');
  expect(syslog?.fields).toMatchObject({ severity_text: 'crit', node: 'web-1' });

  const body = JSON.stringify({
    resourceLogs: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'app' } }] },
        scopeLogs: [
          {
            logRecords: [
              { body: { stringValue: 'one of two' }, severityText: 'ERROR' },
              { body: { stringValue: 'two of two' } },
            ],
          },
        ],
      },
    ],
  });
  const answer = await fetch(`http://127.0.0.1:${otlpPort}/v1/logs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  expect(answer.status).toBe(200);
  const relayed = await eventually(
    () => found('{service_name="app"}'),
    ({ length }) => length >= 2,
  );
  expect(relayed.map(({ line }) => line).sort()).toEqual(['one of two', 'two of two']);

  const [command] = await found('{service_name="cron"}');
  expect(command?.line).toBe('from a command');
  expect(await agent.get('/healthz')).toBe('ok\n');
});
