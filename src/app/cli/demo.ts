import type { Command } from 'commander';
import { MeshtrailError } from '../../model/errors.ts';
import { systemClock } from '../../platform/clock.ts';
import { systemDisk } from '../../platform/disk.ts';
import { systemEnvironment } from '../../platform/environment.ts';
import { systemOutput } from '../../platform/output.ts';
import { exitNow, onSignals, onUncaught } from '../../platform/processes.ts';
import { systemRandom } from '../../platform/random.ts';
import { systemSockets } from '../../platform/sockets.ts';
import { Demo, type DemoOptions } from '../demo/demo.ts';
import { commandOf, curlOf } from '../demo/queries.ts';

interface DemoFlags {
  readonly data?: string;
  readonly listen?: string;
  readonly config?: string;
  readonly nativePorts: string;
  readonly seed: string;
  readonly rate: string;
  readonly minutes: string;
}

/** Time within which the stopped demo has ended; then it is cut off. */
const STOP_MS = 9_500;
/** A second signal within this time is the first one again: npm hands on what the terminal sent. */
const SAME_SIGNAL_MS = 1_000;
const STATUS_MS = 10_000;

export const addDemo = (program: Command): void => {
  program
    .command('demo')
    .description('a server with a made-up mesh that logs into it: an hour of history, then live')
    .option('--data <dir>', 'data directory, kept (default: a temporary one, removed at the end)')
    .option('--listen <host:port>', 'address (default 127.0.0.1:7280, or the next free port)')
    .option('--config <file>', "the server's configuration, for example to move ports")
    .option('--native-ports <on|off>', "listen on each protocol's own port too", 'on')
    .option('--rate <n>', 'requests per second at the busiest hour, about six lines each', '30')
    .option('--minutes <n>', 'length of the history', '60')
    .option('--seed <n>', 'another seed, another shop; the same seed, the same lines', '1')
    .addHelpText(
      'after',
      `
Nine services run in Istio (access logs as text, through Loki's push API), Linkerd (JSON, through
OTLP), Consul (Envoy's JSON, through Elasticsearch's _bulk) and on virtual machines (NGINX and
logfmt, through syslog). Requests cross them with the same trace and request ids. The load follows
the hour of the day; every twenty minutes a service fails for two minutes.

Examples:
  npm run demo
  npm run demo -- --minutes 10 --rate 100
  meshtrail demo --data ./demo-data --listen 127.0.0.1:7290`,
    )
    .action(run);
};

const numberOf = (text: string, flag: string, least: number, most: number): number => {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= least && value <= most) return value;
  throw new MeshtrailError(
    'flag_invalid',
    `${flag} '${text}' is not a number from ${least} to ${most}`,
    `for example ${flag} ${least < 1 ? 30 : least}`,
  );
};

const onOff = (text: string): boolean => {
  if (text === 'on' || text === 'off') return text === 'on';
  const hint = 'use --native-ports on or --native-ports off';
  throw new MeshtrailError('flag_invalid', `--native-ports '${text}' is neither on nor off`, hint);
};

const optionsOf = (flags: DemoFlags): DemoOptions => ({
  data: flags.data,
  listen: flags.listen,
  config: flags.config,
  nativePorts: onOff(flags.nativePorts),
  seed: numberOf(flags.seed, '--seed', 0, Number.MAX_SAFE_INTEGER),
  rate: numberOf(flags.rate, '--rate', 0.1, 5_000),
  minutes: numberOf(flags.minutes, '--minutes', 1, 10_080),
  temporary: {
    parent: systemEnvironment.get('TMPDIR') ?? '/tmp',
    name: `meshtrail-demo-${systemRandom.hex(6)}`,
  },
  sockets: systemSockets,
  clock: systemClock,
  disk: systemDisk,
});

const run = async (flags: DemoFlags): Promise<void> => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const starting = Demo.start(optionsOf(flags), (share, at) => progress.show(share, at));
  let stoppedMs = 0;
  const stop = (code: number): void => {
    stopping.abort();
    stoppedMs = systemClock.monotonicMs();
    systemClock.setTimer(STOP_MS, () => exitNow(1));
    // A server that is still starting is waited for, then stopped.
    starting
      .then((demo) => demo.stop())
      .then(
        () => exitNow(code),
        () => exitNow(1),
      );
  };
  onSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], () => {
    if (!signal.aborted) stop(0);
    else if (systemClock.monotonicMs() - stoppedMs > SAME_SIGNAL_MS) exitNow(130);
  });
  onUncaught((error) => {
    // Also what a terminal that is gone makes of our last words.
    if (signal.aborted) return;
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    systemOutput.notice(`meshtrail: ${words}\n`);
    stop(1);
  });
  const progress = new Progress();
  const demo = await starting;
  await play(demo, progress, Number(flags.minutes), signal);
};

const play = async (
  demo: Demo,
  progress: Progress,
  minutes: number,
  signal: AbortSignal,
): Promise<void> => {
  await systemOutput.write(demo.server.greeting);
  demo.server.announced();
  if (demo.notice !== undefined) await systemOutput.write(`notice     ${demo.notice}\n`);
  progress.begin();
  await demo.history();
  progress.clear();
  if (signal.aborted) return;
  await systemOutput.write(summaryOf(demo, progress.seconds, minutes));
  const status = showStatus(demo);
  await demo.live();
  status.cancel();
};

const counted = (count: number): string => count.toLocaleString('en-US');

const summaryOf = (demo: Demo, seconds: number, minutes: number): string => {
  const { sent, rejected, skipped } = demo.courier;
  const lines = [
    '',
    `history    ${counted(sent)} records of the last ${minutes} minutes, sent in ${seconds.toFixed(1)} s`,
  ];
  if (skipped > 0) lines.push(`           ${counted(skipped)} syslog lines were left out`);
  if (rejected > 0) lines.push(`           ${counted(rejected)} records were refused`);
  lines.push(`address    ${demo.url}`, '', 'Try:');
  for (const offer of demo.offers()) {
    lines.push(`# ${offer.title}`, commandOf(offer, demo.url), curlOf(offer, demo.url), '');
  }
  const trace = demo.trace();
  if (trace !== undefined) {
    lines.push('# the same checkout as spans, and who sends', `curl -s ${demo.url}${trace}`);
    lines.push(`curl -s ${demo.url}/api/v1/sources`, '');
  }
  lines.push('The shop goes on live. Ctrl-C stops it.', '');
  return lines.join('\n');
};

/** The history's progress: a bar on a terminal, a line at each quarter elsewhere. */
class Progress {
  seconds = 0;
  private startMs = 0;
  private lastMs = 0;
  private quarter = 0;

  begin(): void {
    this.startMs = systemClock.monotonicMs();
  }

  show(share: number, { courier }: Demo): void {
    const nowMs = systemClock.monotonicMs();
    this.seconds = (nowMs - this.startMs) / 1000;
    const rate = Math.round(courier.sent / Math.max(0.001, this.seconds));
    const words = `${counted(courier.sent)} records, ${counted(rate)}/s`;
    const percent = Math.floor(share * 100);
    if (systemOutput.isTerminal) {
      if (nowMs - this.lastMs < 100 && share < 1) return;
      this.lastMs = nowMs;
      const done = Math.round(share * 24);
      const bar = `[${'#'.repeat(done)}${'.'.repeat(24 - done)}]`;
      systemOutput.notice(`\r\u001b[Khistory    ${bar} ${percent} %  ${words}`);
    } else if (percent < 100 && Math.floor(percent / 25) > this.quarter) {
      this.quarter = Math.floor(percent / 25);
      systemOutput.notice(`history    ${percent} %  ${words}\n`);
    }
  }

  clear(): void {
    if (systemOutput.isTerminal) systemOutput.notice('\r\u001b[K');
  }
}

/** One line of status, on a terminal only. */
const showStatus = (demo: Demo): { cancel(): void } => {
  if (!systemOutput.isTerminal) return { cancel: () => {} };
  let sent = demo.courier.sent;
  return systemClock.setRepeating(STATUS_MS, () => {
    const { courier } = demo;
    const rate = Math.round(((courier.sent - sent) * 1000) / STATUS_MS);
    sent = courier.sent;
    const time = new Date(systemClock.nowMs()).toISOString().slice(11, 19);
    const waits = courier.waits > 0 ? `, asked to wait ${counted(courier.waits)} times` : '';
    const words = `live ${time}  ${counted(courier.sent)} records, ${counted(rate)}/s${waits}`;
    systemOutput.notice(`\r\u001b[K${words}`);
  });
};
