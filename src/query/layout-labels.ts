import { COLUMNS } from '../model/columns.ts';
import type { Hole, Layout } from '../model/layout.ts';
import type { JsonStage } from './logql/ast.ts';
import type { Entry } from './pipeline/entry.ts';
import { json } from './pipeline/json.ts';
import { fromUtf8 } from './utf8.ts';

/**
 * The labels that `| json` makes of every line of a layout, found without a line: the parser itself
 * reads the layout with a mark in place of each value.
 */
export interface LayoutLabels {
  readonly layout: Layout;
  /** In the order in which the parser finds them, each name once. */
  readonly labels: ReadonlyMap<string, LabelSource>;
}

export type LabelSource =
  /** The same in every line. */
  | { readonly type: 'literal'; readonly text: string }
  /** What a hole between quotes or a number's hole prints. */
  | { readonly type: 'printed'; readonly hole: Hole }
  /**
   * A hole without quotes around it: a number, a boolean, an array, `null`, or an object, whose
   * members are labels whose names begin with this one.
   */
  | { readonly type: 'value'; readonly hole: Hole }
  /** Of more than one hole, or of one name that stands twice. */
  | { readonly type: 'mixed' };

const ALL_FIELDS: JsonStage = { type: 'json', expressions: [], pos: 0 };
const run = json(ALL_FIELDS);
const known = new WeakMap<Layout, LayoutLabels | 'none'>();

/** `undefined` where the layout's lines are no objects whose structure is the layout's own. */
export const jsonLabelsOf = (layout: Layout): LayoutLabels | undefined => {
  let found = known.get(layout);
  if (found === undefined) known.set(layout, (found = read(layout) ?? 'none'));
  return found === 'none' ? undefined : found;
};

/** Marks: between quotes of characters that lines hardly have, else numbers of that length. */
const QUOTED = (hole: number): string => `\ue000${hole}\ue001`;
const QUOTED_MARK = /\ue000([0-9]+)\ue001/g;
const BARE = (hole: number): string => `8${String(hole).padStart(6, '0')}737373737`;
const BARE_MARK = /^8([0-9]{6})737373737$/;

const read = (layout: Layout): LayoutLabels | undefined => {
  const texts = layout.literals.map((literal) => fromUtf8(Buffer.from(literal, 'latin1')));
  if (texts.some((text) => /[\ue000\ue001\ufffd]|737373737/.test(text))) return undefined;
  let line = '';
  let quoted = false;
  for (const [i, text] of texts.entries()) {
    line += text;
    quoted = isQuotedAfter(text, quoted);
    const hole = layout.holes[i];
    if (hole !== undefined) line += quoted ? QUOTED(i) : BARE(i);
  }
  const found: [string, string][] = [];
  const faults: string[] = [];
  // The parser asks an entry for its line, and gives it labels or an error; nothing else.
  const entry = {
    line,
    extract: (name: string, value: string) => void found.push([name, value]),
    fail: (fault: string) => void faults.push(fault),
  };
  run(entry as unknown as Entry);
  if (faults.length > 0 || endsEarly(line) || hasMarkedKey(line)) return undefined;
  const labels = new Map<string, LabelSource>();
  for (const [name, value] of found) {
    // The first counts, but a first that is null or an array is none.
    labels.set(name, labels.has(name) ? { type: 'mixed' } : sourceOf(value, layout));
  }
  return { layout, labels };
};

const isQuotedAfter = (text: string, before: boolean): boolean => {
  let quoted = before;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === '"') quoted = !quoted;
  }
  return quoted;
};

/** Whether a value stands in a name: names are then not the layout's own. */
const hasMarkedKey = (line: string): boolean => /\ue000[0-9]+\ue001[^"]*"\s*:/.test(line);

/** Whether something stands behind the object: then its holes are in no label. */
const endsEarly = (line: string): boolean => !line.trimEnd().endsWith('}');

const sourceOf = (value: string, { holes }: Layout): LabelSource => {
  const bare = BARE_MARK.exec(value);
  if (bare !== null) {
    const hole = holes[Number(bare[1])] as Hole;
    const kind = COLUMNS[hole.column]?.kind;
    const isText = kind === 'map' || kind === 'name' || kind === 'text';
    return { type: isText ? 'value' : 'printed', hole };
  }
  const marks = [...value.matchAll(QUOTED_MARK)];
  if (marks.length === 0) return { type: 'literal', text: value };
  const [first] = marks;
  return marks.length === 1 && first?.[0] === value
    ? { type: 'printed', hole: holes[Number(first[1])] as Hole }
    : { type: 'mixed' };
};
