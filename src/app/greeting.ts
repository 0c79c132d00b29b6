import type { Configuration } from './configuration.ts';
import type { Listeners } from './listeners.ts';
import type { OpenStorage } from './storage.ts';

export interface Greeting {
  readonly config: Configuration;
  readonly data: string;
  readonly storage: OpenStorage;
  readonly listeners: Listeners;
  /** A key made at this start, shown this once. */
  readonly adminKey: string | undefined;
}

/** The one short block that a start prints. */
export const greet = ({ config, data, storage, listeners, adminKey }: Greeting): string => {
  const scheme = config.tls === undefined ? 'http' : 'https';
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  const address = `${scheme}://${host}:${listeners.mainPort}`;
  const isUsual = address === 'http://127.0.0.1:7280';
  const url = isUsual ? '' : ` --url ${address}`;
  const key = config.dev ? '' : ` -H "Authorization: Bearer $MESHTRAIL_KEY"`;
  const lines = [
    `meshtrail  ${address}`,
    `data       ${data}`,
    `engine     ClickHouse ${storage.engineVersion()} (${storage.engineHome})`,
    ...listeners.opened.map(({ name, host: at, port }) => `listening ${name} ${at}:${port}`),
    ...listeners.warnings.map((warning) => `warning    ${warning}`),
  ];
  if (config.dev)
    lines.push('DEV MODE   authentication is OFF: anyone on this machine reads and writes');
  if (adminKey !== undefined) {
    lines.push(
      `admin key  ${adminKey}`,
      '           shown this once: keep it, clients take it as MESHTRAIL_KEY',
    );
  }
  lines.push(
    'first line:',
    `  curl${key} ${address}/v1/ndjson -H 'content-type: application/x-ndjson' --data-binary '{"service":"hello","msg":"first line"}'`,
    `  npx meshtrail query '{service_name="hello"}'${url}${config.dev ? '' : '   # with MESHTRAIL_KEY set'}`,
  );
  return `${lines.join('\n')}\n`;
};
