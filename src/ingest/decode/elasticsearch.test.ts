import { expect, test } from 'vitest';
import { must } from '../../model/errors.ts';
import { CapturedSink } from './captured-sink.ts';
import type { Definition, Reply } from './decode.ts';
import { versionFor } from './elasticsearch-handshake.ts';
import { createElasticsearch } from './elasticsearch.ts';

const decoder = createElasticsearch();

const ask = (
  method: string,
  url: string,
  headers: Record<string, string> = {},
  body = '',
): { reply: Reply; sink: CapturedSink; json: () => Record<string, unknown> } => {
  const sink = new CapturedSink();
  const [path = '', query = ''] = url.split('?', 2);
  const request = { method, path, query, headers, body: new TextEncoder().encode(body) };
  const reply = decoder.decode(request, sink);
  return { reply, sink, json: () => JSON.parse(String(reply.body)) as Record<string, unknown> };
};

test.each<[string, string, number]>([
  ['GET', '', 200],
  ['HEAD', '/', 200],
  ['POST', '/', 405],
  ['GET', '/_license', 200],
  ['GET', '/_license?human=false', 200],
  ['DELETE', '/_license', 405],
  ['GET', '/_xpack', 200],
  ['GET', '/_cluster/health', 200],
  ['GET', '/_cluster/health/mesh', 200],
  ['GET', '/_cluster/state', 400],
  ['GET', '/_cat/health', 200],
  ['GET', '/_cat/indices', 400],
  ['GET', '/_nodes', 200],
  ['GET', '/_nodes/_all/http', 200],
  ['GET', '/_ilm/policy/filebeat', 404],
  ['PUT', '/_ilm/policy/filebeat', 200],
  ['HEAD', '/_index_template/filebeat', 404],
  ['PUT', '/_index_template/filebeat', 200],
  ['DELETE', '/_index_template/filebeat', 404],
  ['PATCH', '/_index_template/filebeat', 405],
  ['POST', '/_data_stream/x', 405],
  ['HEAD', '/_alias/x', 404],
  ['GET', '/_index_template', 200],
  ['HEAD', '/_template/logstash', 404],
  ['PUT', '/_template/logstash', 200],
  ['GET', '/_component_template/x', 404],
  ['PUT', '/_component_template/x', 200],
  ['GET', '/_data_stream/x', 404],
  ['PUT', '/_data_stream/x', 200],
  ['GET', '/_ingest/pipeline/x', 404],
  ['PUT', '/_ingest/pipeline/x', 200],
  ['HEAD', '/mesh', 404],
  ['GET', '/mesh', 404],
  ['PUT', '/mesh', 200],
  ['DELETE', '/mesh', 405],
  ['PUT', '/mesh/_mapping', 200],
  ['HEAD', '/mesh/_alias/x', 404],
  ['POST', '/mesh/_refresh', 200],
  ['GET', '/mesh/_search', 400],
  ['POST', '/_search', 400],
  ['GET', '/_bulk', 405],
  ['GET', '/a/b/c/d', 400],
  ['POST', '/mesh/_update/1', 400],
  ['DELETE', '/mesh/_doc/1', 400],
  ['GET', '/%E0%A4%A/_doc', 405],
])('%s %s answers %i', (method, url, status) => {
  const { reply, sink } = ask(method, url);
  expect(reply.status).toBe(status);
  expect(reply.headers['x-elastic-product']).toBe('Elasticsearch');
  expect(sink.events).toEqual([]);
  if (method === 'HEAD') expect(reply.body).toBe('');
});

test.each<[string, string, Record<string, string>]>([
  ['POST', '/mesh/_doc', { _index: 'mesh' }],
  ['POST', '/mesh/events', { _index: 'mesh' }],
  ['PUT', '/mesh/_doc/1', { _index: 'mesh', _id: '1' }],
  ['POST', '/mesh/_doc/1?refresh=true&pipeline=x', { _index: 'mesh', _id: '1' }],
  ['PUT', '/mesh/_create/1', { _index: 'mesh', _id: '1' }],
  ['PUT', '/mesh/events/1', { _index: 'mesh', _id: '1' }],
  ['POST', '/a%2Fb/_doc/c%20d%22', { _index: 'a/b', _id: 'c d"' }],
])('%s %s stores one document', (method, url, metadata) => {
  const { reply, sink, json } = ask(method, url, {}, ' \n{ "a":\n1 }\n');
  expect(reply.status).toBe(201);
  expect(json()).toMatchObject({ ...metadata, result: 'created' });
  expect(sink.events).toMatchObject([{ line: '{ "a":\n1 }', metadata }]);
  expect('token' in (sink.events[0] ?? {})).toBe('_id' in metadata);
  expect(reply.headers['location']).toMatch(/^\/[^/]+\/_doc\/[^/]+$/);
});

test.each<[string, number, string]>([
  ['', 400, 'parse_exception'],
  ['{"a":', 400, 'mapper_parsing_exception'],
  ['[1]', 400, 'mapper_parsing_exception'],
])('a document that is %j is refused', (body, status, type) => {
  const { reply, sink, json } = ask('POST', '/mesh/_doc', {}, body);
  expect(reply.status).toBe(status);
  expect(json()).toMatchObject({ status, error: { type, root_cause: [{ type }] } });
  expect(sink.events).toEqual([]);
  expect(sink.rejects).toHaveLength(1);
});

const DOC = '{"index":{}}\n{"a":1}\n';

test.each<[Record<string, string>, number]>([
  [{}, 200],
  [{ 'content-type': 'application/json; charset=utf-8' }, 200],
  [{ 'content-type': 'application/x-ndjson' }, 200],
  [{ 'content-type': 'application/vnd.elasticsearch+x-ndjson; compatible-with=8' }, 200],
  [{ 'content-type': 'Application/JSON' }, 200],
  [{ 'content-type': 'text/plain' }, 406],
  [{ 'content-encoding': 'gzip' }, 400],
  [{ 'content-encoding': 'br' }, 415],
  [{ 'content-encoding': 'identity' }, 200],
])('a bulk request with %j answers %i', (headers, status) => {
  expect(ask('POST', '/mesh/_bulk', headers, DOC).reply.status).toBe(status);
});

test.each<[Record<string, string>, string]>([
  [{}, 'application/json'],
  [{ accept: '*/*' }, 'application/json'],
  [
    { accept: 'application/vnd.elasticsearch+json; compatible-with=9,text/plain' },
    'application/vnd.elasticsearch+json;compatible-with=9',
  ],
  [
    { 'content-type': 'application/vnd.elasticsearch+x-ndjson;compatible-with=8' },
    'application/vnd.elasticsearch+json;compatible-with=8',
  ],
])('a request with %j is answered as %s', (headers, type) => {
  expect(ask('POST', '/mesh/_bulk', headers, DOC).reply.headers['content-type']).toBe(type);
});

test.each<[Record<string, string>, string]>([
  [{}, '8.19.0'],
  [{ 'user-agent': 'Elastic-filebeat/8.17.3 (linux; amd64; abc; 2025)' }, '8.17.3'],
  [{ 'user-agent': 'Filebeat/7.17.28 (linux; amd64)' }, '7.17.28'],
  [{ 'user-agent': 'Logstash/9.1.0 (OS=Linux) logstash-output-elasticsearch/12.0.2' }, '9.1.0'],
  [{ 'user-agent': 'elasticsearch-py/8.15.0 (Python/3.11)' }, '8.15.0'],
  [{ 'user-agent': 'x', 'x-elastic-client-meta': 'es=9.4.3,js=24.21.0,t=9.4.0' }, '9.4.3'],
  [{ 'x-elastic-client-meta': 'es=8.15.0p,go=1.22' }, '8.15.0'],
  [{ 'user-agent': 'opensearch-js/3.9.0' }, '8.19.0'],
  [{ 'user-agent': 'Elastic-filebeat/99.0.0' }, '8.19.0'],
  [{ accept: 'application/vnd.elasticsearch+json; compatible-with=9' }, '9.17.0'],
])('a client with %j is told version %s', (headers, version) => {
  expect(versionFor(headers)).toBe(version);
});

test('filter_path works on every reply', () => {
  expect(ask('GET', '/?filter_path=version.number').json()).toEqual({
    version: { number: '8.19.0' },
  });
  expect(ask('POST', '/mesh/_doc?filter_path=result,_shards.t*', {}, '{}').json()).toEqual({
    result: 'created',
    _shards: { total: 1 },
  });
  const hostile = `**.${'a*'.repeat(2_000)}b.**.`.repeat(50);
  expect(ask('GET', `/?filter_path=${hostile}`).json()).toEqual({});
});

test('what is set up is shown to who looks for it, in the form of its kind', () => {
  const asked = (method: string, path: string, defined: Definition[], body = ''): Reply =>
    decoder.decode(
      { method, path, query: '', headers: {}, body: new TextEncoder().encode(body), defined },
      new CapturedSink(),
    );
  const kept = new Map<string, Definition>();
  const put = (path: string, body: string): Definition => {
    const { status, defines } = asked('PUT', path, [], body);
    expect([path, status]).toEqual([path, 200]);
    const definition = must(defines, path);
    kept.set(path, definition);
    return definition;
  };
  const policy = '{"policy":{"phases":{"hot":{"actions":{}}}}}';
  expect(put('/_ilm/policy/filebeat', policy)).toEqual({
    kind: 'policy',
    name: 'filebeat',
    text: policy,
  });
  put('/_index_template/logs', '{"index_patterns":["logs"],"data_stream":{}}');
  put('/_component_template/logs@x', '{"template":{}}');
  put('/_template/old', '{"order":1}');
  put('/_ingest/pipeline/p', '{"processors":[]}');
  put('/_data_stream/logs-a-b', '');
  put('/mesh', '{"aliases":{"mesh-alias":{}}}');
  const shown = (path: string): unknown => {
    const reply = asked('GET', path, [must(kept.get(path), path)]);
    expect([path, reply.status]).toEqual([path, 200]);
    expect(asked('HEAD', path, [must(kept.get(path), path)])).toMatchObject({
      status: 200,
      body: '',
    });
    return JSON.parse(String(reply.body));
  };
  expect(shown('/_ilm/policy/filebeat')).toMatchObject({
    filebeat: { version: 1, policy: { phases: { hot: {} } } },
  });
  expect(shown('/_index_template/logs')).toEqual({
    index_templates: [
      { name: 'logs', index_template: { index_patterns: ['logs'], data_stream: {} } },
    ],
  });
  expect(shown('/_component_template/logs@x')).toEqual({
    component_templates: [{ name: 'logs@x', component_template: { template: {} } }],
  });
  expect(shown('/_template/old')).toEqual({ old: { order: 1 } });
  expect(shown('/_ingest/pipeline/p')).toEqual({ p: { processors: [] } });
  expect(shown('/_data_stream/logs-a-b')).toMatchObject({
    data_streams: [{ name: 'logs-a-b', status: 'GREEN' }],
  });
  expect(shown('/mesh')).toMatchObject({ mesh: { aliases: { 'mesh-alias': {} } } });
  const mesh = [must(kept.get('/mesh'), 'mesh')];
  expect(asked('GET', '/_alias/mesh-alias', mesh).status).toBe(200);
  expect(asked('GET', '/_alias/other', mesh).status).toBe(404);
  expect(asked('PUT', '/mesh', mesh).status).toBe(400);
  expect(asked('DELETE', '/mesh', mesh).status).toBe(405);
  expect(asked('DELETE', '/_template/old', [must(kept.get('/_template/old'), '')])).toMatchObject({
    status: 200,
    defines: { kind: 'template', name: 'old' },
  });
  expect(asked('PUT', '/_template/bad', [], '{"a":')).toMatchObject({ status: 400 });
});

test.each<[string, string, string[]]>([
  ['/_template/a*', 'template', ['a', 'ab']],
  ['/_template', 'template', ['a', 'ab', 'b']],
  ['/_template/b,ab', 'template', ['ab', 'b']],
  ['/_template/*b', 'template', ['ab', 'b']],
  ['/_template/a', 'template', ['a']],
  ['/%61b', 'index', ['ab']],
])('%s looks for a %s of these names', (path, kind, names) => {
  const lookup = must(decoder.named?.({ path }), 'a lookup');
  expect(lookup.kind).toBe(kind);
  expect(['a', 'ab', 'b'].filter((name) => lookup.matches(name))).toEqual(names);
});

test.each<[string, string, number]>([
  ['POST', '/logs-app-prod/_doc', 201],
  ['PUT', '/logs-app-prod/_doc/1', 400],
  ['PUT', '/logs-app-prod/_doc/1?op_type=create', 201],
  ['PUT', '/logs-app-prod/_create/1', 201],
  ['POST', '/logs-app-prod/_create/1?require_alias=false&refresh=wait_for', 201],
  ['PUT', '/logs-app/_doc/1', 201],
])('%s %s of a document answers %i, as a data stream does', (method, url, status) => {
  const { reply, sink } = ask(method, url, {}, '{"a":1}');
  expect(reply.status).toBe(status);
  expect(sink.rejects).toEqual(status === 400 ? ['only_create'] : []);
});

test('a data stream takes create alone, item by item; others take both', () => {
  const body = [
    '{"index":{"_index":"logs-app-prod"}}',
    '{"n":1}',
    '{"create":{"_index":"logs-app-prod"}}',
    '{"n":2}',
    '{"index":{"_index":"logs-app-prod","op_type":"create"}}',
    '{"n":3}',
    '{"index":{"_index":"mesh"}}',
    '{"n":4}',
    '',
  ].join('\n');
  const { sink, json } = ask('POST', '/_bulk?filter_path=items.*.status,items.*.error', {}, body);
  expect(json()).toEqual({
    items: [
      {
        index: {
          status: 400,
          error: {
            type: 'illegal_argument_exception',
            reason: 'only write ops with an op_type of create are allowed in data streams',
          },
        },
      },
      { create: { status: 201 } },
      { create: { status: 201 } },
      { index: { status: 201 } },
    ],
  });
  expect(sink.events.map(({ line }) => line)).toEqual(['{"n":2}', '{"n":3}', '{"n":4}']);
});

test('a document with an id is one with its repetition, and no other', () => {
  const tokensOf = (lines: string): (string | undefined)[] =>
    ask('POST', '/mesh/_bulk', {}, lines).sink.events.map(({ token }) => token);
  const item = (id: string, doc: string): string => `{"create":{"_id":"${id}"}}\n${doc}\n`;
  const [first, again, other, otherId, none] = tokensOf(
    item('1', '{"a":1}') +
      item('1', '{"a":1}') +
      item('1', '{"a":2}') +
      item('2', '{"a":1}') +
      '{"create":{}}\n{"a":1}\n',
  );
  expect(first).toMatch(/^[0-9a-f]{16}$/);
  expect(again).toBe(first);
  expect(new Set([first, other, otherId, none]).size).toBe(4);
  expect(none).toBe(undefined);
});
