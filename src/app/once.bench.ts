import { createLoki } from '../ingest/decode/loki.ts';
import { LokiPush } from '../ingest/decode/loki-push.ts';
import { createNormalize } from '../ingest/normalize/recognise.ts';
import { LIMITS } from '../model/limits.ts';
import { TokenWindow } from '../model/token-window.ts';
import { cpuMs } from '../platform/processes.ts';
import { Pipeline } from './pipeline.ts';

/**
 * What storing once costs: `node src/app/once.bench.ts`. Loki pushes of JSON lines of 250 bytes go
 * through a decoding thread's pipeline with tokens and without, and their tokens through a window
 * that is full. CPU time, best of several rounds in turn.
 */
const ENTRIES = 5_000;
const ROUNDS = 40;

const bodyOf = (round: number): Uint8Array => {
  const values = Array.from({ length: ENTRIES }, (_, n) => {
    const id = (round * ENTRIES + n) * 7_919;
    const line = {
      time: new Date(1_763_632_800_000 + n).toISOString(),
      level: n % 9 === 0 ? 'error' : 'info',
      msg: `payment ${id % 1_000} of the cart was taken`,
      trace_id: id.toString(16).padStart(32, '0'),
      duration_ms: id % 977,
      path: `/cart/${id % 500}/checkout`,
      user: `user-${id % 10_000}`,
    };
    return [`1763632800${String(n).padStart(9, '0')}`, JSON.stringify(line)];
  });
  const streams = [{ stream: { app: 'checkout', pod: 'checkout-1' }, values }];
  return new TextEncoder().encode(JSON.stringify({ streams }));
};

const decoder = createLoki({ discoverServiceName: true });
const pipeline = new Pipeline(createNormalize({ override: {} }), () => undefined);
const headers = { 'content-type': 'application/json' };

const run = (body: Uint8Array): Uint32Array | undefined => {
  pipeline.from('default', 'loki', '', 1_763_632_800_000_000_000n);
  decoder.decode({ method: 'POST', path: '/loki/api/v1/push', query: '', headers, body }, pipeline);
  pipeline.close();
  pipeline.release();
  pipeline.counts.take();
  return pipeline.batches.splice(0)[0]?.tokens;
};

const { prototype } = LokiPush;
const commits = {
  // eslint-disable-next-line @typescript-eslint/unbound-method
  tokens: prototype.commit,
  none(this: LokiPush): void {
    this.sink.commit();
  },
};

const best = { tokens: Infinity, none: Infinity, window: Infinity };
const window = new TokenWindow();
const holders = new Int32Array(ENTRIES);
const bounds = { most: LIMITS.onceEntries, ageMs: LIMITS.onceMs, nowMs: 0 };
const claim = (tokens: Uint32Array, mark: number): void => {
  const words = new Int32Array(tokens.buffer, 0, 2 * ENTRIES);
  window.claim(words, ENTRIES, mark, holders, bounds);
};
// Full, and older than what comes.
const filler = new Uint32Array(2 * ENTRIES);
for (let mark = 1; mark <= 400; mark++) {
  for (let i = 0; i < filler.length; i++) filler[i] = Math.imul(mark * 10_000 + i, 0x9e3779b1);
  claim(filler, mark);
}
let bytes = 0;
for (let round = 0; round < ROUNDS; round++) {
  const body = bodyOf(round);
  bytes = body.length;
  for (const how of ['none', 'tokens'] as const) {
    // eslint-disable-next-line @typescript-eslint/unbound-method
    prototype.commit = commits[how];
    const start = cpuMs();
    const tokens = run(body);
    best[how] = Math.min(best[how], cpuMs() - start);
    if (tokens === undefined) continue;
    const claimStart = cpuMs();
    claim(tokens, 1_000 + round);
    best.window = Math.min(best.window, cpuMs() - claimStart);
  }
}
const ns = (ms: number): string => `${((ms * 1e6) / ENTRIES).toFixed(0)} ns`;
process.stdout.write(
  `entry of ${(bytes / ENTRIES).toFixed(0)} bytes: ${ns(best.none)} in the decoding thread; ` +
    `its token ${ns(best.tokens - best.none)} there, ${ns(best.window)} in the main thread\n`,
);
