import { Bytes } from './bytes.ts';
import { C } from './columns.ts';
import { createFill } from './layout-fill.ts';
import { bytesOf, fillLine, parseLayout, type Layout, type RowValues } from './layout.ts';

/**
 * What filling an access log's layout of 20 holes costs: `node src/model/layout-fill.bench.ts`. CPU
 * time of the process (so that a busy machine counts less), the third best of fifteen rounds each,
 * in turn.
 */

const TEXT =
  '{"ts":"<timestamp:time T.3Z>","level":"<severity_text>","request_id":"<request_id>",' +
  '"trace_id":"<trace_id>","span_id":"<span_id>","method":"<method>","path":"<path>",' +
  '"authority":"<authority>","protocol":"<protocol>","status":<status:number>,' +
  '"duration":<duration_ns:ms>,"bytes_received":<bytes_in:number>,"bytes_sent":<bytes_out:number>,' +
  '"user_agent":"<user_agent>","response_flags":"<response_flags:dash>",' +
  '"upstream_host":"<upstream_host>","upstream_cluster":"<upstream_cluster>",' +
  '"upstream_service_time":<upstream_duration_ns:s.3>,"route":"<route>",' +
  '"downstream":"<attributes.downstream_remote_address>"}';

const ROWS = 5_000;
const ROUNDS = 15;

let seed = 42;
const next = (below: number): number => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
};
const hex = (digits: number): string =>
  Array.from({ length: digits }, () => next(16).toString(16)).join('');

/** Rows as a reader has them: columns of byte ranges and numbers, and which row is meant. */
const fields: readonly (readonly [number, () => string])[] = [
  [C.severity_text, () => 'info'],
  [C.request_id, () => `${hex(8)}-${hex(4)}-${hex(4)}-${hex(4)}-${hex(12)}`],
  [C.trace_id, () => hex(32)],
  [C.span_id, () => hex(16)],
  [C.method, () => ['GET', 'POST', 'PUT'][next(3)] as string],
  [C.path, () => `/api/v1/carts/${next(100_000)}/items?limit=${next(100)}`],
  [C.authority, () => `cart-${next(40)}.shop.svc.cluster.local:8080`],
  [C.protocol, () => 'HTTP/1.1'],
  [C.user_agent, () => 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)'],
  [C.response_flags, () => (next(10) === 0 ? 'UF,URX' : '')],
  [C.upstream_host, () => `10.${next(250)}.${next(250)}.${next(250)}:8080`],
  [C.upstream_cluster, () => `outbound|8080||cart-${next(40)}.shop.svc.cluster.local`],
  [C.route, () => 'default'],
  [C.attributes, () => `10.${next(250)}.${next(250)}.${next(250)}:${30_000 + next(9_999)}`],
];
interface TextColumn {
  readonly bytes: Uint8Array;
  readonly starts: Uint32Array;
}
const texts: TextColumn[] = [];
for (const [column, make] of fields) {
  const values = Array.from({ length: ROWS }, make);
  let end = 0;
  const starts = Uint32Array.from([0, ...values.map((value) => (end += value.length))]);
  texts[column] = { bytes: new Uint8Array(bytesOf(values.join(''))), starts };
}
const numbers: Float64Array[] = [];
for (const [column, below, unit] of [
  [C.status, 600, 1],
  [C.duration_ns, 1_000, 1_000_000],
  [C.bytes_in, 10_000, 1],
  [C.bytes_out, 1_000_000, 1],
  [C.upstream_duration_ns, 1_000, 1_000_000],
] as const) {
  numbers[column] = Float64Array.from({ length: ROWS }, () => next(below) * unit);
}
const times = BigInt64Array.from(
  { length: ROWS },
  (_, i) => 1_763_632_800_000_000_000n + BigInt(i * 1_000 + next(1_000)) * 1_000_000n,
);

let at = 0;
const textOf = (column: number): Uint8Array => {
  const { bytes, starts } = texts[column] as TextColumn;
  return bytes.subarray(starts[at], starts[at + 1]);
};
const row: RowValues = {
  text: textOf,
  number: (column) => (numbers[column] as Float64Array)[at] as number,
  time: () => times[at] as bigint,
  pair: textOf,
};

const layout = parseLayout(TEXT) as Layout;
const fill = createFill(layout);
const out = new Bytes(1 << 22);

const WAYS: Readonly<Record<string, () => number>> = {
  'layout.ts fillLine': () => {
    let size = 0;
    for (at = 0; at < ROWS; at++) size += fillLine(layout, row).length;
    return size;
  },
  'layout-fill.ts createFill': () => {
    out.clear();
    for (at = 0; at < ROWS; at++) fill(row, out);
    return out.length;
  },
};

const spent: Record<string, number[]> = {};
const sizes: Record<string, number> = {};
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(WAYS)) {
    const before = process.cpuUsage();
    sizes[name] = run();
    const { user, system } = process.cpuUsage(before);
    (spent[name] ??= []).push(user + system);
  }
}

console.log(`${ROWS} lines of ${Math.round((sizes['layout.ts fillLine'] as number) / ROWS)} bytes`);
for (const [name, rounds] of Object.entries(spent)) {
  const us = rounds.sort((a, b) => a - b)[2] as number;
  const rate = ((sizes[name] as number) / us).toFixed(0);
  console.log(
    `${name.padEnd(28)} ${rate.padStart(5)} MB/s ${((us * 1e3) / ROWS).toFixed(0)} ns/line`,
  );
}
