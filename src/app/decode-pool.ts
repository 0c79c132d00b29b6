import { Worker } from 'node:worker_threads';
import type { Bucket } from '../model/storage.ts';
import type { Log } from '../platform/log.ts';
import type {
  CallJob,
  Job,
  JobDone,
  LayoutsFull,
  RequestJob,
  StreamJob,
  ThreadOptions,
  ThreadResult,
} from './thread-messages.ts';

export type NewJob = Omit<RequestJob, 'id'> | Omit<StreamJob, 'id'> | Omit<CallJob, 'id'>;

/** What a job became: its outcome, or undefined when the thread that held it died. */
export type Settle = (done: JobDone | undefined) => void;

/** Takes a thread's result: journals the batches and settles the jobs. Never rejects. */
export type OnResult = (result: ThreadResult, settle: (id: number) => Settle) => void;

interface Thread {
  worker: Worker;
  /** Jobs handed over and not yet settled. */
  readonly waiting: Map<number, Settle>;
}

/**
 * The decoding threads. Requests and unary calls go to the thread with the least to do; all bytes
 * of a connection, and all messages of a streaming call, go to the same one, in order. A thread
 * that dies is replaced; its jobs are settled with `undefined`.
 */
export class DecodePool {
  private readonly threads: Thread[] = [];
  private readonly options: ThreadOptions;
  private readonly onResult: OnResult;
  private readonly log: Log;
  private nextId = 1;
  private stopping = false;

  constructor(count: number, options: ThreadOptions, onResult: OnResult, log: Log) {
    this.options = options;
    this.onResult = onResult;
    this.log = log;
    for (let i = 0; i < count; i++) this.threads.push(this.start());
  }

  run(job: NewJob): Promise<JobDone | undefined> {
    const thread = this.threadFor(job);
    const id = this.nextId++;
    const bytes = job.type === 'request' ? job.request.body : job.bytes;
    return new Promise((resolve) => {
      thread.waiting.set(id, resolve);
      // Buffers from Node's shared pool cannot be transferred; they are small and copied.
      const whole = bytes.byteLength > 0 && bytes.byteLength === bytes.buffer.byteLength;
      const transfer = whole ? [bytes.buffer as ArrayBuffer] : [];
      thread.worker.postMessage({ ...job, id } satisfies Job, transfer);
    });
  }

  /** Tells all threads that a bucket takes no more layouts. */
  layoutsFull({ tenant, fromNs }: Bucket): void {
    const message: LayoutsFull = { type: 'layouts-full', tenant, fromNs };
    for (const { worker } of this.threads) worker.postMessage(message);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.threads.map((thread) => thread.worker.terminate()));
  }

  private threadFor(job: NewJob): Thread {
    if (job.type === 'stream') return this.threadOf(job.connection);
    if (job.type === 'call' && job.isStream) return this.threadOf(job.call);
    return this.leastBusy();
  }

  private threadOf(connection: number): Thread {
    return this.threads[connection % this.threads.length] as Thread;
  }

  private leastBusy(): Thread {
    let best = this.threads[0] as Thread;
    for (const thread of this.threads) if (thread.waiting.size < best.waiting.size) best = thread;
    return best;
  }

  private start(): Thread {
    const thread: Thread = { worker: this.spawn(), waiting: new Map() };
    this.watch(thread);
    return thread;
  }

  private spawn(): Worker {
    const file = new URL('./decode-thread.ts', import.meta.url);
    return new Worker(file, { workerData: this.options, name: 'decode' });
  }

  private watch(thread: Thread): void {
    const { worker } = thread;
    worker.on('message', (result: ThreadResult) => {
      this.onResult(result, (id) => {
        const settle = thread.waiting.get(id);
        thread.waiting.delete(id);
        return settle ?? (() => undefined);
      });
    });
    worker.on('error', (error) => {
      this.log.error('a decoding thread died; its requests are refused', { error });
    });
    worker.on('exit', () => {
      if (this.stopping) return;
      const lost = [...thread.waiting.values()];
      thread.waiting.clear();
      thread.worker = this.spawn();
      this.watch(thread);
      for (const settle of lost) settle(undefined);
    });
  }
}
