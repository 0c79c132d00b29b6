import type { InputOptions } from '../input-options.ts';
import type { Input, InputDoors } from '../input.ts';
import { openContainers } from './container-input.ts';
import { openExec } from './exec-input.ts';
import { openFiles } from './file-input.ts';
import { openJournald } from './journald-input.ts';
import { openOtlp } from './otlp-input.ts';
import { openStdin } from './stdin-input.ts';
import { openSyslog } from './syslog-input.ts';

/**
 * Makes an input from its options; reads its checkpoints, touches nothing else before `run`.
 * Rejects with a `MeshtrailError` where it can never work (damaged checkpoints), and with re2js's
 * error where a pattern is none.
 */
export const openInput = async (options: InputOptions, doors: InputDoors): Promise<Input> => {
  switch (options.kind) {
    case 'file':
      return openFiles(options, doors);
    case 'container':
      return openContainers(options, doors);
    case 'journald':
      return openJournald(options, doors);
    case 'syslog':
      return openSyslog(options, doors);
    case 'otlp':
      return openOtlp(options, doors);
    case 'stdin':
      return openStdin(options, doors);
    case 'exec':
      return openExec(options, doors);
  }
};
