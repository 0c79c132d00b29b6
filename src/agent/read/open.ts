import type { InputOptions } from '../input-options.ts';
import type { Input, InputDoors } from '../input.ts';
import { openContainers } from './container-input.ts';
import { openFiles } from './file-input.ts';

/**
 * Makes an input from its options; reads its checkpoints, touches nothing else before `run`.
 * Rejects with a `MeshtrailError` where it can never work (damaged checkpoints, no such program).
 */
export const openInput = async (options: InputOptions, doors: InputDoors): Promise<Input> => {
  switch (options.kind) {
    case 'file':
      return openFiles(options, doors);
    case 'container':
      return openContainers(options, doors);
    default:
      throw new Error(`${options.kind} is not there yet`);
  }
};
