import { join } from 'node:path';
import { openKeyring, type LocalKeyring } from '../storage/lifecycle/keyring.ts';
import { parseRootKey } from '../storage/lifecycle/keyring-wrapper.ts';
import type { AgentConfiguration } from './configuration.ts';
import type { AgentDoors } from './doors.ts';
import { readText } from './secrets.ts';

/**
 * The keys of the agent's disk buffer, sealed under a root key: of `buffer.root_key_file`, of
 * MESHTRAIL_ROOT_KEY, or one that is made beside them, which is said loudly.
 */
export const openAgentKeyring = async (
  { data, rootKeyFile }: AgentConfiguration,
  doors: AgentDoors,
): Promise<LocalKeyring> => {
  const { disk, random, log, environment } = doors;
  const text =
    rootKeyFile === undefined
      ? (environment.get('MESHTRAIL_ROOT_KEY') ?? '')
      : await readText(rootKeyFile, 'root key', doors);
  const rootKey = text.trim() === '' ? undefined : parseRootKey(text);
  return openKeyring({
    ...{ file: join(data, 'keyring'), disk, random, log },
    ...(rootKey && { rootKey }),
  });
};
