import { US_PER_SECOND } from './stamp.ts';

const DAY_SECONDS = 86_400;
/** Hour of the day (UTC) at which the shop is quietest; it is busiest twelve hours later. */
const QUIET_HOUR = 3;
/** Load in the quietest hour. */
const QUIET_LOAD = 0.2;

/** The shop's daily load, from 0.2 at 03:00 to 1 at 15:00 UTC, as a cosine. */
export const loadAt = (timeUs: number): number => {
  const hours = ((timeUs / US_PER_SECOND) % DAY_SECONDS) / 3600;
  const wave = 0.5 - 0.5 * Math.cos((2 * Math.PI * (hours - QUIET_HOUR)) / 24);
  return QUIET_LOAD + (1 - QUIET_LOAD) * wave;
};
