import { crc32 } from 'node:zlib';
import { ACTIONS, type ActionName } from './bulk-action.ts';
import { applyFilter, type Json, type ReplyFilter } from './elasticsearch-filter.ts';

/** What an item tells, each as JSON text. */
interface ItemTexts {
  readonly index: string;
  readonly id: string;
  readonly status: string;
  readonly type: string;
  readonly reason: string;
}

type Hole = keyof ItemTexts;

/** The members of a good document's answer, in Elasticsearch's order. */
export const storedItem = (index: Json, id: Json): { [name: string]: Json } => ({
  _index: index,
  _id: id,
  _version: 1,
  result: 'created',
  _shards: { total: 1, successful: 1, failed: 0 },
  _seq_no: 0,
  _primary_term: 1,
});

/** JSON text with holes: the filter looks at it once, and then each item only fills the holes. */
class ItemTemplate {
  private readonly parts: readonly string[];

  constructor(filter: ReplyFilter | undefined, item: Json) {
    const shaped = filter === undefined ? item : unwrap(applyFilter(filter, { items: [item] }));
    // Split at `"@name@"`: texts at even places, names of holes at odd ones.
    this.parts =
      shaped === undefined ? [] : JSON.stringify(shaped).split(/"@(index|id|status|type|reason)@"/);
  }

  /** Whether the filter leaves nothing of such items. */
  get isEmpty(): boolean {
    return this.parts.length === 0;
  }

  get needsId(): boolean {
    return this.parts.includes('id');
  }

  fill(texts: ItemTexts): string {
    const { parts } = this;
    let text = parts[0] as string;
    for (let i = 1; i < parts.length; i += 2) {
      text += texts[parts[i] as Hole] + (parts[i + 1] as string);
    }
    return text;
  }
}

const unwrap = (filtered: Json): Json | undefined =>
  (filtered as { items?: readonly Json[] }).items?.[0];

/** Builds the reply to a bulk request item by item, without an object per item. */
export class BulkReply {
  /** Items answered with an error. */
  failures = 0;
  count = 0;
  private readonly filter: ReplyFilter | undefined;
  private readonly good = new Map<ActionName, ItemTemplate>();
  private readonly bad = new Map<ActionName, ItemTemplate>();
  private readonly body: Uint8Array;
  private readonly texts = { index: '', id: '', status: '', type: '', reason: '' };
  private idPrefix = '';
  private items = '';

  /** @param body the request's bytes, from which ids are made */
  constructor(filter: ReplyFilter | undefined, body: Uint8Array) {
    this.filter = filter;
    this.body = body;
    for (const action of ACTIONS) {
      const stored = { ...storedItem('@index@', '@id@'), status: 201 };
      this.good.set(action, new ItemTemplate(filter, { [action]: stored }));
      const error = { type: '@type@', reason: '@reason@' };
      const failed = { _index: '@index@', _id: '@id@', status: '@status@', error };
      this.bad.set(action, new ItemTemplate(filter, { [action]: failed }));
    }
  }

  /** @param id the given id as JSON text, '' where there is none */
  stored(action: ActionName, index: string, id: string): void {
    this.count++;
    const template = this.good.get(action);
    if (template === undefined || template.isEmpty) return;
    const { texts } = this;
    texts.index = index;
    texts.id = id === '' && template.needsId ? this.makeId() : id;
    this.add(template.fill(texts));
  }

  failed(
    action: ActionName,
    index: string,
    id: string,
    status: number,
    type: string,
    reason: string,
  ): void {
    this.count++;
    this.failures++;
    const template = this.bad.get(action);
    if (template === undefined || template.isEmpty) return;
    const { texts } = this;
    texts.index = index === '' ? 'null' : index;
    texts.id = id === '' ? 'null' : id;
    texts.status = String(status);
    texts.type = JSON.stringify(type);
    texts.reason = JSON.stringify(reason);
    this.add(template.fill(texts));
  }

  /** The reply's JSON text. */
  finish(): string {
    const head: Json = { errors: this.failures > 0, took: 0 };
    const shown = this.filter === undefined ? head : applyFilter(this.filter, head);
    const members = JSON.stringify(shown).slice(1, -1);
    const hidden = this.filter !== undefined && this.items === '';
    const items = hidden ? '' : `"items":[${this.items}]`;
    return `{${members}${members !== '' && items !== '' ? ',' : ''}${items}}`;
  }

  private add(item: string): void {
    this.items += this.items === '' ? item : `,${item}`;
  }

  private makeId(): string {
    if (this.idPrefix === '') this.idPrefix = makeIdPrefix(this.body);
    return `"${this.idPrefix}${digits(this.count >>> 12)}${digits(this.count & 0xfff)}"`;
  }
}

/** An id for a single document. */
export const makeId = (body: Uint8Array): string => `${makeIdPrefix(body)}${digits(0)}${digits(1)}`;

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const PAIRS = Array.from(
  { length: 4_096 },
  (_, i) => `${ALPHABET[i >>> 6] ?? ''}${ALPHABET[i & 63] ?? ''}`,
);

const digits = (value: number): string => PAIRS[value & 0xfff] as string;

/**
 * Sixteen of an id's twenty characters: a hash of the whole request. Ids are a function of the
 * bytes sent, so that a resent request gets the same ones.
 */
const makeIdPrefix = (body: Uint8Array): string => {
  let state = crc32(body) ^ Math.imul(body.length, 0x9e3779b1);
  let text = '';
  for (let i = 0; i < 8; i++) {
    // MurmurHash3's finaliser over a counter.
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    text += digits((mixed ^ (mixed >>> 16)) >>> 8);
  }
  return text;
};
