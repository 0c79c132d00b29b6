import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where `npm run peers` keeps the real clients; `MESHTRAIL_PEERS` moves it. */
export const peersFolder = (): string =>
  process.env['MESHTRAIL_PEERS'] ?? join(homedir(), '.cache', 'meshtrail-peers');

/**
 * The path of a real client, as `bin/envoy`, `venv/bin/python` or `jar/logback-peer.jar`; undefined
 * where it could not be had, which skips the tests that need it.
 */
export const peer = (path: string): string | undefined => {
  const full = join(peersFolder(), path);
  return existsSync(full) ? full : undefined;
};
