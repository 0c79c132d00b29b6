import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './running-server.ts';

/** rsyslog as Debian has it, fed by `logger` over a socket of its own. */
const RSYSLOGD = '/usr/sbin/rsyslogd';
const LIBRARIES = '/usr/lib';

export const hasRsyslog = existsSync(RSYSLOGD) && spawnSync('logger', ['--version']).status === 0;

/** Whether a module (`omrelp`, `lmnsd_gtls`) of rsyslog is installed. */
export const hasModule = (name: string): boolean =>
  hasRsyslog &&
  readdirSync(LIBRARIES).some((folder) =>
    existsSync(join(LIBRARIES, folder, 'rsyslog', `${name}.so`)),
  );

/** A message whose tag is the action's name, so that each way is found by its service. */
const templateOf = (name: string): string =>
  `template(name="${name}" type="string" string="<%PRI%>%TIMESTAMP:::date-rfc3339% %HOSTNAME% ` +
  `${name}[%PROCID%]: %msg:2:$%\\n")\n`;

export interface Rsyslog {
  readonly socket: string;
  readonly child: ChildProcess;
}

/** Starts rsyslog with a socket that takes messages, and the given actions by name. */
export const startRsyslog = async (
  directory: string,
  name: string,
  modules: string,
  actions: Readonly<Record<string, string>>,
): Promise<Rsyslog> => {
  const socket = join(directory, `${name}.sock`);
  const file = join(directory, `${name}.conf`);
  const lines = Object.entries(actions).map(
    ([action, words]) =>
      `${templateOf(action)}action(${words} template="${action}" action.resumeInterval="1" ` +
      'action.resumeRetryCount="-1" queue.type="LinkedList" queue.size="20000")',
  );
  writeFileSync(
    file,
    [
      `global(workDirectory="${directory}")`,
      'module(load="imuxsock" SysSock.Use="off" )',
      modules,
      `input(type="imuxsock" Socket="${socket}" RateLimit.Interval="0")`,
      ...lines,
      '',
    ].join('\n'),
  );
  const pid = join(directory, `${name}.pid`);
  const child = spawn(RSYSLOGD, ['-n', '-f', file, '-i', pid], { stdio: 'ignore' });
  await eventually(() => existsSync(socket), Boolean);
  return { socket, child };
};

/** Gives rsyslog `line FROM` to `line TO-1`. */
export const logLines = ({ socket }: Rsyslog, from: number, to: number): void => {
  const input = Array.from({ length: to - from }, (_, i) => `line ${from + i}`).join('\n');
  const { status, stderr } = spawnSync('logger', ['-u', socket, '-t', 'x', '-i'], { input });
  if (status !== 0) throw new Error(`logger: ${stderr.toString()}`);
};
