import { chanceOf } from './chance.ts';
import type { ServiceName } from './services.ts';
import { US_PER_SECOND } from './stamp.ts';

/**
 * How a service fails:
 * - `refusing`: its port is closed; the caller's proxy says UF.
 * - `ejected`: no instance is healthy; the caller's proxy says UH.
 * - `hanging`: it does not answer in time; the caller's proxy says UT.
 * - `broken`: it answers 500, with an exception in its log.
 */
export type FaultMode = 'refusing' | 'ejected' | 'hanging' | 'broken';

export interface Fault {
  readonly service: ServiceName;
  readonly mode: FaultMode;
}

export interface Burst extends Fault {
  readonly startUs: number;
  readonly endUs: number;
}

/** One burst in each such slot of time, counted from 1970. */
export const SLOT_US = 20 * 60 * US_PER_SECOND;
export const BURST_US = 120 * US_PER_SECOND;

/** Those that others call, so that their failure crosses the mesh. */
const FRAGILE: readonly ServiceName[] = [
  'cart',
  'checkout',
  'catalog',
  'search',
  'payments',
  'fraud',
  'ledger',
];
const MODES: readonly FaultMode[] = ['refusing', 'ejected', 'hanging', 'broken'];

/** The burst of a slot: the same for the same seed. */
export const burstOf = (seed: number, slot: number): Burst => {
  const chance = chanceOf(seed, 'burst', slot);
  const seconds = chance.below((SLOT_US - BURST_US) / US_PER_SECOND);
  const startUs = slot * SLOT_US + seconds * US_PER_SECOND;
  return {
    service: chance.pick(FRAGILE),
    mode: chance.pick(MODES),
    startUs,
    endUs: startUs + BURST_US,
  };
};

/** The burst that is on at a time. */
export const burstAt = (seed: number, timeUs: number): Burst | undefined => {
  const slot = Math.floor(timeUs / SLOT_US);
  if (slot !== heldSlot || seed !== heldSeed || held === undefined) {
    held = burstOf(seed, slot);
    heldSlot = slot;
    heldSeed = seed;
  }
  return timeUs >= held.startUs && timeUs < held.endUs ? held : undefined;
};

let held: Burst | undefined;
let heldSlot = 0;
let heldSeed = 0;
