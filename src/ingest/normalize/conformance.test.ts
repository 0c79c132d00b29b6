import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../model/limits.ts';
import { LogRecord } from '../../model/record.ts';
import { NORMALIZERS, WRAPPERS } from './all.ts';
import { describeRecord, type Described } from './described.ts';
import type { Normalizer } from './normalize.ts';
import { createNormalize, type Normalize } from './recognise.ts';

/** The duties of normalize.ts, held by every member over its fixtures and over bad input. */

const FIXTURES = join(import.meta.dirname, '../../../fixtures/normalize');
const MEMBERS = [...WRAPPERS, ...NORMALIZERS];
/** 2025-11-20T10:00:00Z: near it lie the times without a year. */
const OBSERVED_SEC = 1_763_632_800;

interface Fixture {
  readonly member: Normalizer;
  readonly file: string;
  readonly line: Buffer;
  readonly out: unknown;
}

const fixturesOf = (member: Normalizer): Fixture[] => {
  const folder = join(FIXTURES, member.name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.in'))
    .map((file) => ({
      member,
      file: `${member.name}/${file}`,
      line: readFileSync(join(folder, file)),
      out: JSON.parse(
        readFileSync(join(folder, file.replace('.in', '.out.json')), 'utf8'),
      ) as unknown,
    }));
};

const ALL = MEMBERS.flatMap(fixturesOf);

const recordOf = (line: Uint8Array): LogRecord => {
  const record = new LogRecord();
  record.observedSec = OBSERVED_SEC;
  record.setLine(line, 0, line.length);
  return record;
};

const run = (line: Uint8Array, normalize: Normalize = createNormalize()): Described => {
  const record = recordOf(line);
  normalize(record, 0);
  return describeRecord(record);
};

/** A record with an envelope that disagrees with everything, to see that it stays. */
const withEnvelope = (line: Uint8Array): LogRecord => {
  const record = recordOf(line);
  record.setTime(1, 2);
  record.metadata.putText('shipper', 'yes');
  record.setText(4, 'envelope');
  record.numbers[17] = 1;
  return record;
};

describe.each(MEMBERS)('$name', (member) => {
  const fixtures = fixturesOf(member);

  it('has fixtures, each with its outcome, and says where they come from', () => {
    expect(fixtures.length).toBeGreaterThan(2);
    expect(readFileSync(join(FIXTURES, member.name, 'README.md'), 'utf8')).not.toBe('');
  });

  it.each(fixtures)('reads $file', ({ line, out }) => {
    expect(run(line)).toEqual(out);
    expect(member.recognises(line, 0, line.length)).toBe(true);
    expect(member.normalize(recordOf(line))).toBe(true);
  });

  it('leaves the record as it was where the line is not its own', () => {
    for (const { line, file } of ALL)
      for (const cut of [line, line.subarray(0, line.length - 1), line.subarray(1)]) {
        const record = withEnvelope(cut);
        if (member.normalize(record)) continue;
        expect(describeRecord(record), file).toEqual(describeRecord(withEnvelope(cut)));
        expect(record.steps, file).toBe(0);
      }
  });

  it('survives every truncation of its fixtures, and gives the line back', () => {
    for (const { line } of fixtures)
      for (let end = 0; end <= line.length; end++) {
        const cut = line.subarray(0, end);
        const record = recordOf(cut);
        createNormalize()(record, 0);
        expect(record.lineText()).toBe(new TextDecoder().decode(cut));
      }
  });

  it('survives flipped bytes, whichever', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...fixtures),
        fc.array(fc.tuple(fc.nat(4_096), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        ({ line }, flips) => {
          const changed = Buffer.from(line);
          for (const [at, byte] of flips) changed[at % changed.length] = byte;
          const first = run(changed);
          expect(run(changed)).toEqual(first);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('recognition', () => {
  it('gives the same record whatever came before', () => {
    const alone = ALL.map(({ line }) => run(line));
    const normalize = createNormalize();
    // One cursor for all, as a decoding thread has.
    const record = new LogRecord();
    const again = (line: Uint8Array): void => {
      record.reset();
      record.observedSec = OBSERVED_SEC;
      record.setLine(line, 0, line.length);
      normalize(record, 0);
    };
    for (const from of ALL)
      for (const [i, { line, file }] of ALL.entries()) {
        again(from.line);
        again(line);
        expect(describeRecord(record), `${file} after ${from.file}`).toEqual(alone[i]);
      }
  });

  it('chooses at most one format besides plain', () => {
    for (const { line, file } of ALL) {
      const fitting = NORMALIZERS.filter(
        (member) =>
          member.name !== 'plain' &&
          member.recognises(line, 0, line.length) &&
          member.normalize(recordOf(line)),
      );
      expect(fitting.length, file).toBeLessThanOrEqual(1);
    }
  });

  it('takes the configured format for a service, and plain where it does not fit', () => {
    const normalize = createNormalize({ override: { cart: 'plain', web: 'nginx', x: 'unknown' } });
    const line = Buffer.from('{"level":"info","msg":"hi"}');
    const bodyOf = (service: string): string | number | undefined => {
      const record = recordOf(line);
      record.setText(4, service);
      normalize(record, 0);
      return describeRecord(record).columns['body'];
    };
    expect(bodyOf('cart')).toBe(line.toString());
    expect(bodyOf('web')).toBe(line.toString());
    expect(bodyOf('x')).toBe('hi');
  });

  it('keeps what the envelope said, and the disagreeing value as an attribute', () => {
    const record = withEnvelope(
      Buffer.from('{"service":"line","level":"error","ts":"2025-11-20T10:00:00Z","n":1}'),
    );
    createNormalize()(record, 0);
    expect(describeRecord(record)).toMatchObject({
      time: '1970-01-01T00:00:01.000000002Z',
      columns: { service: 'envelope', severity: 1, severity_text: 'error' },
      metadata: ['shipper=yes'],
      attributes: ['service=line', 'ts=2025-11-20T10:00:00Z', 'n=1'],
    });
  });
});

const nested = (open: string, close: string, depth: number): string =>
  `{"a":${open.repeat(depth)}${close.repeat(depth)}}`;

/** Lines that are hostile or broken: all must come back as they are, in bounded time. */
const HOSTILE: Readonly<Record<string, string | Buffer>> = {
  'deep arrays': nested('[', ']', 100_000),
  'deep objects': `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
  'arrays as deep as allowed and one more': nested('[', ']', LIMITS.jsonSkipDepth + 2),
  'unclosed braces': '{'.repeat(LIMITS.lineBytes),
  'lone quotes': '{"'.repeat(50_000),
  'a megabyte of quotes': `[2025-11-20T10:00:00.123Z] "${'" '.repeat(500_000)}`,
  'a megabyte of spaces': `I1120 10:00:00.000000 ${' '.repeat(1_000_000)}`,
  'a megabyte of pairs, broken at the end': `${'a=b '.repeat(250_000)}"`,
  'NUL bytes': Buffer.alloc(1_000),
  'invalid UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0xc0, 0x7d]),
  'a second object': '{"a":1}{"b":2}',
  'a trailing comma': '{"a":1,}',
  'no value': '{"a":}',
  'a leading zero': '{"a":01}',
  'a control character in a string': '{"a":"\n"}',
  'a broken escape': '{"a":"\\x"}',
  'a broken unicode escape': '{"a":"\\u12g4"}',
  'a single quote': "{'a':1}",
  'nothing but an open string': '{"a":"',
  'a byte order mark': '\ufeff{"a":1}',
};

describe('hostile lines', () => {
  it.each(Object.entries(HOSTILE))('%s: kept as plain text', (_, text) => {
    const line = Buffer.from(text);
    const described = run(line);
    expect(described.structured).toBe(false);
    expect(described.columns['body']).toBe(new TextDecoder().decode(line));
    expect(described.attributes).toBeUndefined();
  });

  it('100,000 distinct fields: as many as allowed become attributes, the rest is counted', () => {
    const fields = Array.from({ length: 100_000 }, (_, i) => `"k${i}":${i}`);
    const line = Buffer.from(`{"level":"warn",${fields.join(',')}}`);
    const record = recordOf(line);
    const normalize = createNormalize();
    normalize(record, 0);
    expect(record.structured).toBe(true);
    expect(record.attributes.count).toBe(LIMITS.attributesPerRecord);
    expect(record.overflow).toBe(100_000 - LIMITS.attributesPerRecord);
    expect(run(Buffer.from('{"msg":"after"}'), normalize).columns['body']).toBe('after');
  });

  it('repeated names: each value is kept', () => {
    const described = run(Buffer.from('{"a":1,"a":2,"msg":"x","msg":"y"}'));
    expect(described.attributes).toEqual(['a=1', 'a=2', 'msg=y']);
    expect(described.columns['body']).toBe('x');
  });

  it('long names nested in long names cost no more than their length', () => {
    const name = 'n'.repeat(60_000);
    const inner = Array.from({ length: 20_000 }, (_, i) => `"${i}":0`).join(',');
    const described = run(Buffer.from(`{"${name}":{"${name}":{${inner}}}}`));
    expect(described.structured).toBe(true);
  });

  it('any bytes: never throws, always the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(run(bytes)).toEqual(run(bytes));
      }),
      { numRuns: 1_000 },
    );
  });
});
