import { LIMITS } from '../model/limits.ts';
import type { Heard, Source, SourceGap, SourceKey } from '../model/source.ts';
import type { Clock, Timer } from '../platform/clock.ts';

/** Where sources are kept between starts. */
export interface SourceShelf {
  load(): Source[];
  /** Writes these, over what was there under the same key. */
  save(sources: readonly Source[]): void;
  forget(source: SourceKey): void;
}

/** Sources that changed are written together after this time, ms. */
const WRITE_MS = 5_000;
/** Agents told apart at one address; further ones are `other`: a header can be forged. */
const AGENTS = 32;
const OTHER = 'other';
/** Reasons and gaps kept of a source. */
const REASONS = 64;
const GAPS = 100;
/** Longest agent or identity that is kept. */
const NAME_CHARACTERS = 256;

const nameOf = ({ tenant, protocol, address, identity, agent }: SourceKey): string =>
  `${tenant}\n${protocol}\n${address}\n${identity}\n${agent}`;

const cut = (text: string): string =>
  text.length > NAME_CHARACTERS ? text.slice(0, NAME_CHARACTERS) : text;

/**
 * Every sender ever heard, bounded: when there are too many, one that never brought a record goes
 * first, then the one that has been silent longest.
 */
export class Sources {
  private readonly shelf: SourceShelf;
  private readonly clock: Clock;
  private readonly known = new Map<string, Source>();
  private readonly agents = new Map<string, Set<string>>();
  private readonly changed = new Set<Source>();
  private timer: Timer | undefined;

  constructor(shelf: SourceShelf, clock: Clock) {
    this.shelf = shelf;
    this.clock = clock;
    for (const source of shelf.load()) this.known.set(nameOf(source), source);
  }

  /** Notes what a source sent. */
  heard(key: SourceKey, heard: Heard): void {
    const source = this.find(key, heard);
    source.encrypted = heard.encrypted;
    if (heard.observedNs > source.lastNs) source.lastNs = heard.observedNs;
    source.records += heard.records;
    source.bytes += heard.bytes;
    const { newestNs } = heard;
    if (newestNs !== undefined) {
      source.lagNs = newestNs < heard.observedNs ? heard.observedNs - newestNs : 0n;
    }
    for (const { reason, count, sample } of heard.rejects) {
      const held = source.rejects.get(reason);
      if (held !== undefined) {
        held.count += count;
        held.sample = sample;
      } else if (source.rejects.size < REASONS) source.rejects.set(reason, { count, sample });
    }
    this.note(source);
  }

  /** Notes numbers that a source left out. */
  gap(key: SourceKey, heard: Heard, gap: SourceGap): void {
    const source = this.find(key, heard);
    if (source.gaps.length >= GAPS) source.gaps.shift();
    source.gaps.push(gap);
    this.note(source);
  }

  /** A tenant's sources, those heard last first. */
  of(tenant: string): Source[] {
    return [...this.known.values()]
      .filter((source) => source.tenant === tenant)
      .sort((a, b) => (a.lastNs < b.lastNs ? 1 : a.lastNs > b.lastNs ? -1 : 0));
  }

  stop(): void {
    this.timer?.cancel();
    this.write();
  }

  private find(key: SourceKey, { observedNs, encrypted }: Heard): Source {
    const bounded = this.bounded(key);
    const name = nameOf(bounded);
    const found = this.known.get(name);
    if (found !== undefined) return found;
    if (this.known.size >= LIMITS.sources) this.forgetOne();
    const source: Source = {
      ...bounded,
      encrypted,
      firstNs: observedNs,
      lastNs: observedNs,
      records: 0,
      bytes: 0,
      lagNs: 0n,
      rejects: new Map(),
      gaps: [],
    };
    this.known.set(name, source);
    return source;
  }

  private bounded(key: SourceKey): SourceKey {
    const agent = cut(key.agent);
    const place = `${key.tenant}\n${key.protocol}\n${key.address}`;
    let agents = this.agents.get(place);
    if (agents === undefined) {
      agents = new Set();
      if (this.agents.size >= LIMITS.sources) this.agents.clear();
      this.agents.set(place, agents);
    }
    if (!agents.has(agent) && agents.size < AGENTS) agents.add(agent);
    const { tenant, protocol, address } = key;
    const shown = agents.has(agent) ? agent : OTHER;
    return { tenant, protocol, address, identity: cut(key.identity), agent: shown };
  }

  private forgetOne(): void {
    let oldest: Source | undefined;
    for (const source of this.known.values()) {
      const isLess =
        oldest === undefined ||
        (source.records === 0) > (oldest.records === 0) ||
        ((source.records === 0) === (oldest.records === 0) && source.lastNs < oldest.lastNs);
      if (isLess) oldest = source;
    }
    if (oldest === undefined) return;
    this.known.delete(nameOf(oldest));
    this.changed.delete(oldest);
    this.shelf.forget(oldest);
  }

  private note(source: Source): void {
    this.changed.add(source);
    this.timer ??= this.clock.setTimer(WRITE_MS, () => this.write());
  }

  private write(): void {
    this.timer = undefined;
    if (this.changed.size === 0) return;
    const changed = [...this.changed];
    this.changed.clear();
    this.shelf.save(changed);
  }
}
