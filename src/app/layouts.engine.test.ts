import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { sendNdjson } from '../../sim/carriers.ts';
import { endServer, linesOf, metric, runServer } from '../../sim/running-server.ts';
import type { RunningServer } from '../../sim/running-server.ts';

/** The catalog knows layouts before their rows are there, and how many a bucket may have. */
const directory = mkdtempSync(join(tmpdir(), 'meshtrail-layouts-'));
let server: RunningServer;

afterEach(() => endServer(server));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const start = async (data: string, yaml = ''): Promise<void> => {
  server = await runServer({ data: join(directory, data), yaml });
};

/** Lines, each of a layout of its own. */
const shapes = (service: string, count: number): string[] =>
  Array.from(
    { length: count },
    (_, n) => `{"service":"${service}","msg":"m","${service}${n}":${n}}`,
  );

const given = (service: string): Promise<string[]> =>
  linesOf(server, `{service_name="${service}"}`);
const layouts = (): Promise<number> => metric(server, 'meshtrail_layouts', { tenant: 'default' });
const keptWhole = (): Promise<number> =>
  metric(server, 'meshtrail_lines_kept_whole_total', { reason: 'limit' });

test('after kill -9 every line is given back, and its layout is known', async () => {
  await start('killed');
  const lines = shapes('shop', 12);
  expect((await sendNdjson(server, lines)).status).toBe(200);
  expect(await layouts()).toBe(12);
  await server.process.kill();
  await start('killed');
  expect(await layouts()).toBe(12);
  expect(await given('shop')).toEqual(lines.sort());
}, 60_000);

test('beyond the bound lines are kept whole, also after a restart, and all are given back', async () => {
  const yaml = 'threads: 1\nlimits: {layouts_per_bucket: 4}';
  await start('full', yaml);
  const lines = shapes('many', 20);
  for (const line of lines) await sendNdjson(server, [line]);
  expect(await layouts()).toBe(4);
  expect(await keptWhole()).toBe(16);
  expect(await metric(server, 'meshtrail_lines_structured_total')).toBe(20);
  expect(await given('many')).toEqual(lines.sort());
  await server.process.kill();
  await start('full', yaml);
  // The thread does not know yet that the bucket is full; it is told with its first new layout.
  const more = shapes('more', 20);
  for (const line of more) await sendNdjson(server, [line]);
  expect(await layouts()).toBe(5);
  expect(await keptWhole()).toBe(19);
  expect(await given('more')).toEqual(more.sort());
  expect(await given('many')).toEqual(lines.sort());
}, 60_000);
