import type { Command } from 'commander';
import { systemClock } from '../../platform/clock.ts';
import { systemEnvironment } from '../../platform/environment.ts';
import { systemOutput } from '../../platform/output.ts';
import {
  exitNow,
  expectLargeBuffers,
  onSignals,
  onUncaught,
  parentProcessId,
} from '../../platform/processes.ts';
import type { Flags } from '../configuration.ts';
import { startServer } from '../server.ts';

/** Time within which a stopped server has drained and ended; then it is cut off. */
const STOP_MS = 9_500;

/** How often the parent is looked at, ms. */
const PARENT_MS = 250;

/**
 * npm and npx start programs through a shell, which dies of the SIGTERM meant for us and does not
 * pass it on: its end is the only sign, and a server left behind would keep the port.
 */
const stopWithNpm = (stop: () => void): void => {
  if (systemEnvironment.get('npm_command') === undefined) return;
  const parent = parentProcessId();
  const timer = systemClock.setRepeating(PARENT_MS, () => {
    if (parentProcessId() === parent) return;
    timer.cancel();
    stop();
  });
};

export const addServe = (program: Command): void => {
  program
    .command('serve')
    .description('run the server: receive, keep and answer (the default command)')
    .option('--data <dir>', 'data directory (default ./data)')
    .option('--listen <host:port>', 'address of the main port (default 127.0.0.1:7280)')
    .option('--config <file>', 'YAML configuration; docs/configuration.md lists every key')
    .option('--engine <home>', '`embedded`, or the URL of a ClickHouse server')
    .option('--native-ports <on|off>', "listen on each protocol's own port too (default on)")
    .option('--dev', 'no authentication; loopback only')
    .option('--insecure-listen', 'allow an address beyond loopback without TLS')
    .option('--tls-cert <file>', 'certificate chain, PEM')
    .option('--tls-key <file>', 'private key, PEM')
    .option('--tls-client-ca <file>', 'CA of client certificates, PEM')
    .addHelpText(
      'after',
      `
Each flag is also a variable: MESHTRAIL_DATA, MESHTRAIL_LISTEN, MESHTRAIL_NATIVE_PORTS ...
MESHTRAIL_ADMIN_KEY sets the administrator's key; without it one is made at the first start.

Examples:
  meshtrail serve --dev
  meshtrail serve --data /var/lib/meshtrail --listen 0.0.0.0:7280 --tls-cert cert.pem --tls-key key.pem
  meshtrail serve --config meshtrail.yaml --engine http://clickhouse:8123`,
    )
    .action(async (flags: Flags) => {
      expectLargeBuffers();
      const server = await startServer(flags);
      let stopping = false;
      const stop = (code: number): void => {
        if (stopping) return;
        stopping = true;
        systemClock.setTimer(STOP_MS, () => exitNow(code === 0 ? 1 : code));
        server.stop().then(
          () => exitNow(code),
          () => exitNow(1),
        );
      };
      onSignals(['SIGTERM', 'SIGINT'], () => stop(0));
      stopWithNpm(() => stop(0));
      onUncaught((error) => {
        server.log.error('an error that nobody caught; stopping', { error });
        stop(1);
      });
      await systemOutput.write(server.greeting);
      server.announced();
    });
};
