import { DataType, load, open } from 'ffi-rs';
import { platformName } from '../../platform/processes.ts';

/** PR_SET_PDEATHSIG of prctl(2), and the signal that also ends a process that is stopped. */
const SET_PARENT_DEATH_SIGNAL = 1;
const SIGKILL = 9;

/**
 * Has the kernel kill this process when its parent dies, however that happens and even while this
 * process is stopped (Linux only). Whose parent died before is not killed: look afterwards. Returns
 * whether the kernel will. Call it on the main thread: the kernel forgets it with the thread.
 */
export function dieWithParent(): boolean {
  if (!platformName().startsWith('linux-')) return false;
  open({ library: 'libc', path: '' });
  const result = load({
    library: 'libc',
    funcName: 'prctl',
    retType: DataType.I32,
    paramsType: [DataType.I32, DataType.I64, DataType.I64, DataType.I64, DataType.I64],
    paramsValue: [SET_PARENT_DEATH_SIGNAL, SIGKILL, 0, 0, 0],
  });
  return result === 0;
}
