import type {
  Extraction,
  LabelFormat,
  LabelFormatStage,
  LabelName,
  LabelTarget,
  LineFilter,
  LineFilterOp,
  LineOperand,
  Stage,
  Unwrap,
} from './ast.ts';
import type { Cursor } from './cursor.ts';
import { refuse } from './cursor.ts';
import { isCompareKind, parseLabelFilter } from './parser-filter.ts';
import { isMatchKind, parseIp, parseMatcher } from './parser-matcher.ts';
import { patternStageFault } from './pattern.ts';
import type { TokenKind } from './token.ts';

const LINE_OPS: ReadonlySet<TokenKind> = new Set(['|=', '!=', '|~', '!~', '|>', '!>']);

/**
 * The stages at the cursor, as many as there are, and in a range also the `unwrap` that ends them.
 * With `mayUnwrap` false `unwrap` is refused as Loki refuses it outside of ranges.
 */
export const parsePipeline = (
  cursor: Cursor,
  mayUnwrap: boolean,
): { readonly stages: readonly Stage[]; readonly unwrap: Unwrap | null } => {
  const stages: Stage[] = [];
  for (;;) {
    const { kind, pos } = cursor.peek();
    if (LINE_OPS.has(kind)) {
      stages.push(...parseLineFilter(cursor));
    } else if (kind === '|') {
      cursor.take();
      if (mayUnwrap && cursor.is('unwrap')) return { stages, unwrap: parseUnwrap(cursor, pos) };
      stages.push(parseStage(cursor, pos));
    } else {
      return { stages, unwrap: null };
    }
  }
};

const STRING_OR_IP = ['STRING', 'ip'] as const;

/** One filter; negated ones with `or` become several, which is what they mean. */
const parseLineFilter = (cursor: Cursor): LineFilter[] => {
  const { kind, pos } = cursor.take();
  const op = kind as LineFilterOp;
  const first = parseLineOperand(cursor);
  const rest: LineOperand[] = [];
  while (cursor.accept('or') !== null) rest.push(parseLineOperand(cursor));
  if (op.startsWith('|')) return [{ type: 'line_filter', op, operands: [first, ...rest], pos }];
  return [
    { type: 'line_filter', op, operands: [first], pos },
    ...rest.map((operand): LineFilter => ({
      type: 'line_filter',
      op,
      operands: [operand],
      pos: operand.pos,
    })),
  ];
};

const parseLineOperand = (cursor: Cursor): LineOperand => {
  const { pos } = cursor.peek();
  const ip = cursor.is('ip');
  const text = ip ? parseIp(cursor) : cursor.expect('STRING', STRING_OR_IP).text;
  return { type: 'line_operand', text, ip, pos };
};

/** One stage, its `|` at `pos` taken. */
const parseStage = (cursor: Cursor, pos: number): Stage => {
  switch (cursor.peek().kind) {
    case 'json':
      cursor.take();
      return { type: 'json', expressions: parseExtractions(cursor), pos };
    case 'logfmt':
      return parseLogfmt(cursor, pos);
    case 'regexp':
      return parseRegexp(cursor, pos);
    case 'pattern':
      return parsePatternStage(cursor, pos);
    case 'unpack':
      cursor.take();
      return { type: 'unpack', pos };
    case 'decolorize':
      cursor.take();
      return { type: 'decolorize', pos };
    case 'line_format':
      cursor.take();
      return { type: 'line_format', template: cursor.expect('STRING').text, pos };
    case 'label_format':
      return parseLabelFormats(cursor, pos);
    case 'drop':
    case 'keep':
      return {
        type: cursor.take().kind as 'drop' | 'keep',
        labels: parseList(cursor, parseTarget),
        pos,
      };
    case 'IDENTIFIER':
    case '(':
      return (
        parseOwnStage(cursor, pos) ?? {
          type: 'label_filter',
          filter: parseLabelFilter(cursor),
          pos,
        }
      );
    default:
      return cursor.fail();
  }
};

/**
 * `record`, `record()` and `distinct a, b`, which Loki's grammar has not. They are no keywords, so
 * that labels of these names stay usable: `record != "x"` is a filter on a label, as in Loki, and
 * `record() != "x"` the stage and a line filter.
 */
const parseOwnStage = (cursor: Cursor, pos: number): Stage | null => {
  const name = cursor.peek().text.toLowerCase();
  const next = name === 'record' || name === 'distinct' ? cursor.peekAfter().kind : null;
  if (name === 'record' && next !== null && !isCompareKind(next)) {
    cursor.take();
    if (cursor.accept('(') !== null) cursor.expect(')');
    return { type: 'record', pos };
  }
  if (name === 'distinct' && next === 'IDENTIFIER') {
    cursor.take();
    return { type: 'distinct', labels: parseList(cursor, parseLabelName), pos };
  }
  return null;
};

const parseList = <T>(cursor: Cursor, parseItem: (cursor: Cursor) => T): T[] => {
  const items = [parseItem(cursor)];
  while (cursor.accept(',') !== null) items.push(parseItem(cursor));
  return items;
};

const parseLabelName = (cursor: Cursor): LabelName => {
  const { text, pos } = cursor.expect('IDENTIFIER');
  return { type: 'label_name', name: text, pos };
};

const parseTarget = (cursor: Cursor): LabelTarget => {
  const name = cursor.expect('IDENTIFIER');
  if (isMatchKind(cursor.peek().kind)) return parseMatcher(cursor, name);
  return { type: 'label_name', name: name.text, pos: name.pos };
};

const parseExtractions = (cursor: Cursor): readonly Extraction[] =>
  cursor.is('IDENTIFIER') ? parseList(cursor, parseExtraction) : [];

const parseExtraction = (cursor: Cursor): Extraction => {
  const { text, pos } = cursor.expect('IDENTIFIER');
  const expression = cursor.accept('=') === null ? text : cursor.expect('STRING').text;
  return { type: 'extraction', label: text, expression, pos };
};

const parseLogfmt = (cursor: Cursor, pos: number): Stage => {
  cursor.take();
  let strict = false;
  let keepEmpty = false;
  for (;;) {
    const flag = cursor.accept('FUNCTION_FLAG');
    if (flag === null) break;
    if (flag.text === '--strict') strict = true;
    else keepEmpty = true;
  }
  return { type: 'logfmt', strict, keepEmpty, expressions: parseExtractions(cursor), pos };
};

const parseRegexp = (cursor: Cursor, pos: number): Stage => {
  cursor.take();
  const regex = cursor.expect('STRING');
  const fault = cursor.regexes.stageFault(regex.text);
  if (fault !== null) refuse(`invalid regexp parser: ${fault}`, regex.pos);
  return { type: 'regexp', regex: regex.text, pos };
};

const parsePatternStage = (cursor: Cursor, pos: number): Stage => {
  cursor.take();
  const pattern = cursor.expect('STRING');
  const fault = patternStageFault(pattern.text);
  if (fault !== null) refuse(`invalid pattern parser: ${fault}`, pattern.pos);
  return { type: 'pattern', pattern: pattern.text, pos };
};

const parseLabelFormats = (cursor: Cursor, pos: number): LabelFormatStage => {
  cursor.take();
  return { type: 'label_format', formats: parseList(cursor, parseLabelFormat), pos };
};

const parseLabelFormat = (cursor: Cursor): LabelFormat => {
  const { text: label, pos } = cursor.expect('IDENTIFIER');
  cursor.expect('=');
  const source = cursor.accept('IDENTIFIER');
  if (source !== null) return { type: 'rename', label, value: source.text, pos };
  const template = cursor.expect('STRING', ['IDENTIFIER', 'STRING']);
  return { type: 'template', label, value: template.text, pos };
};

const AFTER_UNWRAP = ['IDENTIFIER', 'BYTES_CONV', 'DURATION_CONV', 'DURATION_SECONDS_CONV'];

/** `unwrap ...` and the label filters behind it, its `|` at `pos` taken. */
export const parseUnwrap = (cursor: Cursor, pos: number): Unwrap => {
  cursor.expect('unwrap');
  const conversion = cursor.accept('CONVERSION');
  if (conversion !== null) cursor.expect('(');
  const expected = conversion === null ? AFTER_UNWRAP : ['IDENTIFIER'];
  const { text: label } = cursor.expect('IDENTIFIER', expected);
  if (conversion !== null) cursor.expect(')');
  const filters = [];
  while (cursor.accept('|') !== null) filters.push(parseLabelFilter(cursor));
  return {
    type: 'unwrap',
    label,
    conversion: (conversion?.text ?? null) as Unwrap['conversion'],
    filters,
    pos,
  };
};
