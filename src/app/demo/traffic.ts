import { arrivalsOf, type Shop } from './arrivals.ts';
import { backgroundOf } from './background.ts';
import type { Journey } from './journey.ts';
import { linesOf, type Line } from './lines.ts';
import { US_PER_SECOND } from './stamp.ts';

/** Longest journey, s: lines of requests that began before the start are not missed. */
export const LONGEST_SECONDS = 15;

/** The shop's lines in the order of their times, from a start on. Pure: it has no clock. */
export class Traffic {
  private readonly shop: Shop;
  private readonly onJourney: (journey: Journey) => void;
  private readonly startUs: number;
  private nextSecond: number;
  /** Lines of requests still under way, written later than what was asked for so far. */
  private ahead: Line[] = [];

  /** @param onJourney is shown every journey that begins at or after the start */
  constructor(shop: Shop, startUs: number, onJourney: (journey: Journey) => void = () => {}) {
    this.shop = shop;
    this.onJourney = onJourney;
    this.startUs = startUs;
    this.nextSecond = Math.floor(startUs / US_PER_SECOND) - LONGEST_SECONDS;
  }

  /** The next lines, up to but not including `untilUs`. Call with growing times. */
  linesUntil(untilUs: number): Line[] {
    const lines = this.ahead;
    while (this.nextSecond * US_PER_SECOND < untilUs) {
      for (const line of this.second(this.nextSecond++)) {
        if (line.timeUs >= this.startUs) lines.push(line);
      }
    }
    lines.sort((a, b) => a.timeUs - b.timeUs);
    const first = lines.findIndex(({ timeUs }) => timeUs >= untilUs);
    this.ahead = first < 0 ? [] : lines.slice(first);
    return first < 0 ? lines : lines.slice(0, first);
  }

  private second(second: number): Line[] {
    const journeys = arrivalsOf(this.shop, second);
    const lines = backgroundOf(this.shop.seed, second);
    for (const journey of journeys) {
      lines.push(...linesOf(journey));
      if (journey.root.startUs >= this.startUs) this.onJourney(journey);
    }
    return lines;
  }
}
