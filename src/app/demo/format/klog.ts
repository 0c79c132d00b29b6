import { klogTime } from '../stamp.ts';

export type KlogLevel = 'I' | 'W' | 'E';

const valueOf = (value: string | number): string =>
  typeof value === 'number' ? String(value) : JSON.stringify(value);

/**
 * A line of klog's structured form:
 * `I0131 12:00:00.123456       1 file.go:12] "Message" key="value"`
 * (k8s.io/klog/v2, InfoS and ErrorS; the thread id is padded to seven).
 */
export const klogLine = (
  timeUs: number,
  level: KlogLevel,
  file: string,
  message: string,
  fields: Readonly<Record<string, string | number>>,
): string => {
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${valueOf(value)}`);
  const head = `${level}${klogTime(timeUs)} ${'1'.padStart(7)} ${file}]`;
  return `${head} ${JSON.stringify(message)}${pairs.join('')}`;
};
