import type { InputOptions } from '../input-options.ts';
import type { Input, InputDoors } from '../input.ts';

/**
 * Makes an input from its options; reads its checkpoints, touches nothing else before `run`.
 * Rejects with a `MeshtrailError` where it can never work (no such program, damaged checkpoints).
 */
export async function openInput(options: InputOptions, doors: InputDoors): Promise<Input> {
  throw new Error(`${options.kind} is not there yet (${doors.stateDirectory})`);
}
