import { isoTime } from '../stamp.ts';

/**
 * A container runtime's log file: `TIME STREAM TAG LINE`, where F marks a whole line (Kubernetes,
 * "CRI container log format"). A text of several lines becomes several entries.
 */
export const criLines = (timeUs: number, stdio: 'stdout' | 'stderr', text: string): string[] =>
  text.split('\n').map((line) => `${isoTime(timeUs, 9)}Z ${stdio} F ${line}`);
