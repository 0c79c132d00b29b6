import { COLUMNS } from './columns.ts';
import type { Gap } from './gap.ts';
import { binary, bytesOf, fillLine, makeLayout, type Hole, type Layout } from './layout.ts';
import { escapeJson } from './layout-json.ts';
import { LIMITS } from './limits.ts';
import { columnOf, formOf, kindOf, PLACE } from './placement.ts';
import { RecordValues } from './record-values.ts';
import type { LogRecord } from './record.ts';

/**
 * Why a structured line is kept whole, beside its values:
 * - `value`      a value is not kept in a form from which its text could be made again
 * - `fields`     more fields than a record has room for
 * - `names`      names or blanks too long to be remembered
 * - `duplicate`  two values under one name
 * - `size`       a layout of too many holes or bytes
 * - `cut`        the line, or one of its values, is longer than the limit
 * - `limit`      the bucket has its greatest number of layouts
 * - `mismatch`   filling the layout does not give the line
 */
export type WholeReason =
  'value' | 'fields' | 'names' | 'duplicate' | 'size' | 'cut' | 'limit' | 'mismatch';

/** Services of a batch that a layout notes by itself; others are noted by the batch. */
export const SERVICES_HELD = 64;

/** A layout of a decoding thread. */
export class KnownLayout {
  readonly layout: Layout;
  readonly text: string;
  /** The text as the column holds it. */
  readonly bytes: DataView;
  /** Which batch has put it where, and which of the batch's services have it: see `RecordBatch`. */
  turn = -1;
  index = 0;
  readonly services = new Uint8Array(SERVICES_HELD);
  /** Who was allowed it last: see `LayoutAllowance`. */
  grantedTo: object | undefined = undefined;

  constructor(layout: Layout) {
    this.layout = layout;
    this.text = layout.text;
    this.bytes = new DataView(Uint8Array.from(bytesOf(layout.text)).buffer);
  }
}

/** One step of the lines seen: what stood before a value, and where the value went. */
class Node {
  readonly gap: Gap | undefined;
  readonly place: number;
  readonly followers: Node[] = [];
  /** The follower taken last; none fits itself. */
  last: Node = this;
  /** At the end of a line: its layout, or why there is none. */
  outcome: KnownLayout | WholeReason | undefined = undefined;
  /** Whether holes share a column in a way for which each row must be tried. */
  doubtful = false;
  /** Whether a row has shown that filling gives its line. */
  proven = false;

  constructor(gap: Gap | undefined, place: number) {
    this.gap = gap;
    this.place = place;
  }
}

/** A line's whole way, for the lines after it that take the same. */
interface Way {
  readonly gaps: readonly (Gap | undefined)[];
  readonly places: readonly number[];
  readonly layout: KnownLayout;
}

/** Whether the record goes the same way. */
const follows = (record: LogRecord, way: Way): boolean => {
  const { steps, gaps, places } = record;
  if (way.gaps.length !== steps) return false;
  for (let i = 0; i < steps; i++)
    if (way.gaps[i] !== gaps[i] || way.places[i] !== places[i]) return false;
  return true;
};

/** Of lines that end alike and go several ways, one in so many is remembered: it costs copies. */
const REMEMBERED_EACH = 64;
let forgotten = 0;

/** Lines of one end mostly go one way: that one is looked at first. */
const remember = ({ steps, gaps, places, tail }: LogRecord, layout: KnownLayout): void => {
  if (tail === undefined) return;
  if (tail.way !== undefined && ++forgotten % REMEMBERED_EACH !== 0) return;
  const way: Way = { gaps: gaps.slice(0, steps), places: places.slice(0, steps), layout };
  tail.way = way;
};

/** A place that no step has. */
const NO_PLACE = -100;
const END = -3;

/**
 * Finds the layout of each line: lines of one look take the same steps, so the way is predicted and
 * compared with two comparisons a field, and a layout is made once.
 */
export class LayoutFinder {
  private root = new Node(undefined, NO_PLACE);
  private nodes = 0;
  private readonly byText = new Map<string, KnownLayout>();
  private readonly values = new RecordValues();

  /** The layout that the record's steps tell, or why its line must be kept whole. */
  find(record: LogRecord): KnownLayout | WholeReason {
    if (record.wholeReason !== undefined) return record.wholeReason;
    if (record.overflow > 0) return 'fields';
    const { steps, gaps, places, tail } = record;
    const way = tail?.way as Way | undefined;
    if (way !== undefined && !record.doubtful && follows(record, way)) return way.layout;
    if (this.nodes > LIMITS.layoutNodes || this.byText.size > LIMITS.layoutsKnown) this.forget();
    let node = this.root;
    for (let i = 0; i < steps; i++) {
      const gap = gaps[i];
      const place = places[i] as number;
      const next = node.last;
      if (next.gap === gap && next.place === place) node = next;
      else {
        const found = this.follow(node, gap, place);
        if (typeof found === 'string') return found;
        node = found;
      }
    }
    const end = node.last;
    if (end.gap === tail && end.place === END) node = end;
    else {
      const found = this.follow(node, tail, END);
      if (typeof found === 'string') return found;
      node = found;
    }
    node.outcome ??= this.make(record, node);
    const { outcome } = node;
    if (typeof outcome === 'string') return outcome;
    if (node.proven && !node.doubtful && !record.doubtful) {
      remember(record, outcome);
      return outcome;
    }
    if (!this.gives(record, outcome.layout)) return 'mismatch';
    node.proven = true;
    if (!node.doubtful) remember(record, outcome);
    return outcome;
  }

  private forget(): void {
    this.root = new Node(undefined, NO_PLACE);
    this.nodes = 0;
    this.byText.clear();
  }

  private follow(node: Node, gap: Gap | undefined, place: number): Node | WholeReason {
    if (gap?.isKept !== true) return 'names';
    if (place < 0 && place !== END) return 'value';
    const { followers } = node;
    for (let i = 0; i < followers.length; i++) {
      const follower = followers[i] as Node;
      if (follower.gap !== gap || follower.place !== place) continue;
      node.last = follower;
      return follower;
    }
    if (followers.length >= LIMITS.layoutFollowers) followers.length = 0;
    const follower = new Node(gap, place);
    followers.push(follower);
    node.last = follower;
    this.nodes++;
    return follower;
  }

  private make(record: LogRecord, node: Node): KnownLayout | WholeReason {
    const { literals, holes } = partsOf(record);
    const used = new Set<string>();
    for (const { column, key } of holes) {
      const id = `${column}.${key}`;
      if (used.has(id)) {
        if (COLUMNS[column]?.kind === 'map') return 'duplicate';
        node.doubtful ||= isDoubtful(record, column);
      }
      used.add(id);
    }
    const layout = makeLayout(literals, holes);
    if (holes.length > LIMITS.layoutHoles || layout.text.length > LIMITS.layoutBytes) return 'size';
    let known = this.byText.get(layout.text);
    if (known === undefined) this.byText.set(layout.text, (known = new KnownLayout(layout)));
    return known;
  }

  private gives(record: LogRecord, layout: Layout): boolean {
    this.values.record = record;
    const line = fillLine(layout, this.values);
    const { receivedBuf, receivedStart, receivedEnd } = record;
    if (line.length !== receivedEnd - receivedStart) return false;
    for (let i = 0; i < line.length; i++)
      if (line[i] !== receivedBuf[receivedStart + i]) return false;
    return true;
  }
}

/**
 * Whether a column that several fields have been put into may print otherwise than one of them was
 * written: 0 and nothing are overruled by what comes later.
 */
const isDoubtful = (record: LogRecord, column: number): boolean => {
  const kind = COLUMNS[column]?.kind;
  if (kind !== 'name' && kind !== 'text' && kind !== 'time') return true;
  for (let i = 0; i < record.steps; i++) {
    const place = record.places[i] as number;
    if (columnOf(place) !== column) continue;
    const how = kindOf(place);
    if (how === PLACE.blank || how === PLACE.dash || how === PLACE.nanoOfSecond) return true;
  }
  return false;
};

/** What stands for the values that say nothing. */
const OWN: Readonly<Record<number, string>> = { [PLACE.null]: 'null', [PLACE.bareDash]: '-' };

/** The literals and holes of the record's steps. */
const partsOf = (record: LogRecord): { literals: string[]; holes: Hole[] } => {
  const literals: string[] = [];
  const holes: Hole[] = [];
  let literal = '';
  let dialect = -1;
  const add = (bytes: Uint8Array): void => {
    literal += binary(dialect < 0 ? bytes : escapeJson(bytes, dialect));
  };
  for (let i = 0; i < record.steps; i++) {
    const gap = record.gaps[i] as Gap;
    const place = record.places[i] as number;
    add(gap.bytes);
    const kind = kindOf(place);
    if (kind === PLACE.quoted) dialect = place >> 12;
    else if (kind === PLACE.plain) dialect = -1;
    const form = formOf(place);
    if (form === undefined) {
      literal += OWN[kind] ?? '';
      continue;
    }
    const column = columnOf(place);
    const key = COLUMNS[column]?.kind === 'map' ? binary(gap.key.bytes) : '';
    literals.push(literal);
    literal = '';
    holes.push({ column, key, form });
  }
  add((record.tail as Gap).bytes);
  literals.push(literal);
  return { literals, holes };
};
