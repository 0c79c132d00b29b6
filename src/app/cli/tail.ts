import type { Command } from 'commander';
import { WebSocket } from 'ws';
import { MeshtrailError } from '../../model/errors.ts';
import { systemClock } from '../../platform/clock.ts';
import { systemOutput } from '../../platform/output.ts';
import { onSignals } from '../../platform/processes.ts';
import { addTargetOptions, formatTime, parseSpan, targetOf, type TargetFlags } from './client.ts';

interface TailFlags extends TargetFlags {
  readonly since?: string;
  readonly output: string;
}

interface TailMessage {
  readonly streams?: readonly {
    readonly stream: Readonly<Record<string, string>>;
    readonly values: readonly (readonly [string, string])[];
  }[];
  readonly dropped_entries?: readonly unknown[] | null;
}

export const addTail = (program: Command): void => {
  const command = program
    .command('tail <logql>')
    .description('follow lines as they arrive')
    .option('--since <span>', 'first show what came since then (5m, 1h)')
    .option('--output <form>', 'raw (the lines as they came) or json', 'raw');
  addTargetOptions(command)
    .addHelpText(
      'after',
      `
The key is taken from MESHTRAIL_KEY. Ends with Ctrl-C.

Examples:
  meshtrail tail '{service_name="checkout"}'
  meshtrail tail '{namespace="shop"} |~ "(?i)error"' --since 5m --output json`,
    )
    .action(run);
};

const run = async (logql: string, flags: TailFlags): Promise<void> => {
  const target = targetOf(flags);
  const url = new URL('/loki/api/v1/tail', target.url);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('query', logql);
  if (flags.since !== undefined) {
    url.searchParams.set('start', String(systemClock.nowNs() - parseSpan(flags.since)));
  }
  const socket = new WebSocket(url, { headers: target.headers });
  let wanted = false;
  const release = onSignals(['SIGINT', 'SIGTERM'], () => {
    wanted = true;
    socket.close();
  });
  let printing = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    socket.on('unexpected-response', (_request, response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => {
        const words = Buffer.concat(parts).toString('utf8').trim();
        reject(
          new MeshtrailError(
            'server_refused',
            `${response.statusCode ?? 0} from /loki/api/v1/tail: ${words}`,
            response.statusCode === 401
              ? 'set MESHTRAIL_KEY to the administrator key'
              : 'check the query',
          ),
        );
      });
    });
    socket.on('error', (error) => {
      reject(
        new MeshtrailError(
          'server_unreachable',
          `no live tail from ${target.url.origin}: ${error.message}`,
          'is the server running? start it with: npm start -- --dev',
        ),
      );
    });
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString('utf8')) as TailMessage;
      printing = printing.then(() => print(message, flags.output));
    });
    socket.on('close', (code, words) => {
      if (wanted) resolve();
      else reject(ended(code, words.toString('utf8')));
    });
  }).finally(async () => {
    await printing;
    release();
  });
};

/** 1006 stands for a connection that broke (RFC 6455, 7.4.1). */
const ended = (code: number, words: string): MeshtrailError =>
  new MeshtrailError(
    'tail_ended',
    `the live tail ended: ${words !== '' ? words : code === 1006 ? 'the connection broke' : code}`,
    'start it again with --since, so that nothing is missed',
  );

const print = async (message: TailMessage, output: string): Promise<void> => {
  for (const { stream, values } of message.streams ?? []) {
    for (const [time, line] of values) {
      await systemOutput.write(
        output === 'json'
          ? `${JSON.stringify({ timestamp: formatTime(BigInt(time)), labels: stream, line })}\n`
          : `${line}\n`,
      );
    }
  }
  const dropped = message.dropped_entries?.length ?? 0;
  if (dropped > 0)
    systemOutput.notice(`(${dropped} lines were dropped: this reader is too slow)\n`);
};
