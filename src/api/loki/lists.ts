import { LIMITS } from '../../model/limits.ts';
import { printLogql } from '../../query/logql/printer.ts';
import {
  labelNames,
  labelValues,
  listStreams,
  streamStats,
  type Listing,
} from '../../query/lists.ts';
import type { QuerySession } from '../../query/session.ts';
import type { ApiReply, ApiRequest } from '../exchange.ts';
import { boundsOf, matchersOf, queryOf, selectorOf, type Bounds } from './parameters.ts';
import { jsonReply, LokiRefusal } from './refusal.ts';

/** Label names and values, series, index statistics. Times include both ends, as in Loki. */

const scopeOf = (
  session: QuerySession,
  { startNs, endNs }: Bounds,
): ReturnType<QuerySession['open']> => session.open(startNs, endNs + 1n);

const listReply = ({ items, cut }: Listing<unknown>): ApiReply =>
  jsonReply(
    `${JSON.stringify({
      status: 'success',
      ...(cut && { warnings: [`the list was cut at ${items.length}`] }),
      data: items,
    })}\n`,
  );

export const namesReply = async (
  request: ApiRequest,
  session: QuerySession,
  nowNs: bigint,
): Promise<ApiReply> => {
  const bounds = boundsOf(request.query, nowNs);
  const matchers = matchersOf(request.query);
  return listReply(await labelNames(session.context, await scopeOf(session, bounds), matchers));
};

export const valuesReply = async (
  request: ApiRequest,
  session: QuerySession,
  nowNs: bigint,
  name: string,
): Promise<ApiReply> => {
  const bounds = boundsOf(request.query, nowNs);
  const matchers = matchersOf(request.query);
  const scope = await scopeOf(session, bounds);
  return listReply(await labelValues(session.context, scope, matchers, name));
};

export const seriesReply = async (
  request: ApiRequest,
  session: QuerySession,
  nowNs: bigint,
): Promise<ApiReply> => {
  const bounds = boundsOf(request.query, nowNs);
  const { query } = request;
  const selectors = [...new Set([...query.getAll('match'), ...query.getAll('match[]')])];
  if (selectors.length > LIMITS.seriesSelectors) {
    throw new LokiRefusal(`more than ${LIMITS.seriesSelectors} selectors in one request`);
  }
  const matchers = selectors.length === 0 ? [[]] : selectors.map(selectorOf);
  const scope = await scopeOf(session, bounds);
  const streams = await listStreams(session.context, scope, matchers);
  return listReply({
    items: streams.items.map((labels) => Object.fromEntries(labels)),
    cut: streams.cut,
  });
};

export const indexStatsReply = async (
  request: ApiRequest,
  session: QuerySession,
  nowNs: bigint,
): Promise<ApiReply> => {
  const bounds = boundsOf(request.query, nowNs);
  const matchers = matchersOf(request.query);
  const scope = await scopeOf(session, bounds);
  const { streams, tables, bytes, entries } = await streamStats(session.context, scope, matchers);
  return jsonReply(`${JSON.stringify({ streams, chunks: tables, bytes, entries })}\n`);
};

export const formatReply = (request: ApiRequest): ApiReply =>
  jsonReply(`${JSON.stringify({ status: 'success', data: printLogql(queryOf(request.query)) })}\n`);
