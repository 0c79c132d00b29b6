import type { LayoutUse } from '../../model/batch.ts';
import { MeshtrailError, must } from '../../model/errors.ts';
import { binary, bytesOf, parseLayout, type Layout } from '../../model/layout.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Bucket, BucketLayout } from '../../model/storage.ts';
import type { Database } from '../../platform/sqlite.ts';

/** The layouts of one bucket. */
export interface BucketLayouts {
  /** Grows; never another array. */
  readonly list: readonly BucketLayout[];
}

interface Use {
  readonly layout: Layout;
  services: ReadonlySet<string> | undefined;
}

interface Held extends BucketLayouts {
  readonly disk: number;
  readonly tenant: string;
  readonly list: Use[];
  readonly byText: Map<string, Use>;
  /** Services of all layouts together. */
  services: number;
}

interface Known {
  readonly id: bigint;
  readonly layout: Layout;
}

/** What a group of batches brings that is new: layouts by bucket, each with its new services. */
type News = Map<Held, Map<string, Set<string>>>;

/** News that wait to be written together. */
interface Group {
  readonly news: News;
  readonly done: Promise<undefined>;
  readonly resolve: (nothing: undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** A layout's new row. */
interface Entry {
  readonly held: Held;
  readonly text: string;
  readonly services: ReadonlySet<string> | undefined;
}

/**
 * Which layouts the rows of each bucket may have, and which services use them: a superset, written
 * to `catalog.db` before the rows are stored. Asking whether all is known costs a few look-ups.
 */
export class LayoutBook {
  private readonly database: Database;
  private readonly known = new Map<string, Known>();
  private readonly buckets = new Map<number, Held>();
  private readonly tenants = new Map<string, Set<Layout>>();
  private group: Group | undefined;

  /** Reads what the catalog has. Throws `data_newer`. */
  constructor(database: Database) {
    this.database = database;
    const byId = new Map<bigint, Layout>();
    for (const { id, text } of database.all('SELECT id, text FROM layout')) {
      const layout = parseLayout(binary(text as Uint8Array));
      if (layout === undefined) throw unreadable();
      byId.set(id as bigint, layout);
      this.known.set(layout.text, { id: id as bigint, layout });
    }
    // Most buckets have the same services: equal sets are one, for memory and for readers.
    const sets = new Map<unknown, ReadonlySet<string>>();
    const setOf = (names: unknown): ReadonlySet<string> => {
      let set = sets.get(names);
      if (set === undefined)
        sets.set(names, (set = new Set(JSON.parse(String(names)) as string[])));
      return set;
    };
    const uses = database.all(
      'SELECT bucket, tenant, layout, services FROM layout_use' +
        ' JOIN bucket ON bucket.disk = layout_use.bucket ORDER BY bucket, layout',
    );
    for (const { bucket, tenant, layout, services } of uses) {
      const held = this.hold(Number(bucket), String(tenant));
      const known = must(byId.get(layout as bigint), 'a foreign key');
      this.remember(held, known, services === null ? undefined : setOf(services));
    }
  }

  /** The layouts of a bucket, none where it is new. */
  open({ disk, tenant }: Bucket): BucketLayouts {
    return this.hold(disk, tenant);
  }

  /** Distinct layouts of a tenant's buckets. */
  tenantCount(tenant: string): number {
    return this.tenants.get(tenant)?.size ?? 0;
  }

  /**
   * Notes the layouts. Undefined where all are known; else resolves once they are durable, together
   * with those of other batches. While one batch of a bucket waits those behind it wait too, so
   * that none overtakes another. Throws `layout_invalid`, which would be a fault of ours.
   */
  learn(bucket: BucketLayouts, uses: readonly LayoutUse[]): Promise<void> | undefined {
    const held = bucket as Held;
    if (this.group?.news.has(held) !== true && knows(held, uses)) return undefined;
    for (const { text } of uses) if (!this.known.has(text)) check(text);
    this.group ??= this.openGroup();
    const { news, done } = this.group;
    for (const { text, services } of uses) add(news, held, text, services);
    return done;
  }

  /** What comes until the event loop's next turn is written at once: a sync takes milliseconds. */
  private openGroup(): Group {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    setImmediate(() => this.write());
    return { news: new Map(), done: promise, resolve, reject };
  }

  private write(): void {
    const { news, resolve, reject } = must(this.group, 'a group is written once');
    this.group = undefined;
    try {
      const entries = entriesOf(news);
      const ids = new Map<string, bigint>();
      this.database.transaction(() => {
        for (const entry of entries) this.insert(entry, ids);
      });
      for (const [text, id] of ids) this.known.set(text, { id, layout: parsed(text) });
      for (const { held, text, services } of entries) {
        this.remember(held, this.layoutOf(text), services);
      }
      resolve(undefined);
    } catch (error) {
      reject(error);
    }
  }

  private insert({ held, text, services }: Entry, ids: Map<string, bigint>): void {
    let id = this.known.get(text)?.id ?? ids.get(text);
    if (id === undefined) {
      const sql = 'INSERT INTO layout (text) VALUES (?) RETURNING id';
      id = this.database.all(sql, bytesOf(text))[0]?.['id'] as bigint;
      ids.set(text, id);
    }
    this.database.all(
      'INSERT INTO layout_use VALUES (?, ?, ?)' +
        ' ON CONFLICT DO UPDATE SET services = excluded.services',
      held.disk,
      id,
      services === undefined ? null : JSON.stringify([...services].sort()),
    );
  }

  private layoutOf(text: string): Layout {
    return must(this.known.get(text), 'written before it is remembered').layout;
  }

  private remember(held: Held, layout: Layout, services: Use['services']): void {
    let use = held.byText.get(layout.text);
    if (use === undefined) {
      use = { layout, services };
      held.byText.set(layout.text, use);
      held.list.push(use);
      const ofTenant = this.tenants.get(held.tenant);
      if (ofTenant === undefined) this.tenants.set(held.tenant, new Set([layout]));
      else ofTenant.add(layout);
    } else {
      held.services -= use.services?.size ?? 0;
      use.services = services;
    }
    held.services += services?.size ?? 0;
  }

  private hold(disk: number, tenant: string): Held {
    let held = this.buckets.get(disk);
    if (held === undefined) {
      held = { disk, tenant, list: [], byText: new Map(), services: 0 };
      this.buckets.set(disk, held);
    }
    return held;
  }
}

const unreadable = (): MeshtrailError =>
  new MeshtrailError(
    'data_newer',
    'catalog.db has a layout that this program cannot read',
    'run the newer version that wrote it',
  );

const knows = (held: Held, uses: readonly LayoutUse[]): boolean => {
  for (const { text, services } of uses) {
    const use = held.byText.get(text);
    if (use !== undefined && use.services === undefined) continue;
    for (const service of services) if (use?.services?.has(service) !== true) return false;
  }
  return true;
};

/** What the catalog could not read after a restart never gets in. */
const check = (text: string): void => {
  if (/[^\0-\xff]/.test(text) || parseLayout(text) === undefined) {
    throw new MeshtrailError('layout_invalid', 'a batch names a layout that is none');
  }
};

const parsed = (text: string): Layout => must(parseLayout(text), 'checked before it is written');

/** Adds to a group what the bucket does not know; the bucket itself in any case. */
const add = (news: News, held: Held, text: string, services: readonly string[]): void => {
  let ofBucket = news.get(held);
  if (ofBucket === undefined) news.set(held, (ofBucket = new Map<string, Set<string>>()));
  const use = held.byText.get(text);
  if (use !== undefined && use.services === undefined) return;
  for (const service of services) {
    if (use?.services?.has(service) === true) continue;
    const fresh = ofBucket.get(text);
    if (fresh === undefined) ofBucket.set(text, new Set([service]));
    else fresh.add(service);
  }
};

/** Endless, or not UTF-8: no query could name it for certain. */
const isStrange = (service: string): boolean =>
  service.length > LIMITS.layoutServiceLength || service.includes('\ufffd');

/** The rows to write; what goes beyond a bound becomes a layout of any service. */
const entriesOf = (news: News): Entry[] => {
  const entries: Entry[] = [];
  for (const [held, ofBucket] of news) {
    let room = LIMITS.layoutUsesPerBucket - held.services;
    for (const [text, fresh] of ofBucket) {
      const before = held.byText.get(text)?.services;
      const services = before === undefined ? fresh : new Set([...before, ...fresh]);
      const fits =
        services.size <= LIMITS.servicesPerLayout &&
        fresh.size <= room &&
        ![...fresh].some(isStrange);
      entries.push({ held, text, services: fits ? services : undefined });
      room += fits ? -fresh.size : (before?.size ?? 0);
    }
  }
  return entries;
};
