import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VALUE } from './fields.ts';
import { scanObject } from './json-scanner.ts';
import { LIMITS } from './limits.ts';
import { Scratch } from './record.ts';

const decoder = new TextDecoder();
const KINDS = Object.fromEntries(Object.entries(VALUE).map(([name, kind]) => [kind, name]));

/** `[dotted name, kind, text]` of every value told; undefined where the bytes were refused. */
const scan = (text: string): string[][] | undefined => {
  const told: string[][] = [];
  // Placed inside a larger buffer: nothing before or after may be read.
  const bytes = Buffer.from(`"}]${text}"}]`);
  const scratch = new Scratch();
  const whole = scanObject(bytes, 3, bytes.length - 3, scratch, {
    value: (key, kind, buf, start, end) => {
      told.push([key.text, KINDS[kind] as string, decoder.decode(buf.subarray(start, end))]);
    },
  });
  return whole ? told : undefined;
};

/** A value in JSON text with its own spacing, and what must be told of it. */
interface Written {
  readonly text: string;
  readonly told: (path: string, depth: number) => string[][];
}

const space = fc.constantFrom('', '', '', ' ', '\n\t', '  ');
const jsonText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('', 'a', 'info', 'é', '😀', '"', '\\', '\n', '\u0000', 'x'.repeat(70)),
);
/** A string and one of the ways to write it. */
const written = fc
  .tuple(jsonText, fc.constantFrom('minimal', 'ascii', 'slash'))
  .map(([value, how]) => {
    const json = JSON.stringify(value);
    if (how === 'slash') return { value, json: json.replaceAll('/', '\\/') };
    if (how === 'minimal') return { value, json };
    const ascii = json.replace(
      /[\u007f-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}`,
    );
    return { value, json: ascii };
  });

const scalar: fc.Arbitrary<Written> = fc.oneof(
  written.map(({ value, json }) => ({
    text: json,
    // UTF-8 cannot hold a lone surrogate: it comes as U+FFFD.
    told: (path: string) => [[path, 'string', value.toWellFormed()]],
  })),
  fc
    .oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
      fc.constantFrom('0', '-0', '12.30', '1e5', '1E-5', '12345678901234567890123', '0.0'),
    )
    .map((text) => ({ text, told: (path: string) => [[path, 'number', text]] })),
  fc.constantFrom('true', 'false').map((text) => ({
    text,
    told: (path: string) => [[path, 'boolean', text]],
  })),
  fc.constant({ text: 'null', told: (path: string) => [[path, 'null', 'null']] }),
  fc
    .tuple(fc.json({ maxDepth: 3 }), space)
    .map(([inner, gap]) => `[${gap}${inner},${gap}1]`)
    .map((text) => ({ text, told: (path: string) => [[path, 'array', text]] })),
);

const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'level', 'msg', 'k8s', 'a.b', '', '4711') },
  fc.string({ unit: 'binary', maxLength: 8 }),
);

/** Whether a name, as it is written, is a number or mostly digits. */
const isData = (key: string): boolean => {
  const written = Buffer.from(JSON.stringify(key).slice(1, -1).split('"')[0] ?? '');
  const digits = written.filter((byte) => byte >= 0x30 && byte <= 0x39).length;
  const isNumber = digits > 0 && digits === written.length;
  return isNumber || (digits >= 4 && digits * 2 >= written.length);
};

const objectOf = (value: fc.Arbitrary<Written>): fc.Arbitrary<Written> =>
  fc
    .tuple(fc.array(fc.tuple(name, value, space, space), { maxLength: 6 }), space)
    .map(([members, gap]) => {
      const text = members.map(
        ([key, { text }, a, b]) => `${a}${JSON.stringify(key)}${b}:${b}${text}${a}`,
      );
      const whole = `{${text.length === 0 ? gap : text.join(',')}}`;
      return {
        text: whole,
        told: (path, depth) =>
          depth > 0 &&
          (members.length === 0 || depth >= LIMITS.jsonDepth || isData(members[0]?.[0] ?? ''))
            ? [[path, 'object', whole]]
            : members.flatMap(([key, { told }]) =>
                told(depth === 0 ? key.toWellFormed() : `${path}.${key.toWellFormed()}`, depth + 1),
              ),
      };
    });

const { object } = fc.letrec<{ value: Written; object: Written }>((tie) => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, scalar, tie('object')),
  object: objectOf(tie('value')),
}));

describe('the JSON scanner', () => {
  it('tells what JSON.parse would find, for any object and after any other', () => {
    fc.assert(
      fc.property(fc.array(object, { minLength: 1, maxLength: 4 }), (objects) => {
        for (const { text, told } of [...objects, ...objects]) {
          JSON.parse(text);
          expect(scan(text)).toEqual(told('', 0));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('refuses what JSON.parse refuses, also where it has seen the like', () => {
    fc.assert(
      fc.property(
        object,
        fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'{}[]",:\\ 0-.eax\n'.split(''))), {
          minLength: 1,
          maxLength: 3,
        }),
        ({ text }, edits) => {
          let broken = text;
          for (const [at, letter] of edits) {
            const i = at % broken.length;
            broken = broken.slice(0, i) + letter + broken.slice(i + (at % 2));
          }
          scan(text);
          let valid = true;
          try {
            const parsed: unknown = JSON.parse(broken);
            valid = parsed !== null && typeof parsed === 'object' && !Array.isArray(parsed);
          } catch {
            valid = false;
          }
          expect(scan(broken) !== undefined, broken).toBe(valid);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('refuses every truncation', () => {
    const text = '{"a":"x\\n","b":{"c":[1,{"d":null}],"e":{}},"f":-1.5e3,"g":true}';
    for (let round = 0; round < 2; round++)
      for (let end = 0; end < text.length; end++) expect(scan(text.slice(0, end))).toBeUndefined();
    expect(scan(text)?.map(([key]) => key)).toEqual(['a', 'b.c', 'b.e', 'f', 'g']);
  });

  it('follows shapes that alternate: strings, numbers, objects and nothing under one name', () => {
    const shapes = [
      ['{"a":1,"b":2}', 'a b'],
      ['{"a":"x","b":{"c":1}}', 'a b.c'],
      ['{"a":{},"b":{}}', 'a b'],
      ['{"a":{"b":{}}}', 'a.b'],
      ['{"b":2}', 'b'],
      ['{}', ''],
      ['{"a":null}', 'a'],
    ] as const;
    for (let round = 0; round < 40; round++) {
      const [text, names] = shapes[(round * round) % shapes.length] as (typeof shapes)[0];
      expect(
        scan(text)
          ?.map(([key]) => key)
          .join(' '),
      ).toBe(names);
    }
  });

  it('hands over whole what is too deep', () => {
    const depth = LIMITS.jsonDepth + 2;
    const text = `${'{"a":'.repeat(depth)}{"b":1}${'}'.repeat(depth)}`;
    const told = scan(text);
    expect(told).toHaveLength(1);
    expect(told?.[0]?.[0]).toBe(new Array(LIMITS.jsonDepth).fill('a').join('.'));
    expect(told?.[0]?.[2]).toBe('{"a":{"a":{"b":1}}}');
    expect(scan(text)).toEqual(told);
  });

  it('forgets and goes on when a sender uses more names than it remembers', () => {
    for (let round = 0; round < 3; round++) {
      const fields = Array.from({ length: 30_000 }, (_, i) => `"${round}-${i}":${i}`);
      expect(scan(`{${fields.join(',')}}`)).toHaveLength(30_000);
    }
    expect(scan('{"level":"info"}')).toEqual([['level', 'string', 'info']]);
  });

  it('may be used again by the visitor it tells', () => {
    const inner: string[] = [];
    const bytes = Buffer.from('{"a":"{\\"x\\":1,\\"y\\":2}","b":2}');
    const scratch = new Scratch();
    const outer: string[] = [];
    scanObject(bytes, 0, bytes.length, scratch, {
      value: (key, kind, buf, start, end) => {
        outer.push(key.text);
        if (kind === VALUE.string)
          scanObject(buf, start, end, scratch, { value: ({ text }) => inner.push(text) });
      },
    });
    expect([outer, inner]).toEqual([
      ['a', 'b'],
      ['x', 'y'],
    ]);
  });
});
