import type { Sender } from './senders.ts';

/** What one sender's records became. */
export interface Verdict {
  readonly sender: string;
  readonly acknowledged: number;
  /** Acknowledged and not found: must be 0. */
  readonly missing: readonly number[];
  /** Found more than once although sent once: must be 0. */
  readonly doubled: readonly number[];
  /** Found more than once after a resend: allowed, counted. */
  readonly resentDoubled: number;
  /** First places where the order of a sender's records is broken: must be empty. */
  readonly disorder: readonly string[];
}

interface StreamsAnswer {
  readonly data: {
    readonly result: readonly { readonly values: readonly (readonly [string, string])[] }[];
  };
}

const PAGE = 5_000;

/** All of a service's lines, oldest first, read page by page through LogQL. */
const readAll = async (url: string, service: string, startNs: bigint): Promise<string[]> => {
  const lines: string[] = [];
  let from = startNs;
  let skip = new Set<string>();
  for (;;) {
    const parameters = new URLSearchParams({
      query: `{service_name="${service}"}`,
      start: String(from),
      end: String(BigInt(Date.now() + 3_600_000) * 1_000_000n),
      limit: String(PAGE),
      direction: 'forward',
    });
    const answer = await fetch(`${url}/loki/api/v1/query_range?${parameters.toString()}`);
    if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`);
    const { data } = (await answer.json()) as StreamsAnswer;
    const page = data.result.flatMap(({ values }) =>
      values.map(([time, line]) => ({ time, line })),
    );
    page.sort(
      (a, b) => a.time.length - b.time.length || (a.time < b.time ? -1 : a.time > b.time ? 1 : 0),
    );
    const last = page.at(-1);
    if (last === undefined) return lines;
    const full = page.length >= PAGE;
    // Lines of the page's last instant may go on in the next page: they are read again there,
    // unless the whole page is one instant.
    const whole =
      full && page[0]?.time !== last.time ? page.filter((item) => item.time !== last.time) : page;
    if (full && whole === page) throw new Error('more lines at one instant than a page holds');
    for (const item of whole) if (!skip.has(item.time)) lines.push(item.line);
    if (!full) return lines;
    from = BigInt(last.time);
    skip = new Set();
  }
};

const numberOf = (line: string): number => (JSON.parse(line) as { n: number }).n;

/** Reads a sender's records back and compares. */
export const verify = async (url: string, sender: Sender, startNs: bigint): Promise<Verdict> => {
  const numbers = (await readAll(url, sender.name, startNs)).map(numberOf);
  const counts = new Map<number, number>();
  const disorder: string[] = [];
  let highest = -1;
  for (const n of numbers) {
    counts.set(n, (counts.get(n) ?? 0) + 1);
    if (n > highest) highest = n;
    else if (!sender.resent.has(n) && disorder.length < 5) disorder.push(`${n} after ${highest}`);
  }
  const missing = [...sender.acknowledged].filter((n) => !counts.has(n));
  const doubled: number[] = [];
  let resentDoubled = 0;
  for (const [n, count] of counts) {
    if (count < 2) continue;
    if (sender.resent.has(n)) resentDoubled += count - 1;
    else doubled.push(n);
  }
  return {
    sender: sender.name,
    acknowledged: sender.acknowledged.size,
    missing,
    doubled,
    resentDoubled,
    disorder,
  };
};
