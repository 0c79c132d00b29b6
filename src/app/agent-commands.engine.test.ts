import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AgentProcess } from '../../sim/agent-process.ts';
import { makeCertificates } from '../../sim/certificates.ts';
import { freePort } from '../../sim/round.ts';
import { eventually } from '../../sim/running-server.ts';
import { ServerProcess } from '../../sim/server-process.ts';

/** The agent's command line, and the agent over TLS with certificates. */
const PROGRAM = fileURLToPath(new URL('../../bin/meshtrail.js', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'meshtrail-agent-cli-'));
const logs = join(directory, 'logs');
const KEY = 'the-administrators-key-of-a-test';

beforeAll(() => {
  makeCertificates(directory);
  mkdirSync(logs);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const run = (
  words: readonly string[],
  input = '',
): Promise<{ code: number | null; out: string; err: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [PROGRAM, 'agent', ...words]);
    let out = '';
    let err = '';
    child.stdout.on('data', (part: Buffer) => (out += part.toString('utf8')));
    child.stderr.on('data', (part: Buffer) => (err += part.toString('utf8')));
    child.on('close', (code) => resolve({ code, out, err }));
    child.stdin.end(input);
  });

const config = (name: string, yaml: string): string => {
  const file = join(directory, name);
  writeFileSync(file, `servers: [http://127.0.0.1:9]\ndata: ${directory}/dry-data\n${yaml}\n`);
  return file;
};

test('--dry-run --inspect shows each event stage by stage, and leaves nothing behind', async () => {
  const lines = [
    'GET /healthz 200',
    '{"ts":"2026-01-31T12:00:00Z","level":"error","msg":"declined","order":42}',
    'level=info msg=fine',
  ];
  writeFileSync(join(logs, 'a.log'), `${lines.join('\n')}\n`);
  const file = config(
    'dry.yaml',
    `labels: {environment: prod}
inputs:
  - {kind: file, include: ['${logs}/*.log'], service: shop, sample: {keep: 0},
     rules: [{exclude: {line: healthz}}]}`,
  );
  const { code, out } = await run(['--config', file, '--dry-run', '--inspect', '--events', '3']);
  expect(code).toBe(0);
  const [health = '', order = '', fine = '', sums = ''] = out.split(/^(?=file {2}|\nsource)/m);
  expect(health).toContain('select  left out by a rule');
  expect(order).toContain(`read    ${lines[1]}`);
  expect(order).toMatch(/fields {2}.*environment="prod" service="shop"/);
  expect(order).toContain('redact  unchanged');
  expect(order).toMatch(/record {2}timestamp="2026-01-31T12:00:00.000000000Z".*severity="17"/);
  expect(order).toContain('order="42"');
  expect(order).toContain('sent    number 0');
  expect(fine).toContain('sample  left out');
  expect(fine + sums).toContain('excluded 1, sampled 1');
  expect(fine + sums).toMatch(/3 events, \d+ bytes read; 1 batches of \d+ bytes would go to/);
  expect(existsSync(join(directory, 'dry-data'))).toBe(false);
});

test('check names line and column; a missing configuration says what to give', async () => {
  const good = config('good.yaml', `inputs: [{kind: file, include: ['${logs}/*.log']}]`);
  expect(await run(['check', '--config', good])).toMatchObject({ code: 0 });
  const bad = config('bad.yaml', 'inputs: [{kind: file, includes: [a]}]');
  const { code, err } = await run(['check', '--config', bad]);
  expect(code).toBe(1);
  expect(err).toContain(`${bad}:3:23: unknown key 'includes'`);
  expect((await run([])).err).toContain('give --config FILE');
  const rule = config('rule.yaml', `inputs: [{kind: stdin, rules: [{exclude: {line: '(?=x)'}}]}]`);
  expect((await run(['check', '--config', rule])).err).toContain('expressions follow RE2');
  const key = config('key.yaml', `key_file: ${directory}/absent\ninputs: [{kind: stdin}]`);
  expect((await run(['check', '--config', key])).err).toContain('cannot be read');
});

test('over TLS with certificates of both sides; a stranger gets nothing', async () => {
  const port = await freePort();
  const yaml = join(directory, 'server.yaml');
  const pem = (name: string): string => join(directory, name);
  writeFileSync(
    yaml,
    `tls: {cert: ${pem('server.pem')}, key: ${pem('server.key')}, client_ca: ${pem('ca.pem')}}\n`,
  );
  const server = new ServerProcess({
    data: pem('server-data'),
    port,
    flags: ['--config', yaml, '--native-ports', 'off'],
    env: { MESHTRAIL_ADMIN_KEY: KEY },
  });
  const agent = new AgentProcess({
    servers: [`https://127.0.0.1:${port}`],
    yaml: `inputs: [{kind: file, include: ['${logs}/*.log'], service: tls}]
tls: {ca: ${pem('ca.pem')}, cert: ${pem('client.pem')}, key: ${pem('client.key')}}`,
    env: { MESHTRAIL_KEY: KEY },
  });
  const stranger = new AgentProcess({
    servers: [`https://127.0.0.1:${port}`],
    yaml: `inputs: [{kind: file, include: ['${logs}/*.log'], service: stranger}]
tls: {ca: ${pem('rogue.pem')}}`,
    env: { MESHTRAIL_KEY: KEY },
  });
  try {
    server.launch();
    await eventually(() => server.output.includes('first line'), Boolean, 50_000);
    writeFileSync(join(logs, 'a.log'), 'over tls\n');
    await agent.start();
    await stranger.start();
    const sources = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const headers = { authorization: `Bearer ${KEY}` };
        const options = { port, host: '127.0.0.1', path: '/api/v1/sources', headers };
        request({ ...options, ca: readFileSync(pem('ca.pem')) }, (answer) => {
          let text = '';
          answer.on('data', (part: Buffer) => (text += part.toString('utf8')));
          answer.on('end', () => resolve(text));
        })
          .on('error', reject)
          .end();
      });
    const heard = await eventually(sources, (text) => text.includes('"protocol":"agent"'));
    expect(heard).toContain('"identity":"client"');
    expect(heard).toContain('"encrypted":true');
    expect(await agent.metric('delivered_events_total')).toBe(1);
    await eventually(
      () => stranger.metric('failures_total'),
      (count) => count > 0,
    );
    expect(await stranger.get('/healthz')).toMatch(/certificate/);
    expect(await stranger.metric('delivered_events_total')).toBe(0);
  } finally {
    await agent.remove();
    await stranger.remove();
    await server.kill();
  }
});
