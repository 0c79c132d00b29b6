import { Client } from '@elastic/elasticsearch';
import { Client as Client8 } from 'elasticsearch8';
import { Client as OpenSearch } from '@opensearch-project/opensearch';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  endServer,
  eventually,
  linesOf,
  metric,
  runServer,
  type RunningServer,
} from '../../sim/running-server.ts';

/** What Elasticsearch's clients do before, around and after their documents, against a server. */
let server: RunningServer;
let node: string;

beforeAll(async () => {
  server = await runServer({ ports: ['elasticsearch'] });
  node = `http://127.0.0.1:${server.ports['elasticsearch']}`;
});
afterAll(() => endServer(server));

interface Asked {
  readonly agent: string;
  readonly type?: string;
  readonly body?: string | undefined;
}

const ask = async (method: string, path: string, asked: Asked): Promise<Response> => {
  const { agent, type = 'application/json', body } = asked;
  const headers = { 'user-agent': agent, accept: 'application/json', 'content-type': type };
  const answer = await fetch(`${node}${path}`, {
    method,
    headers,
    ...(body !== undefined && { body }),
  });
  expect(answer.headers.get('x-elastic-product'), path).toBe('Elasticsearch');
  return answer;
};

type Step = readonly [method: string, path: string, status: number, body?: string];

const follow = async (agent: string, steps: readonly Step[]): Promise<void> => {
  for (const [method, path, status, body] of steps) {
    const answer = await ask(method, path, { agent, body });
    expect([method, path, answer.status]).toEqual([method, path, status]);
    await answer.arrayBuffer();
  }
};

const POLICY = '{"policy":{"phases":{"hot":{"actions":{"rollover":{"max_age":"30d"}}}}}}';
const template = (pattern: string): string =>
  JSON.stringify({ index_patterns: [pattern], data_stream: {}, priority: 150, template: {} });

// libbeat: outputs/elasticsearch, idxmgmt/lifecycle and template (elastic/beats).
test.each([
  ['Elastic-Filebeat/8.17.3 (linux; amd64; abc; 2025-01-01)', '8.17.3'],
  ['Elastic-Filebeat/9.1.2 (linux; amd64; abc; 2025-07-01)', '9.1.2'],
])('%s sets up its policy, template and stream once, and sends', async (agent, version) => {
  const info = (await (await ask('GET', '/', { agent })).json()) as {
    version: { number: string; build_flavor: string };
  };
  expect(info.version).toMatchObject({ number: version, build_flavor: 'default' });
  const license = (await (await ask('GET', '/_license?human=false', { agent })).json()) as {
    license: { status: string; type: string; uid: string };
  };
  expect(license.license).toMatchObject({ status: 'active', type: 'basic' });
  const name = `filebeat-${version}`;
  await follow(agent, [
    ['GET', '/_ilm/policy/filebeat', version === '8.17.3' ? 404 : 200],
    ['PUT', '/_ilm/policy/filebeat', 200, POLICY],
    ['GET', '/_ilm/policy/filebeat', 200],
    ['HEAD', `/_index_template/${name}`, 404],
    ['PUT', `/_index_template/${name}`, 200, template(name)],
    ['HEAD', `/_index_template/${name}`, 200],
    ['GET', `/_data_stream/${name}`, 404],
    ['PUT', `/_data_stream/${name}`, 200],
    ['GET', `/_data_stream/${name}`, 200],
    ['GET', '/_ingest/pipeline/filebeat-module', version === '8.17.3' ? 404 : 200],
    ['PUT', '/_ingest/pipeline/filebeat-module', 200, '{"processors":[]}'],
  ]);
  const bulk = await ask('POST', '/_bulk?filter_path=errors,items.*.error,items.*.status', {
    agent,
    type: 'application/vnd.elasticsearch+json; compatible-with=8',
    body: `{"create":{"_index":"${name}"}}\n{"message":"beat ${version}","service":{"name":"beats"}}\n`,
  });
  expect(await bulk.json()).toEqual({ errors: false, items: [{ create: { status: 201 } }] });
});

// logstash-output-elasticsearch: http_client, template_manager, ilm.
test('Logstash finds its template where it left it', async () => {
  const agent = 'Logstash/9.1.0 (OS=Linux) logstash-output-elasticsearch/12.0.2';
  await follow(agent, [
    ['HEAD', '/', 200],
    ['GET', '/', 200],
    ['GET', '/_license', 200],
    ['GET', '/_xpack', 200],
    ['HEAD', '/_index_template/ecs-logstash', 404],
    ['PUT', '/_index_template/ecs-logstash', 200, template('ecs-logstash-*')],
    ['HEAD', '/_index_template/ecs-logstash', 200],
    ['HEAD', '/_ilm/policy/logstash-policy', 404],
    ['PUT', '/_ilm/policy/logstash-policy', 200, POLICY],
    ['HEAD', '/_alias/logstash', 404],
    ['PUT', '/%3Clogstash-%7Bnow%2Fd%7D-000001%3E', 200, '{"aliases":{"logstash":{}}}'],
    ['HEAD', '/_alias/logstash', 200],
    ['GET', '/_nodes/http', 200],
    ['GET', '/_cluster/health', 200],
    ['GET', '/_cat/health', 200],
  ]);
});

test.each([
  ['@elastic/elasticsearch 9', () => new Client({ node })],
  ['@elastic/elasticsearch 8', () => new Client8({ node }) as unknown as Client],
])('%s sets up and sends', async (name, make) => {
  const client = make();
  const own = name.endsWith('9') ? 'nine' : 'eight';
  expect(await client.indices.existsIndexTemplate({ name: own })).toBe(false);
  await client.indices.putIndexTemplate({ name: own, index_patterns: [`${own}-*`] });
  expect(await client.indices.existsIndexTemplate({ name: own })).toBe(true);
  const { index_templates } = await client.indices.getIndexTemplate({ name: `${own}*` });
  expect(index_templates.map((one) => one.name)).toEqual([own]);
  await client.ilm.putLifecycle({ name: own, policy: { phases: {} } });
  expect(Object.keys(await client.ilm.getLifecycle({ name: own }))).toEqual([own]);
  expect(await client.indices.exists({ index: own })).toBe(false);
  await client.indices.create({ index: own });
  expect(await client.indices.exists({ index: own })).toBe(true);
  const bad = await client.bulk({
    operations: [
      { index: { _index: 'logs-shop-prod' } },
      { message: 'refused' },
      { create: { _index: 'logs-shop-prod' } },
      { message: `taken by ${own}`, service: { name: 'streams' } },
    ],
  });
  expect(bad.errors).toBe(true);
  expect(bad.items[0]?.index).toMatchObject({
    status: 400,
    error: { type: 'illegal_argument_exception' },
  });
  expect(bad.items[1]?.create?.status).toBe(201);
  const created = await client.create({
    index: own,
    id: '1',
    document: { message: `single ${own}`, service: { name: 'singles' } },
  });
  expect(created.result).toBe('created');
  expect(await linesOf(server, '{service_name="streams"}')).toContain(`taken by ${own}`);
  await client.close();
});

test('a bulk request that is sent again has its documents with ids once', async () => {
  const client = new Client({ node });
  const send = (): Promise<unknown> =>
    client.bulk({
      operations: Array.from({ length: 50 }, (_, n) => [
        { create: { _index: 'mesh', _id: `retry-${n}` } },
        { message: `retried ${n}`, service: { name: 'retries' } },
      ]).flat(),
    });
  for (let time = 0; time < 3; time++) await send();
  expect(await linesOf(server, '{service_name="retries"}')).toHaveLength(50);
  expect(await metric(server, 'meshtrail_duplicates_total')).toBe(100);
  await client.close();
});

test('@opensearch-project/opensearch sets up and sends', async () => {
  const client = new OpenSearch({ node });
  expect((await client.indices.existsTemplate({ name: 'os' })).body).toBe(false);
  await client.indices.putTemplate({ name: 'os', body: { index_patterns: ['os-*'] } });
  expect((await client.indices.existsTemplate({ name: 'os' })).body).toBe(true);
  const { body } = await client.bulk({
    body: [{ index: { _index: 'os-1' } }, { message: 'open', service: { name: 'opensearch' } }],
  });
  expect(body.errors).toBe(false);
  await client.close();
});

test('what was set up is there after kill -9, and for its own tenant only', async () => {
  await server.process.kill();
  await server.process.start();
  const agent = 'Elastic-Filebeat/8.17.3';
  await follow(agent, [
    ['HEAD', '/_index_template/filebeat-8.17.3', 200],
    ['GET', '/_ilm/policy/filebeat', 200],
    ['HEAD', '/nine', 200],
    ['DELETE', '/_index_template/filebeat-8.17.3', 200],
    ['HEAD', '/_index_template/filebeat-8.17.3', 404],
  ]);
  const other = await fetch(`${node}/_ilm/policy/filebeat`, {
    headers: { 'x-scope-orgid': 'another' },
  });
  expect(other.status).toBe(404);
  const found = await eventually(
    () => linesOf(server, '{service_name="beats"}'),
    (lines) => lines.length === 2,
  );
  expect(found).toEqual(['beat 8.17.3', 'beat 9.1.2']);
});
