import type { Server } from 'node:net';

/**
 * Binds a server to its address; rejects when that is taken or not ours. Gives the port, which the
 * system chooses where 0 was asked for. Later errors of the server are its connections' own.
 */
export const bind = async (
  server: Server,
  address: { readonly host: string; readonly port: number },
): Promise<number> => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', () => undefined);
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : address.port;
};
