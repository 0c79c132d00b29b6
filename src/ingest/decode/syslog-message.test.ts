import { expect, test } from 'vitest';
import { CapturedSink, type CapturedEvent } from './captured-sink.ts';
import { createSyslog } from './syslog.ts';

/** 2025-11-20T10:00:00Z, and the time of receipt. */
const AT = 1_763_632_800;
const NOTICE = { severity: 10, severity_text: 'notice' };
const USER = { 'syslog.facility': 'user' };

const read = (text: string | Uint8Array, observedSec = AT): CapturedEvent => {
  const sink = new CapturedSink(observedSec);
  const session = createSyslog().open({ address: '127.0.0.1', transport: 'udp' });
  session.feed(typeof text === 'string' ? new TextEncoder().encode(text) : text, sink);
  expect(sink.events).toHaveLength(1);
  return sink.events[0] as CapturedEvent;
};

const rows: [string, string, CapturedEvent][] = [
  [
    'RFC 5424, all fields',
    '<165>1 2025-11-20T10:00:00.003123Z node-1 checkout 8710 ID47 ' +
      '[ex@32473 iut="3" source="App"][other@1 a="b"] order accepted',
    {
      line: 'order accepted',
      time: `${AT}.003123000`,
      columns: { service: 'checkout', node: 'node-1', ...NOTICE },
      metadata: {
        'syslog.facility': 'local4',
        'syslog.procid': '8710',
        'syslog.msgid': 'ID47',
        'syslog.sd.ex@32473.iut': '3',
        'syslog.sd.ex@32473.source': 'App',
        'syslog.sd.other@1.a': 'b',
      },
    },
  ],
  [
    'RFC 5424, everything nil',
    '<13>1 - - - - - - nil everything',
    { line: 'nil everything', columns: NOTICE, metadata: USER },
  ],
  ['no MSG', '<13>1 - - - - - -', { line: '', columns: NOTICE, metadata: USER }],
  ['empty MSG', '<13>1 - - - - - - ', { line: '', columns: NOTICE, metadata: USER }],
  [
    'a leading space of MSG is its own',
    '<13>1 - - - - - -  two',
    { line: ' two', columns: NOTICE, metadata: USER },
  ],
  [
    'a byte order mark in front of MSG',
    '<13>1 - - - - - - \ufeffGrüße',
    { line: 'Grüße', columns: NOTICE, metadata: USER },
  ],
  [
    'escapes in structured data; unknown ones stay',
    '<13>1 - - - - - [x a="q\\"b\\\\c\\]d\\n" e=""] m',
    {
      line: 'm',
      columns: NOTICE,
      metadata: { ...USER, 'syslog.sd.x.a': 'q"b\\c]d\\n', 'syslog.sd.x.e': '' },
    },
  ],
  [
    'an element without values',
    '<13>1 - - - - - [empty@1] m',
    { line: 'm', columns: NOTICE, metadata: { ...USER, 'syslog.sd.empty@1': '' } },
  ],
  [
    'structured data without space behind it',
    '<13>1 - - - - - [x a="1"]m',
    { line: 'm', columns: NOTICE, metadata: { ...USER, 'syslog.sd.x.a': '1' } },
  ],
  [
    'broken structured data is the line',
    '<13>1 - - - - - [x a="1" b=2] m',
    { line: '[x a="1" b=2] m', columns: NOTICE, metadata: USER },
  ],
  [
    'structured data left out',
    '<13>1 - h app - - started {"a":1}',
    { line: 'started {"a":1}', columns: { ...NOTICE, service: 'app', node: 'h' }, metadata: USER },
  ],
  [
    'version 2',
    '<13>2 - - - - - - m',
    { line: 'm', columns: NOTICE, metadata: { ...USER, 'syslog.version': '2' } },
  ],
  [
    'a stamp outside 1970-2262 is kept as text',
    '<13>1 9999-01-01T00:00:00Z - - - - - m',
    {
      line: 'm',
      columns: NOTICE,
      metadata: { ...USER, 'syslog.timestamp': '9999-01-01T00:00:00Z' },
    },
  ],
  [
    'RFC 3164',
    '<34>Oct 11 22:14:15 mymachine su: failed for lonvick on /dev/pts/8',
    {
      line: 'failed for lonvick on /dev/pts/8',
      time: '1760220855.000000000',
      columns: { service: 'su', node: 'mymachine', severity: 18, severity_text: 'crit' },
      metadata: { 'syslog.facility': 'auth' },
    },
  ],
  [
    'one-digit day, process id, path in the tag',
    '<155>Nov  2 10:00:00 edge-1 postfix/smtpd[123]: {"level": "error"}',
    {
      line: '{"level": "error"}',
      time: '1762077600.000000000',
      columns: { service: 'postfix/smtpd', node: 'edge-1', severity: 17, severity_text: 'err' },
      metadata: { 'syslog.facility': 'local3', 'syslog.procid': '123' },
    },
  ],
  [
    'as rsyslog forwards',
    '<13>2025-11-20T11:00:00.123+01:00 host tag[pid]: msg',
    {
      line: 'msg',
      time: `${AT}.123000000`,
      columns: { service: 'tag', node: 'host', ...NOTICE },
      metadata: { ...USER, 'syslog.procid': 'pid' },
    },
  ],
  [
    'no host',
    '<13>Nov 20 10:00:00 checkout[7]: m',
    {
      line: 'm',
      time: `${AT}.000000000`,
      columns: { service: 'checkout', ...NOTICE },
      metadata: { ...USER, 'syslog.procid': '7' },
    },
  ],
  [
    'a tag without colon names the service and stays',
    '<13>Nov 20 10:00:00 host app started well',
    {
      line: 'app started well',
      time: `${AT}.000000000`,
      columns: { service: 'app', node: 'host', ...NOTICE },
      metadata: USER,
    },
  ],
  [
    'a JSON line behind the host is no tag',
    '<13>Nov 20 10:00:00 host {"a": 1}',
    {
      line: '{"a": 1}',
      time: `${AT}.000000000`,
      columns: { node: 'host', ...NOTICE },
      metadata: USER,
    },
  ],
  [
    'empty message behind a tag',
    '<13>Nov 20 10:00:00 host app:',
    {
      line: '',
      time: `${AT}.000000000`,
      columns: { service: 'app', node: 'host', ...NOTICE },
      metadata: USER,
    },
  ],
  [
    'Cisco: year, colon behind the stamp, mnemonic',
    '<166>Nov 20 2025 10:00:00: %ASA-6-302013: Built',
    {
      line: '%ASA-6-302013: Built',
      time: `${AT}.000000000`,
      columns: { severity: 9, severity_text: 'info' },
      metadata: { 'syslog.facility': 'local4' },
    },
  ],
  [
    'Cisco: host and colon',
    '<166>Nov 20 2025 10:00:00 fw1 : %ASA-6-302013: Built',
    {
      line: '%ASA-6-302013: Built',
      time: `${AT}.000000000`,
      columns: { node: 'fw1', severity: 9, severity_text: 'info' },
      metadata: { 'syslog.facility': 'local4' },
    },
  ],
  [
    'a day that does not exist',
    '<13>Feb 30 10:00:00 host app: m',
    {
      line: 'm',
      columns: { service: 'app', node: 'host', ...NOTICE },
      metadata: { ...USER, 'syslog.timestamp': 'Feb 30 10:00:00' },
    },
  ],
  [
    'PRI and nothing that looks like a header',
    '<14>error: it broke',
    {
      line: 'error: it broke',
      columns: { severity: 9, severity_text: 'info' },
      metadata: USER,
    },
  ],
  [
    'PRI and a tag with process id',
    '<14>app[7]: it broke',
    {
      line: 'it broke',
      columns: { service: 'app', severity: 9, severity_text: 'info' },
      metadata: { ...USER, 'syslog.procid': '7' },
    },
  ],
  ['no PRI', 'Use the BFG!', { line: 'Use the BFG!', columns: NOTICE, metadata: USER }],
  ['PRI too large', '<192>m', { line: '<192>m', columns: NOTICE, metadata: USER }],
  ['PRI not closed', '<13', { line: '<13', columns: NOTICE, metadata: USER }],
  [
    'garbage in front',
    '\ufeff \t<13>1 - - - - - - m',
    { line: 'm', columns: NOTICE, metadata: USER },
  ],
  ['NUL at the end of a datagram', '<13>m\0', { line: 'm', columns: NOTICE, metadata: USER }],
  ['newline at the end of a datagram', '<13>m\r\n', { line: 'm', columns: NOTICE, metadata: USER }],
  ['NUL inside', '<13>1 - - - - - - a\0b', { line: 'a\0b', columns: NOTICE, metadata: USER }],
];

test.each(rows)('%s', (_name, text, expected) => {
  expect(read(text)).toEqual(expected);
});

test('invalid UTF-8 is kept byte for byte', () => {
  const bytes = Buffer.from('<13>1 - - - - - - a\xff\xfeb', 'latin1');
  expect(read(bytes).line).toBe('latin1:a\xff\xfeb');
});

test.each([
  // received 2026-01-01T00:00:30Z: the stamp is of last year
  ['Dec 31 23:59:59', 1_767_225_630, '1767225599.000000000'],
  // received 2025-12-31T23:59:50Z: the sender's clock runs ahead
  ['Jan  1 00:00:10', 1_767_225_590, '1767225610.000000000'],
  // received in 2024 on a leap day
  ['Feb 29 12:00:00', 1_709_208_000, '1709208000.000000000'],
])('%s gets its year from the time of receipt', (stamp, observedSec, time) => {
  expect(read(`<13>${stamp} host app: m`, observedSec).time).toBe(time);
});

test('structured data with more values than a record holds is kept as text', () => {
  const values = Array.from({ length: 2_000 }, (_, i) => ` k${i}="v]\\""`).join('');
  const event = read(`<13>1 - - - - - [first a="1"][big${values}][last b="2"] m`);
  expect(event.line).toBe('m');
  expect(Object.keys(event.metadata ?? {}).length).toBeLessThanOrEqual(1_025);
  expect(event.metadata?.['syslog.sd.first.a']).toBe('1');
  expect(event.metadata?.['syslog.sd']).toBe(`[big${values}][last b="2"]`);
});
