import fc from 'fast-check';

import type { LabelFilter, LabelTarget, LineFilter, LogExpr, Matcher, Stage } from './ast.ts';

/**
 * Random trees as `parseLogql` could give them, for tests and fuzzers: the printer's laws here, and
 * that the engine's SQL and the in-process predicate agree. All positions are 0.
 */
const pos = 0;

/** Short names collide often; keywords of functions are fine as labels. */
export const anyName = fc.constantFrom('a', 'b', 'c1', '_d', 'rate', 'sum', 'ip', 'bytes', 'été');

export const anyText = fc.oneof(
  fc.constantFrom(
    '',
    'x',
    'a b',
    '"',
    '`',
    '\\',
    '\n',
    '\x07',
    '\x7f',
    '\u00a0',
    'é',
    '😀',
    '%',
    '#',
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replaceAll('\0', '0')),
);

export const anyRegex = fc.constantFrom(
  '',
  '.+',
  'x|y',
  'a.*b',
  '\\d+"`',
  '(?i)é',
  '^x$',
  '[^ ]{1,3}',
  '.*',
);

const anyMatcher: fc.Arbitrary<Matcher> = fc.oneof(
  fc.record({
    type: fc.constant('matcher' as const),
    name: anyName,
    op: fc.constantFrom('=' as const, '!=' as const),
    value: anyText,
    pos: fc.constant(pos),
  }),
  fc.record({
    type: fc.constant('matcher' as const),
    name: anyName,
    op: fc.constantFrom('=~' as const, '!~' as const),
    value: anyRegex,
    pos: fc.constant(pos),
  }),
);

/** At least one matcher refuses the absent label, as every valid selector has it. */
const anySelector: fc.Arbitrary<readonly Matcher[]> = fc
  .tuple(fc.array(anyMatcher, { maxLength: 2 }), fc.array(anyMatcher, { maxLength: 1 }))
  .map(([before, after]) => [
    ...before,
    { type: 'matcher', name: 'app', op: '=', value: 'x', pos },
    ...after,
  ]);

const anyIp = fc.constantFrom('10.0.0.1', '10.0.0.0/8', '1.1.1.1-1.1.1.9', '::1', 'fe80::/10');

const anyPositiveFilter: fc.Arbitrary<LineFilter> = fc
  .oneof(
    fc.tuple(
      fc.constant('|=' as const),
      fc.array(operand(anyText), { minLength: 1, maxLength: 3 }),
    ),
    fc.tuple(
      fc.constant('|~' as const),
      fc.array(operand(anyRegex), { minLength: 1, maxLength: 3 }),
    ),
    fc.tuple(
      fc.constant('|>' as const),
      fc.array(operand(patterns()), { minLength: 1, maxLength: 2 }),
    ),
  )
  .map(([op, operands]) => lineFilter(op, operands));

const anyNegativeFilter: fc.Arbitrary<LineFilter> = fc
  .oneof(
    fc.tuple(fc.constant('!=' as const), operand(anyText)),
    fc.tuple(fc.constant('!~' as const), operand(anyRegex)),
    fc.tuple(fc.constant('!>' as const), operand(patterns())),
  )
  .map(([op, only]) => lineFilter(op, [only]));

type Operand = LineFilter['operands'][number];

function patterns(): fc.Arbitrary<string> {
  return fc.constantFrom('', '<_> x', 'x <_>', 'x', '<_>', '<1> <_>');
}

function operand(text: fc.Arbitrary<string>): fc.Arbitrary<Operand> {
  return text.map((value) => ({ type: 'line_operand', text: value, ip: false, pos }));
}

function lineFilter(op: LineFilter['op'], operands: readonly Operand[]): LineFilter {
  return { type: 'line_filter', op, operands: operands as LineFilter['operands'], pos };
}

const anyIpFilter: fc.Arbitrary<LineFilter> = fc
  .tuple(fc.constantFrom('|=' as const, '!=' as const), anyIp)
  .map(([op, text]) => lineFilter(op, [{ type: 'line_operand', text, ip: true, pos }]));

export const anyNumber = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 0.5, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 0.1),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

export const anyDuration = fc.oneof(
  fc.constantFrom(0n, 1n, 1_500n, 250_000_000n, 5_400_000_000_000n, -300_000_000_000n),
  fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }),
);

/** Sizes are read as doubles. */
const anyBytes = fc
  .oneof(
    fc.constantFrom(0, 5, 999, 1000, 1500, 1024, 2 ** 30),
    fc.double({ min: 0, max: 2 ** 63, noNaN: true }),
  )
  .map((size) => BigInt(Math.trunc(size)));

const anyCompare = fc.constantFrom('==', '!=', '>', '>=', '<', '<=' as const);

export const anyLabelFilter: fc.Arbitrary<LabelFilter> = fc.letrec<{ filter: LabelFilter }>(
  (tie) => ({
    filter: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      anyMatcher,
      fc
        .tuple(anyName, anyCompare, anyNumber)
        .map(([name, op, value]): LabelFilter => ({ type: 'number_filter', name, op, value, pos })),
      fc.tuple(anyName, anyCompare, anyDuration).map(([name, op, valueNs]): LabelFilter => ({
        type: 'duration_filter',
        name,
        op,
        valueNs,
        pos,
      })),
      fc.tuple(anyName, anyCompare, anyBytes).map(([name, op, valueBytes]): LabelFilter => ({
        type: 'bytes_filter',
        name,
        op,
        valueBytes,
        pos,
      })),
      fc
        .tuple(anyName, fc.constantFrom('==' as const, '!=' as const), anyIp)
        .map(([name, op, pattern]): LabelFilter => ({ type: 'ip_filter', name, op, pattern, pos })),
      fc
        .tuple(
          fc.constantFrom('and_filter' as const, 'or_filter' as const),
          tie('filter'),
          tie('filter'),
        )
        .map(([type, left, right]): LabelFilter => ({ type, left, right, pos })),
    ),
  }),
).filter;

const anyJsonPath = fc.constantFrom('a', 'a.b', 'a[0]', '["x y"].z', '[1][2]');
const anyLogfmtKey = fc.constantFrom('a', 'b_c', '"x.y"');
const extractions = (expression: fc.Arbitrary<string>) =>
  fc.array(
    fc.tuple(anyName, expression).map(([label, text]) => ({
      type: 'extraction' as const,
      label,
      expression: text,
      pos,
    })),
    { maxLength: 3 },
  );

const anyTargets = fc.array(
  fc.oneof(
    anyMatcher,
    anyName.map((name): LabelTarget => ({ type: 'label_name', name, pos })),
  ),
  { minLength: 1, maxLength: 3 },
);

const anyFormats = fc.uniqueArray(
  fc.tuple(fc.constantFrom('rename' as const, 'template' as const), anyName, anyText, anyName),
  { minLength: 1, maxLength: 3, selector: ([, label]) => label },
);

const anyParser: fc.Arbitrary<Stage> = fc.oneof(
  extractions(anyJsonPath).map((expressions): Stage => ({ type: 'json', expressions, pos })),
  fc
    .tuple(fc.boolean(), fc.boolean(), extractions(anyLogfmtKey))
    .map(([strict, keepEmpty, expressions]): Stage => ({
      type: 'logfmt',
      strict,
      keepEmpty,
      expressions,
      pos,
    })),
  fc.constantFrom<Stage>(
    { type: 'pattern', pattern: '<ip> - <_> "<x>"', pos },
    { type: 'regexp', regex: '(?P<x>\\d+)`', pos },
    { type: 'unpack', pos },
    { type: 'decolorize', pos },
    { type: 'record', pos },
  ),
);

const anyStage: fc.Arbitrary<Stage> = fc.oneof(
  anyPositiveFilter,
  anyNegativeFilter,
  anyIpFilter,
  anyParser,
  anyLabelFilter.map((filter): Stage => ({ type: 'label_filter', filter, pos })),
  anyText.map((template): Stage => ({ type: 'line_format', template, pos })),
  anyFormats.map((formats): Stage => ({
    type: 'label_format',
    formats: formats.map(([type, label, text, from]) => ({
      type,
      label,
      value: type === 'rename' ? from : text,
      pos,
    })),
    pos,
  })),
  fc
    .tuple(fc.constantFrom('drop' as const, 'keep' as const), anyTargets)
    .map(([type, labels]): Stage => ({ type, labels, pos })),
  fc.array(anyName, { minLength: 1, maxLength: 2 }).map((names): Stage => ({
    type: 'distinct',
    labels: names.map((name) => ({ type: 'label_name', name, pos })),
    pos,
  })),
);

/** The one sequence of stages that has no text: see `DropStage`. */
const expressible = (stages: readonly Stage[]): boolean =>
  stages.every((stage, index) => {
    const next = stages[index + 1];
    const swallows =
      (stage.type === 'drop' || stage.type === 'keep') &&
      stage.labels.at(-1)?.type === 'label_name';
    return !(swallows && next?.type === 'line_filter' && /^![=~]$/.test(next.op));
  });

export const anyLog: fc.Arbitrary<LogExpr> = fc
  .tuple(anySelector, fc.array(anyStage, { maxLength: 6 }).filter(expressible))
  .map(([matchers, stages]) => ({ type: 'log', matchers, stages, pos }));
