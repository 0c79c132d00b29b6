import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PORTS, type PortName } from '../src/app/configuration.ts';
import { makeCertificates } from './certificates.ts';
import { freePort } from './round.ts';
import { eventually, type Found } from './running-server.ts';
import { ServerProcess } from './server-process.ts';

/** This machine's own address that is not loopback; '' where it has none. */
export const outside =
  Object.values(networkInterfaces())
    .flat()
    .find((address) => address?.family === 'IPv4' && !address.internal)?.address ?? '';

/** A server that listens beyond loopback, with TLS and a client CA. */
export interface TlsServer {
  readonly process: ServerProcess;
  readonly key: string;
  readonly directory: string;
  readonly ports: Readonly<Record<string, number>>;
  /** The path of what `makeCertificates` made. */
  file(name: string): string;
  pem(name: string): Buffer;
  /** The body of an answer to GET. */
  ask(path: string): Promise<string>;
  /** The lines of a service, sorted. */
  linesOf(service: string): Promise<string[]>;
  /** The same once there are so many. */
  arrived(service: string, count: number): Promise<string[]>;
  end(): Promise<void>;
}

const START_MS = 50_000;

/**
 * Starts it with these native ports, on free numbers.
 * @param yaml further lines of the configuration file
 */
export const runTlsServer = async (names: readonly PortName[], yaml = ''): Promise<TlsServer> => {
  const directory = mkdtempSync(join(tmpdir(), 'meshtrail-tls-server-'));
  const file = (name: string): string => join(directory, name);
  const pem = (name: string): Buffer => readFileSync(file(name));
  makeCertificates(directory);
  const main = await freePort();
  const ports: Record<string, number> = {};
  for (const name of names) ports[name] = await freePort();
  const wanted = Object.keys(PORTS).map((name) => `${name}: ${ports[name] ?? 'off'}`);
  writeFileSync(
    file('meshtrail.yaml'),
    `ports: {${wanted.join(', ')}}
tls: {cert: ${file('server.pem')}, key: ${file('server.key')}, client_ca: ${file('ca.pem')}}
${yaml}`,
  );
  const key = 'the-administrators-key-of-a-test';
  const server = new ServerProcess({
    data: file('data'),
    port: main,
    flags: ['--config', file('meshtrail.yaml'), '--listen', `0.0.0.0:${main}`],
    env: { MESHTRAIL_ADMIN_KEY: key },
  });
  const end = async (): Promise<void> => {
    await server.kill();
    rmSync(directory, { recursive: true, force: true });
  };
  server.launch();
  const started = (): boolean => server.output.includes('first line');
  await eventually(() => !server.running || started(), Boolean, START_MS);
  if (!started()) {
    await end();
    throw new Error(`the server did not start: ${server.output}`);
  }

  const ask = (path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${key}` };
      const asked = request(
        { port: main, path, ca: pem('ca.pem'), host: '127.0.0.1', headers },
        (answer) => {
          let text = '';
          answer.on('data', (part: Buffer) => (text += part.toString('utf8')));
          answer.on('end', () => resolve(text));
        },
      );
      asked.on('error', reject);
      asked.end();
    });

  const linesOf = async (service: string): Promise<string[]> => {
    const query = encodeURIComponent(`{service_name="${service}"}`);
    const text = await ask(`/loki/api/v1/query_range?query=${query}&limit=5000`);
    const { data } = JSON.parse(text) as { data: { result: Found[] } };
    return data.result.flatMap(({ values }) => values.map((value) => value[1])).sort();
  };

  const arrived = (service: string, count: number): Promise<string[]> =>
    eventually(
      () => linesOf(service),
      (lines) => lines.length >= count,
    );

  return { process: server, key, directory, ports, file, pem, ask, linesOf, arrived, end };
};
