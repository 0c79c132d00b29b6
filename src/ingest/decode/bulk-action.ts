import { VALUE, type ValueKind } from '../../model/fields.ts';
import { scanObject, type ValueVisitor } from '../../model/json-scanner.ts';
import { skipSpace, skipValue } from '../../model/json-text.ts';
import { equalBytes, keys, type Key } from '../../model/key.ts';
import { LIMITS } from '../../model/limits.ts';
import { Scratch } from '../../model/record.ts';

/** The four operations of a bulk request. */
export const ACTIONS = ['index', 'create', 'update', 'delete'] as const;
export type ActionName = (typeof ACTIONS)[number];

const FOUND = ['VALUE_STRING', 'VALUE_NUMBER', 'VALUE_BOOLEAN', 'VALUE_NULL', 'START_ARRAY'];

interface Meaning {
  readonly action: ActionName;
  readonly field: 'none' | 'index' | 'id' | 'op_type';
}

/** By `key.id`: the names that matter are interned here, so they always have one. */
const meanings: (Meaning | undefined)[] = [];
for (const action of ACTIONS) {
  meanings[keys.of(action).id] = { action, field: 'none' };
  meanings[keys.of(`${action}._index`).id] = { action, field: 'index' };
  meanings[keys.of(`${action}._id`).id] = { action, field: 'id' };
  meanings[keys.of(`${action}.op_type`).id] = { action, field: 'op_type' };
}

const NONE: Uint8Array = new Uint8Array(0);

/**
 * Reads the action lines of a bulk request: `{"index":{"_index":"a","_id":"1"}}`. Parameters that
 * mean nothing to an append-only log (`routing`, `version`, `_type`, `pipeline` ...) are let pass.
 */
export class ActionReader implements ValueVisitor {
  action: ActionName = 'index';
  /** The given index, an empty range where none is; as `id` it is good until the next `read`. */
  index = NONE;
  indexStart = 0;
  indexEnd = 0;
  /** The given id, an empty range where Elasticsearch would make one. */
  id = NONE;
  idStart = 0;
  idEnd = 0;
  private opType: ActionName | undefined = undefined;
  private seen = false;
  private problem = '';
  /** The line before, which repeats in most requests. */
  private last = NONE;
  private lastStart = 0;
  private lastEnd = 0;
  private readonly scratch = new Scratch();

  /** Lets go of the request's bytes. */
  forget(): void {
    this.last = NONE;
    this.index = NONE;
    this.id = NONE;
    this.lastStart = 0;
    this.lastEnd = 0;
  }

  /** @returns '' or what is wrong, in Elasticsearch's words for the rest of the sentence. */
  read(buf: Uint8Array, start: number, end: number): string {
    const size = end - start;
    const before = this.lastEnd - this.lastStart;
    if (size === before && equalBytes(buf, start, this.last, this.lastStart, size)) return '';
    this.clear();
    if (size > LIMITS.bulkActionBytes) return `longer than ${LIMITS.bulkActionBytes} bytes`;
    if (!scanObject(buf, start, end, this.scratch, this)) return notObject(buf, start, end);
    if (this.problem !== '') return this.problem;
    if (!this.seen) return 'expected FIELD_NAME but found [END_OBJECT]';
    this.action = this.opType ?? this.action;
    this.last = buf;
    this.lastStart = start;
    this.lastEnd = end;
    return '';
  }

  private clear(): void {
    this.lastEnd = this.lastStart;
    this.seen = false;
    this.problem = '';
    this.opType = undefined;
    this.indexStart = this.indexEnd = 0;
    this.idStart = this.idEnd = 0;
    this.scratch.used = 0;
  }

  value(key: Key, kind: ValueKind, buf: Uint8Array, start: number, end: number): void {
    if (this.problem !== '') return;
    const meaning = meanings[key.id];
    const action = meaning?.action ?? actionOf(key.text);
    if (action === undefined || (this.seen && action !== this.action)) {
      this.problem = this.seen
        ? 'expected END_OBJECT but found [FIELD_NAME]'
        : 'expected field [create], [delete], [index] or [update] but found ' +
          `[${key.text.slice(0, 64)}]`;
      return;
    }
    this.action = action;
    this.seen = true;
    if (meaning === undefined) return;
    if (meaning.field === 'none') {
      if (kind === VALUE.object) return;
      this.problem = `expected START_OBJECT or END_OBJECT but found [${FOUND[kind - 1] ?? ''}]`;
    } else if (kind === VALUE.array || kind === VALUE.object) {
      const token = kind === VALUE.array ? 'START_ARRAY' : 'START_OBJECT';
      this.problem = `expected a simple value for field [_${meaning.field}] but found [${token}]`;
    } else if (kind !== VALUE.null && meaning.field === 'op_type') {
      // `{"index":{"op_type":"create"}}` is a create.
      const isCreate = decoder.decode(buf.subarray(start, end)) === 'create';
      if (isCreate && this.action === 'index') this.opType = 'create';
    } else if (kind !== VALUE.null && meaning.field !== 'op_type') {
      this.keep(meaning.field, buf, start, end);
    }
  }

  private keep(field: 'index' | 'id', buf: Uint8Array, start: number, end: number): void {
    if (field === 'index') {
      this.index = buf;
      this.indexStart = start;
      this.indexEnd = end;
    } else {
      this.id = buf;
      this.idStart = start;
      this.idEnd = end;
    }
  }
}

const decoder = new TextDecoder();

const actionOf = (name: string): ActionName | undefined => {
  const dot = name.indexOf('.');
  const first = dot < 0 ? '' : name.slice(0, dot);
  return ACTIONS.find((action) => action === first);
};

const notObject = (buf: Uint8Array, start: number, end: number): string => {
  const stop = skipValue(buf, skipSpace(buf, start, end), end);
  if (stop < 0 || skipSpace(buf, stop, end) !== end) return 'expected a JSON object';
  const first = String.fromCharCode(buf[skipSpace(buf, start, end)] as number);
  const at = '"-0123456789tfn['.indexOf(first);
  const kind = at === 0 ? 0 : at < 12 ? 1 : at < 14 ? 2 : at === 14 ? 3 : 4;
  return `expected START_OBJECT but found [${FOUND[kind] ?? ''}]`;
};
