import { equalBytes, keys, type Key } from '../../model/key.ts';
import type { LogRecord } from '../../model/record.ts';

const INDEX = keys.of('_index');
const ID = keys.of('_id');
const PARTS = ['data_stream.type', 'data_stream.dataset', 'data_stream.namespace'].map((name) =>
  keys.of(name),
);
/** Types of Elastic's data stream naming scheme; other names with two dashes are just names. */
const TYPES = ['logs', 'metrics', 'traces', 'synthetics', 'profiling'];

const STREAM = /^(logs|metrics|traces|synthetics)-.+-.+$/;
/** Keeps documents' tokens apart from others'. */
const TOKEN_KIND = 0x45730000;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

interface Part {
  readonly key: Key;
  readonly start: number;
  readonly end: number;
}

/** An index or data stream that documents are sent to: what it adds to a record and to a reply. */
export class Target {
  /**
   * It is a data stream, by Elastic's naming scheme (their own templates make such names streams):
   * documents are created there and never replaced.
   */
  readonly isStream: boolean;
  /** The name as JSON text. */
  readonly json: string;
  private readonly name: Uint8Array;
  private readonly parts: readonly Part[];

  constructor(name: Uint8Array) {
    this.name = name;
    const text = decoder.decode(name);
    this.isStream = STREAM.test(text);
    this.json = JSON.stringify(text);
    this.parts = partsOf(text, name);
  }

  static of(name: string): Target {
    return new Target(encoder.encode(name));
  }

  is(buf: Uint8Array, start: number, end: number): boolean {
    const { length } = this.name;
    return end - start === length && equalBytes(buf, start, this.name, 0, length);
  }

  /** Adds `_index`, a given `_id` and the data stream's parts that the document has not itself. */
  stamp(record: LogRecord, id: Uint8Array, idStart: number, idEnd: number): void {
    const { metadata } = record;
    const { parts, name } = this;
    for (let i = 0; i < parts.length; i++) {
      const { key, start, end } = parts[i] as Part;
      let at = 0;
      while (at < metadata.count && metadata.keys[at] !== key) at++;
      if (at === metadata.count) metadata.put(key, name, start, end);
    }
    metadata.put(INDEX, name, 0, name.length);
    if (idEnd <= idStart) return;
    metadata.put(ID, id, idStart, idEnd);
  }

  /**
   * A document with an id that is sent again as it was is the same document: bulk requests are
   * repeated whole when their answer gets lost. Another one of the same id is kept too.
   */
  identify(
    record: LogRecord,
    id: Uint8Array,
    idStart: number,
    idEnd: number,
    document: { readonly body: Uint8Array; readonly start: number; readonly end: number },
  ): void {
    if (idEnd <= idStart) return;
    const { name } = this;
    const token = record.token.begin(TOKEN_KIND).bytes(name, 0, name.length);
    token.bytes(id, idStart, idEnd).bytes(document.body, document.start, document.end).end();
  }
}

/** `type-dataset-namespace`, where the name looks like that. */
const partsOf = (text: string, name: Uint8Array): Part[] => {
  const words = text.split('-');
  if (words.length !== 3 || words.includes('') || !TYPES.includes(words[0] ?? '')) return [];
  const first = name.indexOf(0x2d);
  const second = name.indexOf(0x2d, first + 1);
  const bounds = [-1, first, second, name.length];
  return PARTS.map((key, i) => ({
    key,
    start: (bounds[i] as number) + 1,
    end: bounds[i + 1] as number,
  }));
};
