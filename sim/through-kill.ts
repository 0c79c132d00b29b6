import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningServer } from './running-server.ts';

const RETRY_MS = 50;

/**
 * Sends batches one after another as a patient client does (what failed is sent again until it is
 * taken), while the server is killed in the middle of them and started again.
 * @returns the batches that were sent more than once: what of them arrived twice, nobody can tell
 * apart unless the protocol gives items an identity
 */
export const sendThroughKill = async (
  server: RunningServer,
  count: number,
  send: (batch: number) => Promise<unknown>,
): Promise<number[]> => {
  const again: number[] = [];
  let restarted: Promise<void> | undefined;
  for (let batch = 0; batch < count; batch++) {
    for (let tries = 0; ; tries++) {
      const sending = send(batch);
      if (batch >= count / 2 && restarted === undefined) {
        restarted = server.process.kill().then(() => server.process.start());
      }
      try {
        await sending;
        break;
      } catch (error) {
        if (restarted === undefined) throw error;
        if (tries === 0) again.push(batch);
        await sleep(RETRY_MS);
      }
    }
  }
  await restarted;
  return again;
};
