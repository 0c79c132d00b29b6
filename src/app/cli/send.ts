import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import type { Command } from 'commander';
import { MeshtrailError } from '../../model/errors.ts';
import { systemClock } from '../../platform/clock.ts';
import { systemOutput } from '../../platform/output.ts';
import { hostName } from '../../platform/processes.ts';
import {
  addTargetOptions,
  ask,
  RefusedError,
  targetOf,
  type Target,
  type TargetFlags,
} from './client.ts';
import { encodeLines } from './otlp-lines.ts';
import { openSource, Progress, type Source } from './send-file.ts';

interface SendFlags extends TargetFlags {
  readonly service?: string;
  readonly label: readonly string[];
  readonly restart?: boolean;
}

/**
 * Longest line that is sent whole, bytes: the server cuts it at its own limit and keeps its size.
 * What is longer goes in pieces, so that a file without line ends does not fill the memory.
 */
const HELD_BYTES = 33_554_432;
/** Content sent in one request, bytes. */
const REQUEST_BYTES = 1_000_000;
/** Tries of one request before giving up; the pauses between them double from 250 ms to 8 s. */
const TRIES = 10;

const compress = promisify(zstdCompress);

export const addSend = (program: Command): void => {
  const command = program
    .command('send <files...>')
    .description('send files of logs, one record a line; goes on where it stopped')
    .option('--service <name>', "service of the lines (default: the file's name)")
    .option(
      '--label <name=value>',
      'resource attribute, for example k8s.namespace.name=shop (repeatable)',
      collect,
      [],
    )
    .option('--restart', 'send from the beginning, also what was sent before');
  addTargetOptions(command)
    .addHelpText(
      'after',
      `
Lines may be of any known format (JSON, logfmt, Envoy, NGINX, klog, plain ...), also mixed; their own
times are used. Files ending in .gz are unpacked; - reads standard input. What the server has
acknowledged is remembered, so that the same command goes on after an interruption.

Examples:
  meshtrail send /var/log/nginx/access.log --service edge
  kubectl logs deploy/checkout | meshtrail send - --service checkout
  meshtrail send app.log.gz --label k8s.namespace.name=shop --label deployment.environment=prod`,
    )
    .action(async (files: string[], flags: SendFlags) => {
      for (const file of files) await sendFile(file, flags);
    });
};

const collect = (value: string, held: readonly string[]): string[] => [...held, value];

const resourceOf = (source: Source, flags: SendFlags): Record<string, string> => {
  const resource: Record<string, string> = {
    'service.name': flags.service ?? source.name.replace(/(\.log)?(\.gz)?$/, ''),
    'host.name': hostName(),
  };
  for (const label of flags.label) {
    const split = label.indexOf('=');
    if (split < 1) {
      throw new MeshtrailError(
        'label_invalid',
        `--label '${label}' is not NAME=VALUE`,
        'for example --label k8s.namespace.name=shop',
      );
    }
    resource[label.slice(0, split)] = label.slice(split + 1);
  }
  return resource;
};

class Sender {
  offset: number;
  lines = 0;
  private batch: Uint8Array[] = [];
  private batchBytes = 0;
  private readonly target: Target;
  private readonly resource: Record<string, string>;
  private readonly progress: Progress;
  private readonly show: (sender: Sender) => void;

  constructor(
    target: Target,
    resource: Record<string, string>,
    progress: Progress,
    offset: number,
    show: (sender: Sender) => void,
  ) {
    this.target = target;
    this.resource = resource;
    this.progress = progress;
    this.offset = offset;
    this.show = show;
  }

  /** Adds a line; `size` counts its line break too. */
  async add(line: Uint8Array, size: number): Promise<void> {
    this.batch.push(line);
    this.batchBytes += size;
    if (this.batchBytes >= REQUEST_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.batch.length === 0) return;
    const body = await compress(encodeLines(this.resource, this.batch));
    await this.deliver(body);
    this.lines += this.batch.length;
    this.offset += this.batchBytes;
    this.batch = [];
    this.batchBytes = 0;
    await this.progress.write(this.offset);
    this.show(this);
  }

  private async deliver(body: Uint8Array<ArrayBuffer>): Promise<void> {
    const headers = { 'content-type': 'application/x-protobuf', 'content-encoding': 'zstd' };
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await ask(this.target, '/v1/logs', { method: 'POST', headers, body });
        tellPartial(Buffer.from(await response.arrayBuffer()));
        return;
      } catch (error) {
        const final = error instanceof RefusedError && ![429, 502, 503, 504].includes(error.status);
        if (final || attempt === TRIES) throw error;
        await systemClock.sleep(Math.min(8_000, 250 * 2 ** (attempt - 1)));
      }
    }
  }
}

/** A reply with something in it says that not every line was taken, and why (OTLP/HTTP). */
const tellPartial = (reply: Buffer): void => {
  if (reply.length === 0) return;
  const words = reply
    .toString('latin1')
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim();
  systemOutput.notice(`the server did not take every line: ${words}\n`);
};

const sendFile = async (file: string, flags: SendFlags): Promise<void> => {
  const target = targetOf(flags);
  const source = await openSource(file);
  const server = `${target.url.origin} ${flags.tenant ?? ''}`;
  const progress = new Progress(source.identity, server);
  const start = flags.restart === true ? 0 : await progress.read();
  if (!source.packed && source.sizeBytes !== undefined && start >= source.sizeBytes && start > 0) {
    systemOutput.notice(
      `${source.name}: already sent (${start} bytes); --restart sends it again\n`,
    );
    return;
  }
  if (start > 0) systemOutput.notice(`${source.name}: going on at byte ${start}\n`);
  const startedMs = systemClock.monotonicMs();
  const sender = new Sender(target, resourceOf(source, flags), progress, start, (now) => {
    showProgress(source, now, start, startedMs);
  });
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of goOn(source, sender)) {
    rest = await takeLines(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]), sender);
  }
  if (rest.length > 0) await sender.add(withoutReturn(rest), rest.length);
  await sender.flush();
  const seconds = Math.max(0.001, (systemClock.monotonicMs() - startedMs) / 1000);
  const mb = (sender.offset - start) / 1e6;
  if (systemOutput.isTerminal) systemOutput.notice('\r\u001b[K');
  systemOutput.notice(
    `${source.name}: ${sender.lines} lines, ${mb.toFixed(1)} MB in ${seconds.toFixed(1)} s\n`,
  );
};

const LF = 10;

/**
 * What follows the bytes that were sent. A last line that lacked its end was sent as it was; an end
 * that it has got since belongs to it, and is no blank line.
 */
async function* goOn(source: Source, sender: Sender): AsyncGenerator<Buffer, void, undefined> {
  const sent = sender.offset;
  if (sent === 0) {
    yield* source.chunks(0);
    return;
  }
  let seen = 0;
  let wasEnded = true;
  for await (const chunk of source.chunks(sent - 1)) {
    let from = 0;
    if (seen === 0) {
      wasEnded = chunk[0] === LF;
      from = 1;
    }
    if (seen + from === 1 && !wasEnded && chunk[from] === LF) {
      from++;
      sender.offset++;
    }
    seen += chunk.length;
    if (from < chunk.length) yield chunk.subarray(from);
  }
}

/** Hands whole lines to the sender and returns the unfinished rest. */
const takeLines = async (bytes: Buffer, sender: Sender): Promise<Buffer> => {
  let from = 0;
  for (;;) {
    const end = bytes.indexOf(LF, from);
    if (end < 0) break;
    await sender.add(withoutReturn(bytes.subarray(from, end)), end + 1 - from);
    from = end + 1;
  }
  const rest = bytes.subarray(from);
  if (rest.length <= HELD_BYTES) return Buffer.from(rest);
  await sender.add(rest, rest.length);
  return Buffer.alloc(0);
};

const withoutReturn = (line: Buffer): Buffer =>
  line.length > 0 && line[line.length - 1] === 13 ? line.subarray(0, -1) : line;

const BAR = 24;

const showProgress = (source: Source, sender: Sender, start: number, startedMs: number): void => {
  if (!systemOutput.isTerminal) return;
  const seconds = Math.max(0.001, (systemClock.monotonicMs() - startedMs) / 1000);
  const rate = ((sender.offset - start) / 1e6 / seconds).toFixed(1);
  const size = source.packed ? undefined : source.sizeBytes;
  const share = size === undefined || size === 0 ? undefined : Math.min(1, sender.offset / size);
  const done = share === undefined ? 0 : Math.round(share * BAR);
  const bar =
    share === undefined
      ? ''
      : `[${'#'.repeat(done)}${'.'.repeat(BAR - done)}] ${Math.floor(share * 100)} % `;
  systemOutput.notice(
    `\r\u001b[K${source.name} ${bar}${(sender.offset / 1e6).toFixed(1)} MB, ${rate} MB/s`,
  );
};
