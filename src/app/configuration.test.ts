import { describe, expect, test } from 'vitest';
import { MeshtrailError } from '../model/errors.ts';
import { parseListen, readConfigurationFile, settle } from './configuration.ts';

const failure = (run: () => unknown): MeshtrailError => {
  try {
    run();
  } catch (error) {
    if (error instanceof MeshtrailError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

const machine = { cores: 2 };
const none = (): undefined => undefined;

describe('a file with mistakes names line, column, what stands there and what is allowed', () => {
  test.each([
    ['an unknown key', 'data: x\nlisten_on: y\n', ['m.yaml:2:1', "'listen_on'", 'native_ports']],
    [
      'a nested unknown key',
      'engine:\n  url: x\n  uri: y\n',
      ['m.yaml:3:3', "'uri'", 'memory_bytes'],
    ],
    ['a port out of range', 'ports:\n  loki: 70000\n', ['m.yaml:2:3', 'ports.loki', '70000']],
    ['an unknown port', 'ports:\n  lokki: 1\n', ['m.yaml:2:3', 'elasticsearch']],
    [
      'a word for a number',
      'limits:\n  line_bytes: many\n',
      ['m.yaml:2:3', 'limits.line_bytes', '"many"'],
    ],
    ['a word for a port', 'ports:\n  loki: maybe\n', ['m.yaml:2:3', 'maybe', '0 to 65535, or off']],
    ['a word for a size', 'journal:\n  max_bytes: big\n', ['m.yaml:2:3', 'big', '512MiB']],
    ['an unknown format', 'formats:\n  app: lgfmt\n', ['m.yaml:2:3', 'lgfmt', 'logfmt']],
    [
      'an unknown kind of format',
      'formats:\n  app: {kind: iis, format: x}\n',
      ['m.yaml:2:9', 'formats.app.kind', 'haproxy'],
    ],
    [
      'a definition that cannot be read',
      'formats:\n  app:\n    kind: nginx\n    format: $a$b\n',
      ['m.yaml:4:5', 'formats.app.format', 'column 3', '$a and $b'],
    ],
    [
      'a definition with more than that',
      'formats:\n  app: {kind: nginx, format: $a, unit: s}\n',
      ['m.yaml:2:34', 'kind, format'],
    ],
    ['a definition without its text', 'formats:\n  app: {kind: nginx}\n', ['m.yaml:', 'missing']],
    ['a list', '- a\n- b\n', ['m.yaml:1:1', 'keys and their values']],
    ['broken YAML', 'data: [1\n', ['m.yaml:']],
    ['a repeated key', 'data: a\ndata: b\n', ['m.yaml:2:1', 'unique']],
  ])('%s', (_name, text, words) => {
    const { code, message } = failure(() => readConfigurationFile(text, 'm.yaml'));
    expect(code).toBe('configuration_invalid');
    for (const word of words) expect(message).toContain(word);
  });
});

test('an empty file is all defaults', () => {
  const config = settle({}, none, readConfigurationFile('', 'm.yaml'), machine);
  expect(config).toMatchObject({
    host: '127.0.0.1',
    port: 7280,
    data: './data',
    dev: false,
    nativePorts: true,
    discoverServiceName: true,
    discoverLogLevels: true,
    forwardUserAuth: false,
    threads: 1,
  });
  expect(config.engine.home).toBe('embedded');
  expect(config.ports).toMatchObject({
    loki: 3100,
    elasticsearch: 9200,
    'otlp-http': 4318,
    syslog: 5140,
  });
});

test('flags win over variables, variables over the file', () => {
  const file = readConfigurationFile(
    'listen: 127.0.0.1:1\ndata: file\nnative_ports: off\n',
    'm.yaml',
  );
  const env = (name: string): string | undefined =>
    ({ MESHTRAIL_LISTEN: '127.0.0.1:2', MESHTRAIL_DATA: 'env' })[name];
  const config = settle({ listen: '127.0.0.1:3' }, env, file, machine);
  expect(config).toMatchObject({ port: 3, data: 'env', nativePorts: false });
});

test('sizes take units, limits their snake_case names, ports a number or off', () => {
  const file = readConfigurationFile(
    'journal: {max_bytes: 512MiB}\nengine: {memory_bytes: 1GB}\nlimits: {line_bytes: 1000}\nports: {loki: off, syslog: 0}\n',
    'm.yaml',
  );
  const config = settle({}, none, file, machine);
  expect(config.journalMaxBytes).toBe(512 * 2 ** 20);
  expect(config.engine.memoryBytes).toBe(1e9);
  expect(config.limits).toEqual({ lineBytes: 1000 });
  expect(config.ports).toMatchObject({ loki: 'off', syslog: 0 });
});

test.each(['abc', '-1', '0', '5 apples'])('a journal of %s is refused', (text) => {
  const env = (name: string): string | undefined =>
    name === 'MESHTRAIL_JOURNAL_MAX_BYTES' ? text : undefined;
  expect(failure(() => settle({}, env, {}, machine)).message).toContain(`'${text}'`);
});

test.each([
  ['127.0.0.1:7280', { host: '127.0.0.1', port: 7280 }],
  ['[::1]:80', { host: '::1', port: 80 }],
  [':0', { host: '127.0.0.1', port: 0 }],
  ['example.org:443', { host: 'example.org', port: 443 }],
])('listen %s', (text, expected) => {
  expect(parseListen(text)).toEqual(expected);
});

test.each(['7280', 'host', 'host:', 'host:99999', '::1:80'])('listen %s is refused', (text) => {
  expect(failure(() => parseListen(text)).message).toContain(text);
});

test('a certificate without its key is refused', () => {
  expect(failure(() => settle({ tlsCert: 'a.pem' }, none, {}, machine)).hint).toContain(
    '--tls-key',
  );
});
