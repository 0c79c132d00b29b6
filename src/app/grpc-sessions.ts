import type { EventSink, GrpcAnswer, GrpcDecoder, GrpcSession } from '../ingest/decode/decode.ts';
import { must } from '../model/errors.ts';
import type { CallJob } from './thread-messages.ts';

/** The gRPC calls of one decoding thread: unary ones as they come, streams with their sessions. */
export class GrpcSessions {
  private readonly decoders: ReadonlyMap<string, GrpcDecoder>;
  private readonly streams = new Map<number, GrpcSession>();

  constructor(decoders: readonly GrpcDecoder[]) {
    this.decoders = new Map(decoders.map((decoder) => [decoder.name, decoder]));
  }

  /** Runs one step of a call; undefined where the call goes on. */
  run(job: CallJob, sink: EventSink): GrpcAnswer | undefined {
    const decoder = must(this.decoders.get(job.decoder), `decoder ${job.decoder}`);
    if (!job.isStream) return decoder.open(job.from).message(job.bytes, sink);
    if (job.step === 'forget') {
      this.streams.delete(job.call);
      return undefined;
    }
    let session = this.streams.get(job.call);
    if (session === undefined) {
      session = decoder.open(job.from);
      this.streams.set(job.call, session);
    }
    if (job.step === 'message') return session.message(job.bytes, sink);
    this.streams.delete(job.call);
    return session.end(sink);
  }
}
