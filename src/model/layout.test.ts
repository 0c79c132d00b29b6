import { expect, it } from 'vitest';
import { C } from './columns.ts';
import { bytesOf, fillLine, makeLayout, parseLayout, type RowValues } from './layout.ts';

const row: RowValues = {
  text: (column) => bytesOf(column === C.severity_text ? 'info' : column === C.body ? 'a "b"' : ''),
  number: (column) => (column === C.status ? 503 : 12_500_000),
  time: () => 1_763_632_800_123_456_789n,
  pair: (_, key) => bytesOf(key === 'x<y>:z' ? '[1, 2]' : ''),
};

const TEXT =
  '{"ts":"<timestamp:time T.9Z>","at":<timestamp:epoch 3>,"level":"<severity_text>",' +
  '"msg":"<body:json>","status":<status:number>,"took":<duration_ns:ms>,"took3":<duration_ns:ms.3>,' +
  '"x\\<y":<attributes.x\\<y\\>\\:z>,"none":"<user_agent:dash>"}';

it('fills a layout of every form', () => {
  const layout = parseLayout(TEXT);
  expect(layout && Buffer.from(fillLine(layout, row)).toString()).toBe(
    '{"ts":"2025-11-20T10:00:00.123456789Z","at":1763632800123,"level":"info",' +
      '"msg":"a \\"b\\"","status":503,"took":12.5,"took3":12.500,"x<y":[1, 2],"none":"-"}',
  );
});

it('reads back the text that it prints', () => {
  const layout = parseLayout(TEXT);
  expect(layout && makeLayout(layout.literals, layout.holes).text).toBe(TEXT);
});

it.each(['<', '<nothing>', '<body:number>', '<attributes>', '<status:ms>', '<body.x>', '<body:?>'])(
  'refuses %s',
  (text) => {
    expect(parseLayout(text)).toBeUndefined();
  },
);
