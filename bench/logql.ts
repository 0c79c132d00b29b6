/** LogQL over HTTP, as Grafana asks it. */

export interface Range {
  readonly startNs: bigint;
  readonly endNs: bigint;
}

interface LokiAnswer {
  readonly data: {
    readonly resultType: string;
    readonly result: readonly {
      readonly values?: readonly (readonly [string, string])[];
      readonly value?: readonly [number, string];
    }[];
  };
}

const get = async (url: string, search: URLSearchParams, tenant?: string): Promise<LokiAnswer> => {
  const headers = tenant === undefined ? {} : { 'x-scope-orgid': tenant };
  const answer = await fetch(`${url}?${search.toString()}`, { headers });
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`a query answered ${answer.status}: ${body}`);
  return JSON.parse(body) as LokiAnswer;
};

export interface RangeOptions {
  readonly limit?: number;
  readonly direction?: 'forward' | 'backward';
  readonly stepS?: number;
  readonly tenant?: string | undefined;
}

/** The values of `query_range`: lines, or points of series. */
export const queryRange = async (
  url: string,
  query: string,
  { startNs, endNs }: Range,
  { limit = 100, direction = 'backward', stepS = 60, tenant }: RangeOptions = {},
): Promise<string[]> => {
  const search = new URLSearchParams({
    query,
    start: String(startNs),
    end: String(endNs),
    limit: String(limit),
    direction,
    step: String(stepS),
  });
  const { data } = await get(`${url}/loki/api/v1/query_range`, search, tenant);
  return data.result.flatMap(({ values = [] }) => values.map(([, value]) => value));
};

/** The numbers of `query` at one moment. */
export const queryInstant = async (url: string, query: string, atNs: bigint): Promise<number[]> => {
  const search = new URLSearchParams({ query, time: String(atNs) });
  const { data } = await get(`${url}/loki/api/v1/query`, search);
  return data.result.map(({ value }) => Number(value?.[1]));
};
