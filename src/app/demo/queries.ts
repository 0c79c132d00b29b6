/** The three queries that the demo offers, which find something in what it has just sent. */
export interface Offer {
  readonly title: string;
  readonly logql: string;
  /** Further words of `meshtrail query`. */
  readonly flags: string;
  /** Further parameters of `query_range`. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** A request that crossed every platform: its ids find all of its lines. */
export interface Trail {
  readonly traceId: string;
  readonly requestId: string;
}

/** 500 to 509 as words, in double quotes. */
const SERVER_ERRORS = '\\\\b50[0-9]\\\\b';
/** Lines of a stack trace in Python, Go, Java and JavaScript. */
const STACKS = 'Traceback \\(most recent|goroutine [0-9]+ |\\.java:[0-9]+\\)|\\.js:[0-9]+:[0-9]+';

/** @param minutes how far back there are lines */
export const offersOf = (trail: Trail, minutes: number): Offer[] => {
  const since = `${minutes + 5}m`;
  const step = minutes >= 30 ? '5m' : '1m';
  return [
    {
      title: 'one checkout, through Istio, Linkerd, Consul and the virtual machines',
      logql: `{service_name=~".+"} |~ "${trail.traceId}|${trail.requestId}"`,
      flags: `--since ${since} --output table`,
      parameters: { since, limit: '100' },
    },
    {
      title: 'server errors per second, by service',
      // The line filter leaves few lines for the stages behind it.
      logql: `sum by (service_name) (rate({service_name=~".+"} |~ "${SERVER_ERRORS}" | record | kind="access" | status >= 500 [${step}]))`,
      flags: `--since ${since} --step ${step} --output table`,
      parameters: { since, step },
    },
    {
      title: 'stack traces',
      logql: `{service_name=~".+"} |~ \`${STACKS}\``,
      flags: `--since ${since} --limit 20`,
      parameters: { since, limit: '20' },
    },
  ];
};

const shellQuote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The offer as a command of ours. */
export const commandOf = ({ logql, flags }: Offer, url: string): string => {
  const target = url === 'http://127.0.0.1:7280' ? '' : ` --url ${url}`;
  return `npx meshtrail query ${shellQuote(logql)} ${flags}${target}`;
};

/** The offer as a call of curl. */
export const curlOf = ({ logql, parameters }: Offer, url: string): string => {
  const rest = Object.entries(parameters).map(([name, value]) => ` -d ${name}=${value}`);
  const query = `--data-urlencode ${shellQuote(`query=${logql}`)}`;
  return `curl -sG ${url}/loki/api/v1/query_range ${query}${rest.join('')}`;
};
