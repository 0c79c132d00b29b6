import type { Definition } from '../ingest/decode/decode.ts';
import { LIMITS } from '../model/limits.ts';
import type { DefinitionTable } from '../storage/state/definition-table.ts';

/**
 * What clients have set up by name and look for later (Elasticsearch's templates and policies), in
 * memory and in state.db. Decoding threads are shown what a request names, and say what it defines.
 */
export class Definitions {
  private readonly table: DefinitionTable;
  /** Texts by tenant, kind and name, which hold no NUL. */
  private readonly texts = new Map<string, string>();

  constructor(table: DefinitionTable) {
    this.table = table;
    for (const { tenant, kind, name, text } of table.load()) {
      this.texts.set(keyOf(tenant, kind, name), text);
    }
  }

  /** What is there of a kind, under the names that `isMeant` takes. */
  find(tenant: string, kind: string, isMeant: (name: string) => boolean): Definition[] {
    const start = keyOf(tenant, kind, '');
    const found: Definition[] = [];
    for (const [key, text] of this.texts) {
      if (!key.startsWith(start)) continue;
      const name = key.slice(start.length);
      if (isMeant(name)) found.push({ kind, name, text });
    }
    return found;
  }

  /** Keeps it, durably; where there is no room it is acknowledged and forgotten. */
  take(tenant: string, { kind, name, text }: Definition): void {
    const key = keyOf(tenant, kind, name);
    if (text === undefined) {
      if (this.texts.delete(key)) this.table.remove({ tenant, kind, name });
      return;
    }
    const isFull = this.texts.size >= LIMITS.definitions && !this.texts.has(key);
    if (isFull || text.length > LIMITS.definitionBytes || name.includes('\0')) return;
    if (this.texts.get(key) === text) return;
    this.texts.set(key, text);
    this.table.put({ tenant, kind, name, text });
  }
}

const keyOf = (tenant: string, kind: string, name: string): string => `${tenant}\0${kind}\0${name}`;
