import type { LayoutUse } from '../../model/batch.ts';
import { MeshtrailError, must } from '../../model/errors.ts';
import { binary, bytesOf, parseLayout, type Layout } from '../../model/layout.ts';
import { LIMITS } from '../../model/limits.ts';
import type { Bucket, BucketLayout } from '../../model/storage.ts';
import type { Database } from '../../platform/sqlite.ts';

/** Keeps a leading byte order mark: names are compared as they are. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** The layouts of one bucket. */
export interface BucketLayouts {
  /** Grows; never another array. */
  readonly list: readonly BucketLayout[];
}

interface Use {
  readonly layout: Layout;
  services: Set<string> | undefined;
}

interface Held extends BucketLayouts {
  readonly bucket: string;
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

/** One layout's new rows; `services` undefined: from now on it is everybody's. */
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
  private readonly buckets = new Map<string, Held>();
  private readonly tenants = new Map<string, Set<Layout>>();
  /** One string for each service, however many layouts it uses. */
  private readonly names = new Map<string, string>();
  private group: Group | undefined;

  /** Reads what the catalog has. Throws `data_newer`. */
  constructor(database: Database) {
    this.database = database;
    const byId = new Map<bigint, Layout>();
    for (const row of database.all('SELECT id, text FROM layout')) {
      const [id, text] = [row['id'] as bigint, binary(row['text'] as Uint8Array)];
      const layout = parseLayout(text);
      if (layout === undefined) {
        throw new MeshtrailError(
          'data_newer',
          'catalog.db has a layout that this program cannot read',
          'run the newer version that wrote it',
        );
      }
      byId.set(id, layout);
      this.known.set(text, { id, layout });
    }
    const uses = database.all(
      'SELECT bucket, tenant, layout, any_service, service FROM layout_use' +
        ' JOIN bucket ON bucket.id = layout_use.bucket ORDER BY bucket, layout',
    );
    for (const row of uses) {
      const held = this.hold(String(row['bucket']), String(row['tenant']));
      const layout = must(byId.get(row['layout'] as bigint), 'a foreign key');
      const services = new Set([utf8.decode(row['service'] as Uint8Array)]);
      this.remember(held, layout, row['any_service'] === 1n ? undefined : services);
    }
  }

  /** The layouts of a bucket, none where it is new. */
  open({ id, tenant }: Bucket): BucketLayouts {
    return this.hold(id, tenant);
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
    const insert = 'INSERT INTO layout_use VALUES (?, ?, ?, ?)';
    const { bucket } = held;
    if (services === undefined) {
      this.database.all('DELETE FROM layout_use WHERE bucket = ? AND layout = ?', bucket, id);
      this.database.all(insert, bucket, id, 1n, bytesOf(''));
      return;
    }
    for (const service of services) {
      this.database.all(insert, bucket, id, 0n, Buffer.from(service));
    }
  }

  private layoutOf(text: string): Layout {
    return must(this.known.get(text), 'written before it is remembered').layout;
  }

  /** `services` undefined: any. */
  private remember(held: Held, layout: Layout, services: ReadonlySet<string> | undefined): void {
    let use = held.byText.get(layout.text);
    if (use === undefined) {
      use = { layout, services: new Set() };
      held.byText.set(layout.text, use);
      held.list.push(use);
      const { tenant } = held;
      const ofTenant = this.tenants.get(tenant);
      if (ofTenant === undefined) this.tenants.set(tenant, new Set([layout]));
      else ofTenant.add(layout);
    }
    held.services -= use.services?.size ?? 0;
    if (services === undefined) use.services = undefined;
    for (const service of services ?? []) use.services?.add(this.nameOf(service));
    held.services += use.services?.size ?? 0;
  }

  private nameOf(service: string): string {
    const name = this.names.get(service);
    if (name !== undefined) return name;
    if (this.names.size >= LIMITS.layoutUsesPerBucket) this.names.clear();
    this.names.set(service, service);
    return service;
  }

  private hold(bucket: string, tenant: string): Held {
    let held = this.buckets.get(bucket);
    if (held === undefined) {
      held = { bucket, tenant, list: [], byText: new Map(), services: 0 };
      this.buckets.set(bucket, held);
    }
    return held;
  }
}

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

/** The rows to write; what goes beyond a bound becomes a layout of any service. */
const entriesOf = (news: News): Entry[] => {
  const entries: Entry[] = [];
  for (const [held, ofBucket] of news) {
    let room = LIMITS.layoutUsesPerBucket - held.services;
    for (const [text, fresh] of ofBucket) {
      const before = held.byText.get(text)?.services?.size ?? 0;
      const fits =
        before + fresh.size <= LIMITS.servicesPerLayout &&
        fresh.size <= room &&
        ![...fresh].some((service) => service.length > LIMITS.layoutServiceLength);
      entries.push({ held, text, services: fits ? fresh : undefined });
      room += fits ? -fresh.size : before;
    }
  }
  return entries;
};
