import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { LIMITS } from '../../model/limits.ts';
import { systemClock } from '../../platform/clock.ts';
import type { Budget } from './budget.ts';
import type { HttpAnswer } from './http.ts';

/** How requests' bodies are read: whole within limits, or as they come. */

export type BodyProblem = 'busy' | 'too_large';

/** Takes a body as it comes: one that is long, slow or never ends. */
export interface BodyFace {
  /**
   * Handles the next bytes, in order; resolves when they are durable. `last` says that the body has
   * ended or, where it is not `whole`, broke off. An answer ends the request; the last bytes get
   * one. Never rejects.
   */
  bytes(part: Uint8Array, last: boolean, whole: boolean): Promise<HttpAnswer | undefined>;
}

/** Reads the whole body within the limits; undefined when the client went away. */
export const readBody = (
  message: IncomingMessage,
  budget: Budget,
): Promise<Uint8Array<ArrayBuffer> | BodyProblem | undefined> => {
  const declared = Number(message.headers['content-length'] ?? 0);
  if (declared > LIMITS.requestBytes) return Promise.resolve('too_large');
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let size = 0;
    let taken = 0;
    const slow = systemClock.setTimer(LIMITS.requestMs, () => tooSlow(message.socket));
    const done = (outcome: Uint8Array<ArrayBuffer> | BodyProblem | undefined): void => {
      slow.cancel();
      message.off('data', take).off('end', end).off('error', broken).off('close', broken);
      budget.give(taken);
      resolve(outcome);
    };
    // Events and not an iterator, which costs a fifth more (it makes promises for each piece).
    const take = (part: Buffer): void => {
      size += part.length;
      const problem =
        size > LIMITS.requestBytes ? 'too_large' : budget.take(part.length) ? undefined : 'busy';
      if (problem !== undefined) {
        // The rest is not read here, and the connection stays: the refusal has to go out on it.
        message.pause();
        return done(problem);
      }
      taken += part.length;
      parts.push(part);
    };
    const end = (): void => done(message.complete ? joined(parts, size) : undefined);
    const broken = (): void => done(undefined);
    message.on('data', take).on('end', end).on('error', broken).on('close', broken);
  });
};

/**
 * Hands a body on as it comes, paused while too much of it waits; undefined when the client went
 * away. Neither its size nor its time is bounded, but the time between two pieces is.
 */
export const readPieces = (
  message: IncomingMessage,
  face: BodyFace,
  budget: Budget,
): Promise<HttpAnswer | undefined> =>
  new Promise((resolve) => {
    let waiting = 0;
    let isDone = false;
    let hasEnded = false;
    const done = (answer: HttpAnswer | undefined): void => {
      isDone = true;
      message.pause();
      message.off('data', take).off('end', end).off('error', broken).off('close', broken);
      message.setTimeout(0);
      resolve(answer);
    };
    const resume = (): void => {
      if (isDone || waiting >= LIMITS.streamWindowBytes) return;
      if (budget.full) budget.whenRoom(resume);
      else message.resume();
    };
    const hand = async (part: Uint8Array, last: boolean, whole: boolean): Promise<void> => {
      const size = part.length;
      waiting += size;
      budget.force(size);
      if (waiting >= LIMITS.streamWindowBytes || budget.full) message.pause();
      const answer = await face.bytes(part, last, whole);
      waiting -= size;
      budget.give(size);
      if (isDone) return;
      if (answer !== undefined || last) done(whole ? answer : undefined);
      else resume();
    };
    const take = (part: Buffer): void => void hand(part, false, true);
    const finish = (whole: boolean): void => {
      if (hasEnded) return;
      hasEnded = true;
      void hand(NO_BYTES, true, whole);
    };
    const end = (): void => finish(message.complete);
    const broken = (): void => finish(false);
    message.setTimeout(LIMITS.idleConnectionMs, () => message.destroy());
    message.on('data', take).on('end', end).on('error', broken).on('close', broken);
  });

const NO_BYTES = new Uint8Array(0);

export const bareAnswer = (status: string): string =>
  `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`;

const tooSlow = (socket: Socket): void => {
  socket.write(bareAnswer('408 Request Timeout'));
  socket.destroySoon();
};

/** The pieces in one buffer of their own, which can move to another thread. */
const joined = (parts: readonly Buffer[], size: number): Uint8Array<ArrayBuffer> => {
  // Not zeroed first: every byte is written below. Not pooled: the whole buffer moves away.
  const body = new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return body;
};
