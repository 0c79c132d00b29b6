import { expect, test } from 'vitest';
import { MeshtrailError } from '../model/errors.ts';
import { readAgentConfiguration } from './configuration.ts';

const HEAD = 'servers: [https://logs.example.com:7280]\ndata: /var/lib/agent\n';

const errorOf = (text: string): string => {
  try {
    readAgentConfiguration(text, 'agent.yaml');
  } catch (error) {
    if (error instanceof MeshtrailError) return error.message;
    throw error;
  }
  return '';
};

test('a short file gets every default', () => {
  const read = readAgentConfiguration(
    `${HEAD}inputs:\n  - {kind: file, include: [/var/log/*.log], service: shop}\n`,
    'agent.yaml',
  );
  expect(read).toMatchObject({
    keyVariable: 'MESHTRAIL_KEY',
    listen: { host: '127.0.0.1', port: 7281 },
    cloud: 'off',
    bufferMaxBytes: 2 ** 30,
    batchBytes: 2 ** 20,
    packing: 'zstd',
    requests: 2,
  });
  expect(read.servers[0]?.href).toBe('https://logs.example.com:7280/');
  expect(read.inputs).toMatchObject([
    {
      options: { kind: 'file', name: 'file', multiline: 'auto', startAt: 'beginning', gzip: true },
      processing: { rules: [], sample: undefined, rateLimit: undefined },
      fields: { service: 'shop' },
    },
  ]);
});

const file = (more: string): string => `${HEAD}inputs:\n  - {kind: file, include: [/a]${more}}\n`;

test.each([
  ['a: b\n', 'agent.yaml:1:1: servers is missing: '],
  [file(', colour: red'), "agent.yaml:4:33: unknown key 'colour'; allowed under inputs.0: kind,"],
  [file(', start_at: middle'), 'agent.yaml:4:33: inputs.0.start_at: "middle" is not allowed'],
  [`${HEAD}inputs: [{kind: pigeon}]\n`, 'agent.yaml:3:11: inputs.0.kind: "pigeon" is not allowed'],
  [`${HEAD}inputs: []\n`, 'agent.yaml:3:1: inputs: what stands there is not allowed: at least one'],
  [`servers: ['https://u:p@h']\ndata: d\ninputs: [{kind: stdin}]\n`, 'without a key'],
  [file(', sample: {keep: 2}'), 'inputs.0.sample.keep: 2 is not allowed'],
  [file(', multiline: {max_lines: 5}'), 'multiline has no pattern'],
  [`${file('')}  - {kind: file, include: [/b]}\n`, "two inputs are called 'file'"],
  [`${file('')}listen: 0.0.0.0:7281\n`, 'not on 0.0.0.0'],
  [`${file('')}buffer: {max_bytes: 1MiB}\n`, 'buffer.max_bytes: 1MiB is less than'],
  [`${HEAD}inputs: [{kind: otlp, host: 0.0.0.0}]\n`, 'would listen on 0.0.0.0 without any key'],
  [`${file('')}tls: {cert: a.pem}\n`, 'tls needs both'],
  [`${file('')}servers: [http://b]\n`, 'agent.yaml:5:1: Map keys must be unique'],
])('%j is refused where it is wrong', (text, words) => {
  expect(errorOf(text)).toContain(words);
});
