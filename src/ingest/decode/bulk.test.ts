import { expect, test } from 'vitest';
import { LIMITS } from '../../model/limits.ts';
import { decodeBulk } from './bulk.ts';
import { CapturedSink } from './captured-sink.ts';
import { parseFilter } from './elasticsearch-filter.ts';

interface Item {
  readonly _index: string | null;
  readonly _id: string | null;
  readonly status: number;
  readonly error?: { readonly type: string; readonly reason: string };
}

const run = (
  text: string | Uint8Array,
  index?: string,
  filter?: string,
): { outcome: ReturnType<typeof decodeBulk>; sink: CapturedSink } => {
  const sink = new CapturedSink();
  const body = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const outcome = decodeBulk(body, index, parseFilter(filter ?? ''), sink);
  return { outcome, sink };
};

const textOf = (outcome: ReturnType<typeof decodeBulk>): string => {
  if (!outcome.ok) throw new Error(`refused: ${outcome.reason}`);
  return outcome.text;
};

/** Each item as `action status`, with the error's type where there is one. */
const itemsOf = (outcome: ReturnType<typeof decodeBulk>): string[] => {
  const { items } = JSON.parse(textOf(outcome)) as { items: Record<string, Item>[] };
  return items.map((item) => {
    const [[action, told] = ['', undefined]] = Object.entries(item);
    return `${action} ${told?.status ?? 0} ${told?.error?.type ?? ''}`.trim();
  });
};

const DOC = '{"a":1}\n';

test.each<[string, string, string | undefined, string[], string[]]>([
  ['index in the path', `{"index":{}}\n${DOC}`, 'i', ['index 201'], ['{"a":1}']],
  [
    'index in the action',
    `{"create":{"_index":"i"}}\n${DOC}`,
    undefined,
    ['create 201'],
    ['{"a":1}'],
  ],
  [
    'spaces as rsyslog has them',
    `{"index":{"_index": "i","_type":"t"}}\n${DOC}`,
    undefined,
    ['index 201'],
    ['{"a":1}'],
  ],
  ['CR LF', `{"index":{}}\r\n{"a":1}\r\n`, 'i', ['index 201'], ['{"a":1}']],
  [
    'blank lines in front of actions',
    `\n\r\n{"index":{}}\n${DOC}\n`,
    'i',
    ['index 201'],
    ['{"a":1}'],
  ],
  [
    'odd spaces, numbers and key order are kept',
    `{"index":{}}\n { "b" :1.50e+1, "a":"\\u00e9" } \n`,
    'i',
    ['index 201'],
    [' { "b" :1.50e+1, "a":"\\u00e9" } '],
  ],
  [
    'duplicate keys are kept',
    `{"index":{}}\n{"a":1,"a":2}\n`,
    'i',
    ['index 201'],
    ['{"a":1,"a":2}'],
  ],
  [
    'message is the line, unescaped',
    `{"index":{}}\n{"message":"a\\n\\u0000\\"b"}\n`,
    'i',
    ['index 201'],
    ['a\n\0"b'],
  ],
  ['an empty message is an empty line', `{"index":{}}\n{"message":""}\n`, 'i', ['index 201'], ['']],
  [
    'message that is no string',
    `{"index":{}}\n{"message":{"a":1}}\n{"index":{}}\n{"message":1}\n`,
    'i',
    ['index 201', 'index 201'],
    ['{"message":{"a":1}}', '{"message":1}'],
  ],
  [
    'message further down only',
    `{"index":{}}\n{"x":{"message":"a"}}\n`,
    'i',
    ['index 201'],
    ['{"x":{"message":"a"}}'],
  ],
  [
    'text that looks like SQL',
    `{"index":{}}\n{"message":"'; DROP TABLE x; --"}\n`,
    'i',
    ['index 201'],
    ["'; DROP TABLE x; --"],
  ],
  [
    'update and its source, delete without',
    `{"update":{"_id":"1"}}\n{"doc":{}}\n{"delete":{"_id":"1"}}\n{"index":{}}\n${DOC}`,
    'i',
    ['update 400 illegal_argument_exception', 'delete 400 illegal_argument_exception', 'index 201'],
    ['{"a":1}'],
  ],
  [
    'a malformed document',
    `{"index":{}}\n{"a":\n{"index":{}}\n${DOC}`,
    'i',
    ['index 400 mapper_parsing_exception', 'index 201'],
    ['{"a":1}'],
  ],
  [
    'documents that are no objects',
    `{"index":{}}\n[1]\n{"index":{}}\n"x"\n{"index":{}}\n\n{"index":{}}\n${DOC}`,
    'i',
    [...Array<string>(3).fill('index 400 mapper_parsing_exception'), 'index 201'],
    ['{"a":1}'],
  ],
  [
    'a document that is missing',
    `{"index":{}}\n${DOC}{"create":{}}\n`,
    'i',
    ['index 201', 'create 400 mapper_parsing_exception'],
    ['{"a":1}'],
  ],
  [
    'no index for one of two',
    `{"index":{}}\n${DOC}{"index":{"_index":"i"}}\n${DOC}`,
    undefined,
    ['index 400 action_request_validation_exception', 'index 201'],
    ['{"a":1}'],
  ],
  [
    'a malformed action and its document',
    `{"index":{}}\n${DOC}{"indx":{}}\n${DOC}{"index":{}}\n{"b":2}\n`,
    'i',
    ['index 201', 'index 400 illegal_argument_exception', 'index 201'],
    ['{"a":1}', '{"b":2}'],
  ],
  [
    'a malformed action, then an action',
    `{"index":{}}\n${DOC}nonsense\n{"index":{}}\n{"b":2}\n`,
    'i',
    ['index 201', 'index 400 illegal_argument_exception', 'index 201'],
    ['{"a":1}', '{"b":2}'],
  ],
  [
    'a document nested too deep',
    `{"index":{}}\n{"a":${'['.repeat(5_000)}${']'.repeat(5_000)}}\n{"index":{}}\n${DOC}`,
    'i',
    ['index 400 mapper_parsing_exception', 'index 201'],
    ['{"a":1}'],
  ],
])('%s', (_name, body, index, items, lines) => {
  const { outcome, sink } = run(body, index);
  expect(itemsOf(outcome)).toEqual(items);
  expect(sink.events.map(({ line }) => line)).toEqual(lines);
  expect(sink.rejects).toHaveLength(items.length - lines.length);
  const { errors } = JSON.parse(textOf(outcome)) as { errors: boolean };
  expect(errors).toBe(items.length > lines.length);
});

test.each([
  ['', 'parse_exception', /request body is required/],
  ['\n\n', 'action_request_validation_exception', /no requests added/],
  [
    `{"index":{}}\n{"a":1}`,
    'illegal_argument_exception',
    /must be terminated by a newline \[\\n\]/,
  ],
  [`{"index":{}}\n${DOC}`, 'action_request_validation_exception', /index is missing/],
  ['nonsense\n', 'illegal_argument_exception', /line \[1\], expected a JSON object/],
  ['{}\n', 'illegal_argument_exception', /expected FIELD_NAME but found \[END_OBJECT\]/],
  ['[]\n', 'illegal_argument_exception', /expected START_OBJECT but found \[START_ARRAY\]/],
  ['"a"\n', 'illegal_argument_exception', /expected START_OBJECT but found \[VALUE_STRING\]/],
  ['-1\n', 'illegal_argument_exception', /found \[VALUE_NUMBER\]/],
  ['false\n', 'illegal_argument_exception', /found \[VALUE_BOOLEAN\]/],
  ['null\n', 'illegal_argument_exception', /found \[VALUE_NULL\]/],
  ['\n{"indx":{}}\n', 'illegal_argument_exception', /line \[2\], expected field .* found \[indx\]/],
  [
    '{"index":1}\n',
    'illegal_argument_exception',
    /START_OBJECT or END_OBJECT but found \[VALUE_NUMBER\]/,
  ],
  [
    '{"index":{},"create":{}}\n',
    'illegal_argument_exception',
    /END_OBJECT but found \[FIELD_NAME\]/,
  ],
  [
    '{"index":{"_id":[1]}}\n',
    'illegal_argument_exception',
    /simple value .* \[_id\] .* \[START_ARRAY\]/,
  ],
  [`{"index":{"_id":"${'x'.repeat(100_000)}"}}\n`, 'illegal_argument_exception', /longer than/],
])('refused whole: %.40s', (body, type, reason) => {
  const { outcome, sink } = run(body);
  expect(outcome).toMatchObject({ ok: false, status: 400, type });
  expect(outcome.ok ? '' : outcome.reason).toMatch(reason);
  expect(sink.events).toEqual([]);
});

test('too many operations are refused before anything is stored', () => {
  const body = '{"delete":{}}\n'.repeat(LIMITS.bulkItems * 2 + 1);
  expect(run(body, 'i').outcome).toMatchObject({ ok: false, status: 413 });
});

test('an item tells what Elasticsearch would', () => {
  const { outcome } = run(`{"index":{"_id":"1"}}\n${DOC}`, 'mesh');
  expect(JSON.parse(textOf(outcome))).toEqual({
    errors: false,
    took: 0,
    items: [
      {
        index: {
          _index: 'mesh',
          _id: '1',
          _version: 1,
          result: 'created',
          _shards: { total: 1, successful: 1, failed: 0 },
          _seq_no: 0,
          _primary_term: 1,
          status: 201,
        },
      },
    ],
  });
});

test('ids that are made differ by item and are the same for the same request', () => {
  const body = `{"index":{}}\n${DOC}`.repeat(5_000);
  const ids = (text: string): (string | null | undefined)[] =>
    (JSON.parse(text) as { items: Record<string, Item>[] }).items.map((item) => item['index']?._id);
  const first = ids(textOf(run(body, 'i').outcome));
  expect(new Set(first).size).toBe(5_000);
  for (const id of first) expect(id).toMatch(/^[\w-]{20}$/);
  expect(ids(textOf(run(body, 'i').outcome))).toEqual(first);
  expect(ids(textOf(run(`${body}${body}`, 'i').outcome))[0]).not.toBe(first[0]);
});

test.each([
  [
    'errors,items.*.error,items.*.status',
    '{"errors":true,"items":[{"index":{"status":201}},{"delete":{"status":400,"error":{"type":"illegal_argument_exception","reason":"Meshtrail is append-only: [delete] is not supported"}}}]}',
  ],
  ['errors', '{"errors":true}'],
  [
    'took,items.*._index',
    '{"took":0,"items":[{"index":{"_index":"i"}},{"delete":{"_index":"i"}}]}',
  ],
  ['items.*.error.type', '{"items":[{"delete":{"error":{"type":"illegal_argument_exception"}}}]}'],
  ['**.status', '{"items":[{"index":{"status":201}},{"delete":{"status":400}}]}'],
  [
    'items.index',
    '{"items":[{"index":{"_index":"i","_id":"1","_version":1,"result":"created","_shards":{"total":1,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1,"status":201}}]}',
  ],
  ['-items', '{"errors":true,"took":0}'],
  ['nothing', '{}'],
  [
    'items.*,-**._*,-**.error',
    '{"items":[{"index":{"result":"created","status":201}},{"delete":{"status":400}}]}',
  ],
])('filter_path=%s', (filter, expected) => {
  const { outcome } = run(`{"index":{"_id":"1"}}\n${DOC}{"delete":{"_id":"2"}}\n`, 'i', filter);
  expect(textOf(outcome)).toBe(expected);
});

test('names that need escapes come back as they were', () => {
  const { outcome, sink } = run(`{"index":{"_index":"i\\"\\u0001","_id":"ü\\\\"}}\n${DOC}`);
  const { items } = JSON.parse(textOf(outcome)) as { items: Record<string, Item>[] };
  expect(items[0]?.['index']).toMatchObject({ _index: 'i"\u0001', _id: 'ü\\' });
  expect(sink.events[0]?.metadata).toEqual({ _index: 'i"\u0001', _id: 'ü\\' });
});

test('the envelope goes to columns and metadata; the data stream is told once', () => {
  const doc = {
    '@timestamp': '2025-11-20T10:00:00.5Z',
    message: 'm',
    log: { level: 'warn', offset: 12 },
    data_stream: { dataset: 'other' },
    tags: ['a', 'b'],
  };
  const { sink } = run(`{"create":{"_index":"logs-app-prod"}}\n${JSON.stringify(doc)}\n`);
  expect(sink.events).toEqual([
    {
      line: 'm',
      time: '1763632800.500000000',
      columns: { severity: 13, severity_text: 'warn' },
      metadata: {
        'log.offset': '12',
        tags: '["a","b"]',
        'data_stream.dataset': 'other',
        'data_stream.type': 'logs',
        'data_stream.namespace': 'prod',
        _index: 'logs-app-prod',
      },
    },
  ]);
});

test('invalid UTF-8 and 100,000 distinct keys are taken', () => {
  const names = Array.from({ length: 100_000 }, (_, i) => `"k${i}":${i}`).join(',');
  const body = Buffer.concat([
    Buffer.from('{"index":{}}\n{"message":"a\xff\xfeb"}\n', 'latin1'),
    Buffer.from(`{"index":{}}\n{${names}}\n`),
  ]);
  const { outcome, sink } = run(body, 'i');
  expect(itemsOf(outcome)).toEqual(['index 201', 'index 201']);
  expect(sink.events.map(({ line }) => line)).toEqual(['latin1:a\xff\xfeb', `{${names}}`]);
});
