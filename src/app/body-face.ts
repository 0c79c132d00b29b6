import type { BodyDecoder, HttpDecoder, Reply } from '../ingest/decode/decode.ts';
import type { BodyFace } from '../ingest/receive/body.ts';
import type { ReceivedRequest } from '../ingest/receive/http.ts';
import { newConnection } from '../ingest/receive/stream.ts';
import type { Clock } from '../platform/clock.ts';
import type { Acknowledger, Outcome } from './acknowledge.ts';
import type { DecodePool } from './decode-pool.ts';

/** What a body needs of the intake. */
export interface BodyIntake {
  readonly pool: DecodePool;
  readonly acknowledger: Acknowledger;
  readonly clock: Clock;
  readonly tenant: string;
  /** False while the journal takes no more. */
  accepts(): boolean;
  /** Notes what a piece brought. */
  heard(outcome: Outcome, about: { observedNs: bigint; encrypted: boolean; size: number }): void;
  refusal(why: 'busy' | 'failed'): Reply;
  noteFailure(failure: string | undefined): void;
}

/**
 * Takes one request's body as it comes: its pieces are jobs of one stream, which go to one decoding
 * thread in order. The reply is made here, from what all of them brought.
 */
export const createBodyFace = (
  { name }: HttpDecoder,
  body: BodyDecoder,
  { peer, encrypted, identity }: ReceivedRequest,
  intake: BodyIntake,
): BodyFace => {
  const connection = newConnection();
  const from = { address: peer, transport: 'tcp', encrypted, identity } as const;
  let kept = 0;
  let refused = 0;
  let isOpen = false;
  let isOver = false;
  let before: Promise<unknown> = Promise.resolve();

  const run = async (part: Uint8Array, last: boolean): Promise<Outcome> => {
    const observedNs = intake.clock.observedNs();
    const size = part.length;
    const done = await intake.pool.run({
      type: 'stream',
      decoder: name,
      connection,
      from,
      // Socket buffers are views of a shared pool: a copy of its own can be handed over.
      bytes: part.byteLength === part.buffer.byteLength ? part : new Uint8Array(part),
      last,
      tenant: intake.tenant,
      peer,
      observedNs,
    });
    const outcome = intake.acknowledger.outcomeOf(done);
    intake.heard(outcome, { observedNs, encrypted, size });
    for (const { count } of done?.rejects ?? []) refused += count;
    if (outcome.ok) kept += outcome.done.rows;
    else intake.noteFailure(done?.failure);
    return outcome;
  };

  const bytes = async (
    part: Uint8Array,
    last: boolean,
    whole: boolean,
  ): Promise<Reply | undefined> => {
    if (isOver) return undefined;
    if (!isOpen && !last && !intake.accepts()) {
      isOver = true;
      return intake.refusal('busy');
    }
    isOpen = true;
    const earlier = before;
    const running = run(part, last);
    before = running;
    const outcome = await running;
    // What holds no rows is settled at once: the reply must not overtake rows on their way.
    await earlier;
    if (!outcome.ok) {
      isOver = true;
      // The session is not needed any more.
      if (!last) await run(NONE, true);
      return intake.refusal(outcome.why);
    }
    return last && whole ? body.reply(kept, refused) : undefined;
  };
  return { bytes };
};

const NONE = new Uint8Array(0);
