import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { createDecoders } from '../ingest/decode/all.ts';
import type { StreamDecoder, StreamSession } from '../ingest/decode/decode.ts';
import { createNormalize } from '../ingest/normalize/recognise.ts';
import { must } from '../model/errors.ts';
import { overrideLimits } from '../model/limits.ts';
import { compileFormats } from './configured-formats.ts';
import { GrpcSessions } from './grpc-sessions.ts';
import { Pipeline } from './pipeline.ts';
import type {
  CallJob,
  Job,
  JobDone,
  RequestJob,
  StreamJob,
  ThreadOptions,
  ThreadResult,
  ToThread,
} from './thread-messages.ts';

/**
 * A decoding thread: takes jobs, runs the pipeline, gives batches back. Jobs that wait together
 * share batches, so that a thousand single lines become one block and not a thousand.
 */
const port = must(parentPort, 'decode-thread runs as a worker');
const options = workerData as ThreadOptions;
overrideLimits(options.limits);
const decoders = createDecoders(options.decoders);
const http = new Map(decoders.http.map((decoder) => [decoder.name, decoder]));
/** Streams, and bodies that are taken as they come. */
const streams = new Map<string, Pick<StreamDecoder, 'name' | 'open'>>(
  decoders.streams.map((decoder) => [decoder.name, decoder]),
);
for (const { name, body } of decoders.http) {
  if (body !== undefined) streams.set(name, { name, open: () => body.open() });
}
const sessions = new Map<number, StreamSession>();
const calls = new GrpcSessions(decoders.grpc);
const pipeline = new Pipeline(
  createNormalize({ override: compileFormats(options.formats) }),
  () => undefined,
);

/** Bytes of jobs taken together before their outcome is told. */
const TURN_BYTES = 1_048_576;

const runRequest = (job: RequestJob): Pick<JobDone, 'reply'> => {
  const decoder = must(http.get(job.decoder), `decoder ${job.decoder}`);
  pipeline.from(job.tenant, decoder.name, job.peer, job.observedNs);
  pipeline.received(job.request.body.length);
  return { reply: decoder.decode(job.request, pipeline) };
};

const runStream = (job: StreamJob): Pick<JobDone, 'replyBytes' | 'close' | 'identity'> => {
  const decoder = must(streams.get(job.decoder), `decoder ${job.decoder}`);
  let session = sessions.get(job.connection);
  if (session === undefined) {
    session = decoder.open(job.from);
    sessions.set(job.connection, session);
  }
  pipeline.from(job.tenant, decoder.name, job.peer, job.observedNs);
  pipeline.received(job.bytes.length);
  const { reply, close, identity } = session.feed(job.bytes, pipeline);
  if (job.last) {
    session.end(pipeline);
    sessions.delete(job.connection);
  }
  return {
    ...(reply && { replyBytes: reply }),
    ...(close && { close }),
    ...(identity !== undefined && { identity }),
  };
};

const runCall = (job: CallJob): Pick<JobDone, 'answer'> => {
  pipeline.from(job.tenant, job.decoder, job.peer, job.observedNs);
  pipeline.received(job.bytes.length);
  const answer = calls.run(job, pipeline);
  return answer === undefined ? {} : { answer };
};

const runJob = (job: Job): Partial<JobDone> => {
  switch (job.type) {
    case 'request':
      return runRequest(job);
    case 'stream':
      return runStream(job);
    case 'call':
      return runCall(job);
  }
};

/** What the page of sources tells of the job. */
const heard = (): Pick<JobDone, 'rejects' | 'newestNs'> => {
  const { newestSec, newestNano } = pipeline;
  const rejects = pipeline.rejectedByJob();
  return {
    ...(rejects.length > 0 && { rejects }),
    ...(newestSec >= 0 && { newestNs: BigInt(newestSec) * 1_000_000_000n + BigInt(newestNano) }),
  };
};

const run = (job: Job): JobDone => {
  const head = { id: job.id, firstBatch: 0, lastBatch: 0 };
  try {
    const outcome = runJob(job);
    return { ...head, rows: pipeline.rows, ...heard(), ...outcome };
  } catch (error) {
    // A decoder never throws on input; if one does it is our fault, and costs one request only.
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { ...head, rows: pipeline.rows, failure, ...(job.type === 'stream' && { close: true }) };
  }
};

/** Heeds what is no job. */
const jobOf = (message: ToThread): Job | undefined => {
  if (message.type !== 'layouts-full') return message;
  pipeline.layoutsFull(message.tenant, message.fromNs);
  return undefined;
};

const waitingJob = (): Job | undefined => {
  for (;;) {
    const waiting = receiveMessageOnPort(port);
    if (waiting === undefined) return undefined;
    const job = jobOf(waiting.message as ToThread);
    if (job !== undefined) return job;
  }
};

const takeTurn = (first: Job): void => {
  const done: JobDone[] = [];
  let bytes = 0;
  let job: Job | undefined = first;
  while (job !== undefined) {
    const firstBatch = pipeline.openBatch;
    const outcome = run(job);
    // It may be one too many: waiting for a later batch is still correct.
    const lastBatch = outcome.rows === 0 ? -1 : pipeline.lastBatch;
    done.push({ ...outcome, firstBatch, lastBatch });
    bytes += job.type === 'request' ? job.request.body.length : job.bytes.length;
    if (bytes >= TURN_BYTES) break;
    job = waitingJob();
  }
  pipeline.close();
  pipeline.release();
  const batches = pipeline.batches.splice(0);
  const clamp = (index: number): number => Math.min(index, batches.length - 1);
  const result: ThreadResult = {
    batches,
    done: done.map((item) => ({
      ...item,
      lastBatch: clamp(item.lastBatch),
      firstBatch: clamp(item.firstBatch),
    })),
    counts: pipeline.counts.take(),
  };
  port.postMessage(
    result,
    batches.flatMap(({ data, tokens }) =>
      tokens === undefined ? data.buffer : [data.buffer, tokens.buffer],
    ),
  );
};

port.on('message', (message: ToThread) => {
  const job = jobOf(message);
  if (job !== undefined) takeTurn(job);
});
