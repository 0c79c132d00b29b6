import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../../sim/certificates.ts';
import type { ContainerOptions } from '../input-options.ts';
import { readAnnotations } from './annotations.ts';
import { readContainerPath } from './container-path.ts';
import { readPod } from './pod.ts';
import { doorsOf, fileOptions, runInput, type Running } from './testing-input.ts';

const ID = 'a'.repeat(64);

describe('paths', () => {
  test.each([
    [
      '/var/log/pods/shop_cart-7c9d-x2x4z_0b1c-22/istio-proxy/3.log',
      { namespace: 'shop', pod: 'cart-7c9d-x2x4z', podUid: '0b1c-22', container: 'istio-proxy' },
    ],
    [
      '/var/log/pods/shop_cart_0b1c/main/0.log.20261121-100000.gz',
      { namespace: 'shop', pod: 'cart', podUid: '0b1c', container: 'main' },
    ],
    [
      `/var/log/containers/cart-7c9d-x2x4z_shop_istio-proxy-${ID}.log`,
      { namespace: 'shop', pod: 'cart-7c9d-x2x4z', container: 'istio-proxy', containerId: ID },
    ],
    [`/var/lib/docker/containers/${ID}/${ID}-json.log`, { containerId: ID }],
    ['/var/log/messages', {}],
  ])('%s', (path, place) => expect(readContainerPath(path)).toEqual(place));
});

const pod = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  metadata: {
    name,
    namespace: 'shop',
    uid: `uid-${name}`,
    resourceVersion: '7',
    labels: { app: 'cart', 'pod-template-hash': '7c9d' },
    ownerReferences: [{ kind: 'ReplicaSet', name: 'cart-7c9d', controller: true }],
    ...more,
  },
  spec: { nodeName: 'node-1', containers: [{ name: 'main', image: 'cart:1' }] },
});

test('pods: workloads by owner', () => {
  const of = (kind: string, name: string): unknown => {
    const found = readPod(pod('a', { ownerReferences: [{ kind, name, controller: true }] }));
    return [found?.workloadKind, found?.workload];
  };
  expect(of('ReplicaSet', 'cart-7c9d')).toEqual(['Deployment', 'cart']);
  expect(of('ReplicaSet', 'own')).toEqual(['ReplicaSet', 'own']);
  expect(of('StatefulSet', 'db')).toEqual(['StatefulSet', 'db']);
  expect(of('Job', 'nightly-29384756')).toEqual(['CronJob', 'nightly']);
  expect(readPod({ metadata: {} })).toBeUndefined();
});

describe('annotations', () => {
  const multiline = (regex: Record<string, string>): unknown => expect.objectContaining(regex);
  test.each([
    [{ 'meshtrail.io/exclude': 'true' }, { exclude: true }],
    [{ 'meshtrail.io/exclude': 'true', 'meshtrail.io/exclude.main': 'false' }, { exclude: false }],
    [{ 'meshtrail.io/format': 'json' }, { format: 'json' }],
    [{ 'meshtrail.io/format': 'nonsense' }, { format: undefined }],
    [{ 'meshtrail.io/multiline': 'none' }, { multiline: 'none' }],
    [
      { 'meshtrail.io/multiline': 'start: ^\\d{4}' },
      { multiline: multiline({ start: '^\\d{4}' }) },
    ],
    [
      { 'meshtrail.io/multiline': 'start: (?=x)' },
      { multiline: undefined, unknown: ['multiline'] },
    ],
    [{ 'fluentbit.io/exclude': 'true' }, { exclude: true }],
    [{ 'fluentbit.io/parser-main': 'logfmt', 'fluentbit.io/parser': 'json' }, { format: 'logfmt' }],
    [{ 'co.elastic.logs/enabled': 'false' }, { exclude: true }],
    [{ 'co.elastic.logs.main/enabled': 'true' }, { exclude: false }],
    [
      { 'co.elastic.logs/multiline.pattern': '^\\[', 'co.elastic.logs/multiline.negate': 'true' },
      { multiline: multiline({ start: '^\\[' }) },
    ],
    [{ 'co.elastic.logs/multiline.pattern': '^ ' }, { multiline: multiline({ continues: '^ ' }) }],
    [{ 'co.elastic.logs/json.keys_under_root': 'true' }, { format: 'json' }],
    [{ 'ad.datadoghq.com/main.logs_exclude': 'true' }, { exclude: true }],
    [
      {
        'ad.datadoghq.com/main.logs': JSON.stringify([
          {
            service: 'cart',
            log_processing_rules: [{ type: 'multi_line', name: 'x', pattern: '\\d{4}-' }],
          },
        ]),
      },
      { service: 'cart', multiline: multiline({ start: '^(?:\\d{4}-)' }) },
    ],
    [{ 'ad.datadoghq.com/main.logs': 'no json' }, { exclude: false }],
  ])('%j', (annotations, expected) =>
    expect(readAnnotations(annotations as Record<string, string>, 'main')).toMatchObject(expected),
  );
});

let folder: string;
let running: Running[];
beforeEach(() => {
  folder = mkdtempSync('/tmp/meshtrail-containers-');
  mkdirSync(`${folder}/state`);
  running = [];
});
afterEach(async () => {
  for (const one of running) await one.stop();
  rmSync(folder, { recursive: true });
});

const start = async (options: Partial<ContainerOptions> = {}): Promise<Running> => {
  const follow = fileOptions(`${folder}/pods/*/*/*.log*`);
  const one = await runInput(
    { ...follow, kind: 'container', runtime: 'auto', kubernetes: undefined, ...options },
    doorsOf(`${folder}/state`),
  );
  running.push(one);
  return one;
};
const write = (name: string, lines: readonly string[], container = 'main'): void => {
  mkdirSync(`${folder}/pods/shop_${name}_uid-${name}/${container}`, { recursive: true });
  const text = lines.map((line) => `2026-11-21T10:00:00.5Z ${line}\n`).join('');
  appendFileSync(`${folder}/pods/shop_${name}_uid-${name}/${container}/0.log`, text);
};

test('without Kubernetes: what the path and the runtime say', async () => {
  write('cart-1', ['stdout F a', 'stderr P b', 'stderr F c']);
  const input = await start();
  await input.until((texts) => texts.length === 2);
  expect(input.texts()).toEqual(['a', 'bc']);
  expect(input.pieces[0]?.source).toMatchObject({
    kind: 'container',
    fields: { namespace: 'shop', pod: 'cart-1', container: 'main', 'k8s.pod.uid': 'uid-cart-1' },
  });
  expect([...(input.pieces[0]?.stdio ?? [])].slice(0, 2)).toEqual([1, 2]);
  expect(input.pieces[0]?.times?.nanos[0]).toBe(500_000_000);
});

test("kubelet's links are followed, and read once", async () => {
  write('cart-1', ['stdout F a']);
  mkdirSync(`${folder}/containers`);
  symlinkSync(
    `${folder}/pods/shop_cart-1_uid-cart-1/main/0.log`,
    `${folder}/containers/cart-1_shop_main-${ID}.log`,
  );
  const input = await start({ include: [`${folder}/containers/*.log`] });
  await input.until((texts) => texts.length === 1);
  expect(input.pieces[0]?.source.fields).toMatchObject({ pod: 'cart-1', 'container.id': ID });
});

/** The API as strict as the real one in what we use of it. */
class Api {
  readonly requests: string[] = [];
  readonly problems: string[] = [];
  pods: Record<string, unknown>[] = [];
  watches: { readonly response: ServerResponse; readonly from: string }[] = [];
  token = 'secret';
  private readonly server: Server;
  constructor(folder: string) {
    const key = readFileSync(`${folder}/server.key`);
    const cert = readFileSync(`${folder}/server.pem`);
    this.server = createServer({ key, cert }, (request, response) =>
      this.answer(request, response),
    );
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', 'https://api');
    this.requests.push(url.search);
    const of = (name: string): string | null => url.searchParams.get(name);
    if (url.pathname !== '/api/v1/pods') this.problems.push(url.pathname);
    if (of('fieldSelector') !== 'spec.nodeName=node-1') this.problems.push('fieldSelector');
    if (request.headers.authorization !== `Bearer ${this.token}`) {
      return void response.writeHead(401).end();
    }
    if (of('watch') === '1') {
      if (of('resourceVersion') === 'gone') return void response.writeHead(410).end('{}');
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      this.watches.push({ response, from: of('resourceVersion') ?? '' });
      return;
    }
    const from = Number(of('continue') ?? 0);
    const next = from + 1 < this.pods.length ? `${from + 1}` : undefined;
    const metadata = { resourceVersion: '10', continue: next };
    response.end(
      JSON.stringify({ kind: 'PodList', metadata, items: this.pods.slice(from, from + 1) }),
    );
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `https://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }
  send(type: string, object: unknown): void {
    this.watches.at(-1)?.response.write(`${JSON.stringify({ type, object })}\n`);
  }
  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

describe('with Kubernetes', () => {
  let api: Api;
  let url: string;
  beforeEach(async () => {
    makeCertificates(folder);
    api = new Api(folder);
    url = await api.listen();
    writeFileSync(`${folder}/token`, 'secret\n');
  });
  afterEach(() => api.close());
  const startWith = (waitMs = 10_000): Promise<Running> =>
    start({
      kubernetes: {
        ...{
          url,
          tokenFile: `${folder}/token`,
          caFile: `${folder}/ca.pem`,
          node: 'node-1',
          waitMs,
        },
        ...{ labels: ['app', 'team*'], annotations: [] },
      },
    });

  test('listed by pages, watched, excluded, forgotten versions listed anew', async () => {
    api.pods = [pod('cart-1'), pod('quiet-1', { annotations: { 'meshtrail.io/exclude': 'true' } })];
    write('cart-1', ['stdout F a']);
    write('quiet-1', ['stdout F never']);
    write('late-1', ['stdout F later']);
    const input = await startWith();
    await input.until((texts) => texts.length === 1);
    expect(input.pieces[0]?.source.fields).toMatchObject({
      service: 'cart',
      workload: 'cart',
      node: 'node-1',
      'k8s.workload.kind': 'Deployment',
      'k8s.pod.label.app': 'cart',
      'container.image.name': 'cart:1',
    });
    await expect.poll(() => api.watches.length).toBe(1);
    expect(api.watches[0]?.from).toBe('10');
    api.send('ADDED', pod('late-1', { annotations: { 'meshtrail.io/format': 'json' } }));
    await input.until((texts) => texts.length === 2);
    expect(input.pieces[1]?.source.format).toBe('json');
    api.send('BOOKMARK', { metadata: { resourceVersion: '42' } });
    api.watches[0]?.response.end();
    await expect.poll(() => api.watches.length, { timeout: 5_000 }).toBe(2);
    expect(api.watches[1]?.from).toBe('42');
    const before = api.requests.length;
    api.send('ERROR', { code: 410, reason: 'Expired' });
    api.watches[1]?.response.end();
    await expect.poll(() => api.watches.length, { timeout: 5_000 }).toBe(3);
    expect(api.requests.slice(before).filter((one) => one.includes('limit='))).toHaveLength(2);
    expect(api.problems).toEqual([]);
    expect(input.texts()).not.toContain('never');
  });

  test('a pod that nobody knows is read after a while, and told about later', async () => {
    write('cart-1', ['stdout F a']);
    const input = await startWith(300);
    await input.until((texts) => texts.length === 1);
    expect(input.pieces[0]?.source.fields['workload']).toBeUndefined();
    await expect.poll(() => api.watches.length).toBe(1);
    api.send('ADDED', pod('cart-1'));
    await expect
      .poll(
        () => {
          write('cart-1', ['stdout F b']);
          return input.pieces.at(-1)?.source.fields['workload'];
        },
        { timeout: 5_000, interval: 300 },
      )
      .toBe('cart');
    expect(new Set(input.events.map(({ source }) => source.id)).size).toBe(1);
  });

  test('an API that refuses is told, and a new token is taken', async () => {
    api.token = 'exchanged';
    api.pods = [pod('cart-1')];
    write('cart-1', ['stdout F a']);
    const input = await startWith(60_000);
    await expect
      .poll(() => input.input.status().troubles['kubernetes_unreachable'])
      .toBeGreaterThan(0);
    writeFileSync(`${folder}/token`, 'exchanged');
    await input.until((texts) => texts.length === 1);
    expect(input.pieces[0]?.source.fields['workload']).toBe('cart');
  });
});
