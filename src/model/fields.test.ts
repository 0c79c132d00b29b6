import { describe, expect, it } from 'vitest';
import { C, COLUMNS } from './columns.ts';
import { messageRank, putField, VALUE, type Origin, type ValueKind } from './fields.ts';
import { NAMED_FIELDS } from './fields-names.ts';
import { keys } from './key.ts';
import { LogRecord } from './record.ts';

type Field = readonly [name: string, text: string, kind?: ValueKind];

const put = (origin: Origin, ...fields: Field[]): LogRecord => {
  const record = new LogRecord();
  record.observedSec = 1_763_632_800;
  for (const [name, text, kind = VALUE.string] of fields) {
    const bytes = Buffer.from(text);
    putField(record, origin, keys.of(name), kind, bytes, 0, bytes.length);
  }
  return record;
};

/** Everything that is set, as `name=value`. */
const said = (record: LogRecord): string[] => {
  const columns = COLUMNS.flatMap(({ name }, at) => [
    ...(record.has(at) ? [`${name}=${record.text(at)}`] : []),
    ...(record.numbers[at] === 0 ? [] : [`${name}=${record.numbers[at]}`]),
  ]);
  const time = record.timeSec < 0 ? [] : [`time=${record.timeSec}.${record.timeNano}`];
  const rest = (['metadata', 'attributes'] as const).flatMap((map) =>
    Array.from({ length: record[map].count }, (_, i) => {
      const { bufs, starts, ends } = record[map];
      const value = Buffer.from(bufs[i]?.subarray(starts[i], ends[i]) ?? []).toString();
      return `${map}.${record[map].keys[i]?.text}=${value}`;
    }),
  );
  return [...time, ...columns, ...rest];
};

describe('names', () => {
  it('mean one column each', () => {
    const all = NAMED_FIELDS.flatMap(({ names, envelopeOnly }) =>
      names.split(' ').map((name) => `${name}${envelopeOnly ? ' around' : ''}`),
    );
    expect(all.filter((name, i) => all.indexOf(name) !== i)).toEqual([]);
  });

  it('mean the same under the objects that loggers put them in', () => {
    for (const name of ['attrs.method', 'attributes.http.request.method', 'jsonPayload.method'])
      expect(said(put('line', [name, 'GET']))).toEqual(['method=GET']);
    expect(said(put('envelope', ['resource.attributes.service.name', 'cart']))).toEqual([
      'service=cart',
    ]);
  });

  it('of shippers mean little inside a line', () => {
    expect(said(put('envelope', ['namespace', 'shop']))).toEqual(['namespace=shop']);
    expect(said(put('line', ['namespace', 'shop']))).toEqual(['attributes.namespace=shop']);
  });

  it('tell the message, surely or where nothing better comes', () => {
    expect(
      ['msg', '@m', 'event', '@mt', 'service', 'x'].map((name) => messageRank(keys.of(name))),
    ).toEqual([2, 2, 1, 1, 0, 0]);
  });

  it('that nobody knows go to metadata or attributes as they came', () => {
    expect(said(put('envelope', ['pod_uid', '48bc'], ['n', '1.50', VALUE.number]))).toEqual([
      'metadata.pod_uid=48bc',
      'metadata.n=1.50',
    ]);
    expect(said(put('line', ['a', '', VALUE.string], ['b', '[1]', VALUE.array]))).toEqual([
      'attributes.a=',
      'attributes.b=[1]',
    ]);
  });
});

describe('values', () => {
  it('become numbers only where that is exact; the rest stays under its name too', () => {
    const said1 = (name: string, text: string): string[] =>
      said(put('line', [name, text, VALUE.number]));
    expect(said1('status', '503')).toEqual(['status=503']);
    expect(said1('status', '65536')).toEqual(['attributes.status=65536']);
    expect(said1('status', '200.0')).toEqual(['attributes.status=200.0']);
    expect(said1('bytes_sent', '-1')).toEqual(['attributes.bytes_sent=-1']);
    expect(said1('responseTime', '1.5')).toEqual(['duration_ns=1500000']);
    expect(said1('responseTime', '1.0000005')).toEqual([
      'duration_ns=1000000',
      'attributes.responseTime=1.0000005',
    ]);
    expect(said1('duration', '13')).toEqual(['attributes.duration=13']);
    // The text is kept because the line must be made from it again.
    expect(said(put('line', ['duration', '13ms']))).toEqual([
      'duration_ns=13000000',
      'attributes.duration=13ms',
    ]);
    expect(said(put('envelope', ['duration', '13ms']))).toEqual(['duration_ns=13000000']);
  });

  it('that are levels give a number beside their words', () => {
    expect(said(put('line', ['level', 'Warning']))).toEqual([
      'severity=13',
      'severity_text=Warning',
    ]);
    expect(said(put('line', ['level', '30', VALUE.number]))).toEqual([
      'severity=9',
      'severity_text=30',
    ]);
    expect(said(put('line', ['level', '1234', VALUE.number]))).toEqual(['attributes.level=1234']);
    expect(said(put('line', ['level', 'loud']))).toEqual(['severity_text=loud']);
    expect(
      said(put('envelope', ['severity_number', '17', VALUE.number], ['severity_text', 'ERR'])),
    ).toEqual(['severity=17', 'severity_text=ERR']);
    expect(said(put('line', ['level', 'info'], ['severity', 'ERROR']))).toEqual([
      'severity=9',
      'severity_text=info',
      'attributes.severity=ERROR',
    ]);
  });

  it('that are times are kept as text where they are none, and counted', () => {
    const record = put('line', ['ts', '0001-01-01T00:00:00Z']);
    expect(said(record)).toEqual(['attributes.ts=0001-01-01T00:00:00Z']);
    expect(record.badTimes).toBe(1);
    expect(
      said(put('line', ['ts', '1763632800.5', VALUE.number], ['time', '2025-11-20T10:00:00.5Z'])),
    ).toEqual(['time=1763632800.500000000']);
    expect(said(put('line', ['ts', '2025-11-20T10:00:00.1234567891Z']))).toEqual([
      'time=1763632800.123456789',
      'attributes.ts=2025-11-20T10:00:00.1234567891Z',
    ]);
  });

  it('that are ids come in lower case where they are hexadecimal', () => {
    const upper = '4BF92F3577B34DA6A3CE929D0E0E4736';
    expect(said(put('line', ['traceId', upper]))).toEqual([
      `trace_id=${upper.toLowerCase()}`,
      `attributes.traceId=${upper}`,
    ]);
    expect(said(put('line', ['traceId', 'Not-Hex']))).toEqual(['trace_id=Not-Hex']);
    expect(said(put('line', ['trace', `projects/p/traces/${upper}`]))).toEqual([
      `trace_id=${upper.toLowerCase()}`,
      `attributes.trace=projects/p/traces/${upper}`,
    ]);
  });

  it('that are null say nothing where the name is known, and stay where it is not', () => {
    const fields: Field[] = [
      ['path', 'null', VALUE.null],
      ['other', 'null', VALUE.null],
    ];
    expect(said(put('line', ...fields))).toEqual(['attributes.other=null']);
    expect(said(put('envelope', ...fields))).toEqual(['metadata.path=null', 'metadata.other=null']);
  });

  it('of one column that disagree: the first has it, the others keep their names', () => {
    expect(
      said(put('envelope', ['service', 'a'], ['service.name', 'a'], ['service_name', 'b'])),
    ).toEqual(['service=a', 'metadata.service_name=b']);
    expect(
      said(put('line', ['bytes_sent', '1', VALUE.number], ['bytes_out', '2', VALUE.number])),
    ).toEqual(['bytes_out=1', 'attributes.bytes_out=2']);
  });

  it('of the envelope are not overwritten by the line', () => {
    const record = put('envelope', ['service', 'a']);
    const bytes = Buffer.from('b');
    putField(record, 'line', keys.of('service'), VALUE.string, bytes, 0, 1);
    expect(record.text(C.service)).toBe('a');
    expect(record.attributes.get('service')).toBe('b');
  });
});
