import type { DecodeRequest, Reply } from './decode.ts';
import type { Json } from './elasticsearch-filter.ts';
import { answerAlias } from './elasticsearch-named.ts';
import {
  compatibleWith,
  jsonReply,
  plainError,
  textReply,
  wrongMethod,
} from './elasticsearch-reply.ts';

/**
 * What clients ask before and between their documents: who is there, is it licensed and well. (The
 * templates, policies and streams that they set up: elasticsearch-named.ts.)
 */
const NAME = 'meshtrail';
const UUID = 'bWVzaHRyYWlsLWluZ2VzdA';
const DEFAULT_VERSION = '8.19.0';

/**
 * The version that the client expects. Beats refuse a server older than themselves, and official
 * clients one of another major version, so that a plausible version of the client is echoed (as
 * elastic/mock-es does). OpenSearch's clients number otherwise and get the default.
 */
export const versionFor = (headers: DecodeRequest['headers']): string => {
  const meta = /(?:^|,)es=(\d+\.\d+\.\d+)/.exec(
    (headers['x-elastic-client-meta'] ?? '').slice(0, 512),
  );
  const agent = (headers['user-agent'] ?? '').slice(0, 512);
  const product =
    /(?:\b(?:elastic-)?\w*beat|\blogstash|\belastic-agent|\bapm-server|\belasticsearch-\w+)\/(\d+\.\d+\.\d+)/i;
  for (const found of [meta?.[1], product.exec(agent)?.[1]]) {
    if (found !== undefined && /^[789]\.\d{1,2}\.\d{1,3}$/.test(found)) return found;
  }
  const major = compatibleWith(headers);
  return major === undefined || major === '8' ? DEFAULT_VERSION : `${major}.17.0`;
};

const info = (request: DecodeRequest): Json => {
  const number = versionFor(request.headers);
  const major = Number(number.split('.', 1)[0]);
  return {
    name: NAME,
    cluster_name: NAME,
    cluster_uuid: UUID,
    version: {
      number,
      build_flavor: 'default',
      build_type: 'tar',
      build_hash: '0000000000000000000000000000000000000000',
      build_date: '2025-01-01T00:00:00.000000000Z',
      build_snapshot: false,
      lucene_version: major >= 9 ? '10.1.0' : major === 8 ? '9.12.0' : '8.11.3',
      minimum_wire_compatibility_version: major >= 9 ? '8.19.0' : major === 8 ? '7.17.0' : '6.8.0',
      minimum_index_compatibility_version: `${major - 1}.0.0${major === 7 ? '-beta1' : ''}`,
    },
    tagline: 'You Know, for Search',
  };
};

export const infoReply = (request: DecodeRequest): Reply => jsonReply(request, 200, info(request));

const LICENSE: { [name: string]: Json } = {
  status: 'active',
  uid: '00000000-0000-0000-0000-000000000000',
  type: 'basic',
  issue_date: '2025-01-01T00:00:00.000Z',
  issue_date_in_millis: 1_735_689_600_000,
  // A basic license does not expire; Beats want a date all the same: the end of 2099.
  expiry_date: '2099-12-31T00:00:00.000Z',
  expiry_date_in_millis: 4_102_358_400_000,
  max_nodes: 1_000,
  max_resource_units: null,
  issued_to: NAME,
  issuer: NAME,
  start_date_in_millis: -1,
};

const feature = (enabled: boolean): Json => ({ available: enabled, enabled });

const XPACK: Json = {
  build: { hash: '0', date: '2025-01-01T00:00:00.000Z' },
  license: { uid: LICENSE['uid'] ?? '', type: 'basic', mode: 'basic', status: 'active' },
  features: {
    data_streams: feature(true),
    ilm: feature(true),
    monitoring: feature(false),
    security: feature(true),
  },
  tagline: 'You know, for X',
};

const HEALTH: Json = {
  cluster_name: NAME,
  status: 'green',
  timed_out: false,
  number_of_nodes: 1,
  number_of_data_nodes: 1,
  active_primary_shards: 1,
  active_shards: 1,
  relocating_shards: 0,
  initializing_shards: 0,
  unassigned_shards: 0,
  delayed_unassigned_shards: 0,
  number_of_pending_tasks: 0,
  number_of_in_flight_fetch: 0,
  task_max_waiting_in_queue_millis: 0,
  active_shards_percent_as_number: 100,
};

/** The one node that sniffing clients find is the address that they asked. */
const nodes = (request: DecodeRequest): Json => {
  const address = (request.headers['host'] ?? '127.0.0.1:9200').slice(0, 256);
  const host = address.replace(/:\d+$/, '');
  const node: Json = {
    name: NAME,
    transport_address: address,
    host,
    ip: host,
    version: versionFor(request.headers),
    build_flavor: 'default',
    build_type: 'tar',
    build_hash: '0',
    roles: ['data', 'ingest', 'master'],
    http: {
      bound_address: [address],
      publish_address: address,
      max_content_length_in_bytes: 67_108_864,
    },
  };
  return {
    _nodes: { total: 1, successful: 1, failed: 0 },
    cluster_name: NAME,
    nodes: { [UUID]: node },
  };
};

const catHealth = (request: DecodeRequest, observedSec: number): Reply => {
  const clock = new Date(observedSec * 1_000).toISOString().slice(11, 19);
  const row = `${observedSec} ${clock} ${NAME} green 1 1 1 1 0 0 0 0 - 100.0%\n`;
  const reply = textReply(request, 200, row);
  return { ...reply, headers: { ...reply.headers, 'content-type': 'text/plain; charset=UTF-8' } };
};

export const noHandler = (request: DecodeRequest): Reply => {
  const uri = request.path.slice(0, 256);
  return plainError(
    request,
    400,
    `no handler found for uri [${uri}] and method [${request.method}]`,
  );
};

/**
 * Answers a path whose first word starts with an underscore.
 *
 * @param words the path's words, decoded
 */
export const handshake = (
  request: DecodeRequest,
  words: readonly string[],
  observedSec: number,
): Reply => {
  const { method } = request;
  const reads = method === 'GET' || method === 'HEAD';
  if (words[0] === '_alias' && words.length === 2) {
    return reads ? answerAlias(request, words[1] ?? '') : wrongMethod(request, 'GET, HEAD');
  }
  const path = words.join('/');
  switch (words[0]) {
    case '_license':
      return reads ? jsonReply(request, 200, { license: LICENSE }) : wrongMethod(request, 'GET');
    case '_xpack':
      return reads && words.length === 1 ? jsonReply(request, 200, XPACK) : noHandler(request);
    case '_cluster':
      if (words[1] !== 'health' || words.length > 3) return noHandler(request);
      return reads ? jsonReply(request, 200, HEALTH) : wrongMethod(request, 'GET');
    case '_cat':
      if (path !== '_cat/health') return noHandler(request);
      return reads ? catHealth(request, observedSec) : wrongMethod(request, 'GET');
    case '_nodes':
      if (words.length > 3) return noHandler(request);
      return reads ? jsonReply(request, 200, nodes(request)) : wrongMethod(request, 'GET');
    case '_refresh':
    case '_flush':
      return jsonReply(request, 200, { _shards: { total: 1, successful: 1, failed: 0 } });
    default:
      return noHandler(request);
  }
};
