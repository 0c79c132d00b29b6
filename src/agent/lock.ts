import { join } from 'node:path';
import { MeshtrailError } from '../model/errors.ts';
import { openDatabase } from '../platform/sqlite.ts';

/**
 * Keeps a second agent out of the directory: both would give the same numbers to other events. The
 * operating system lets go of the lock when the process ends, however it ends.
 */
export const lockDirectory = (directory: string): { release(): void } => {
  try {
    const database = openDatabase(join(directory, 'lock.db'));
    database.run('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
    return { release: () => database.close() };
  } catch (error) {
    if (error instanceof Error && /locked|busy/i.test(error.message)) {
      throw new MeshtrailError(
        'agent_data_in_use',
        `another agent has ${directory}`,
        'stop it, or give this one another directory under `data`',
      );
    }
    throw error;
  }
};
