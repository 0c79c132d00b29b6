import { MeshtrailError } from '../model/errors.ts';
import type { AgentConfiguration } from './configuration.ts';
import type { DeliverySettings } from './delivery-settings.ts';
import type { AgentDoors } from './doors.ts';

type Doors = Pick<AgentDoors, 'disk' | 'environment'>;

/**
 * The key and the certificates, from files and the environment: never from arguments or URLs, where
 * every process on the host could read them. Rejects with `agent_file_unreadable`.
 */
export const readSecrets = async (
  { keyFile, keyVariable, tls }: AgentConfiguration,
  doors: Doors,
): Promise<Pick<DeliverySettings, 'key' | 'tls'>> => {
  const key =
    keyFile === undefined
      ? (doors.environment.get(keyVariable) ?? '')
      : await readText(keyFile, 'key', doors);
  return {
    key: key.trim(),
    tls: {
      ...(tls.ca !== undefined && { ca: await readText(tls.ca, 'CA', doors) }),
      ...(tls.cert !== undefined && { cert: await readText(tls.cert, 'certificate', doors) }),
      ...(tls.key !== undefined && { key: await readText(tls.key, 'TLS key', doors) }),
    },
  };
};

export const readText = async (path: string, what: string, { disk }: Doors): Promise<string> => {
  try {
    return (await disk.readFile(path)).toString('utf8');
  } catch (error) {
    throw new MeshtrailError(
      'agent_file_unreadable',
      `the ${what} ${path} cannot be read: ${error instanceof Error ? error.message : ''}`,
      'check the path and its permissions',
    );
  }
};
