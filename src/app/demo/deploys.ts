import { chanceOf, hashOf } from './chance.ts';
import { serviceOf, type Service, type ServiceName } from './services.ts';
import { US_PER_SECOND } from './stamp.ts';

/** One running copy of a service: a pod, or a program on a machine. */
export interface Instance {
  readonly service: Service;
  readonly version: string;
  /** Name of the pod or machine. */
  readonly pod: string;
  readonly node: string;
  readonly address: string;
}

export interface Deploy {
  readonly service: ServiceName;
  /** Counts the service's deploys. */
  readonly number: number;
  readonly timeUs: number;
}

/** One service gets a new version in each such slot of time, in turn. */
const SLOT_US = 25 * 60 * US_PER_SECOND;
/** Instances are replaced one after the other. */
export const ROLL_US = 20 * US_PER_SECOND;
/** Versions count from 2026. */
const FIRST_SLOT = Math.floor((Date.UTC(2026, 0, 1) * 1000) / SLOT_US);

const DEPLOYED: readonly ServiceName[] = [
  'storefront',
  'payments',
  'catalog',
  'cart',
  'fraud',
  'checkout',
  'search',
];

const turnOf = (slot: number): number => {
  const turns = DEPLOYED.length;
  return (((slot - FIRST_SLOT) % turns) + turns) % turns;
};

const startOf = (seed: number, slot: number): number => {
  const seconds = chanceOf(seed, 'deploy', slot).below(SLOT_US / US_PER_SECOND - 120);
  return slot * SLOT_US + (60 + seconds) * US_PER_SECOND;
};

const numberOf = (slot: number): number =>
  Math.max(0, Math.floor((slot - FIRST_SLOT) / DEPLOYED.length));

/** The deploy of the slot that holds a time. */
export const deployNear = (seed: number, timeUs: number): Deploy => {
  const slot = Math.floor(timeUs / SLOT_US);
  const service = DEPLOYED[turnOf(slot)] as ServiceName;
  return { service, number: numberOf(slot) + 1, timeUs: startOf(seed, slot) };
};

/** How often a service had been deployed at a time. */
const deploysBy = (seed: number, name: ServiceName, timeUs: number): number => {
  const turn = DEPLOYED.indexOf(name);
  if (turn < 0) return 0;
  const now = Math.floor(timeUs / SLOT_US);
  const back = (((turnOf(now) - turn) % DEPLOYED.length) + DEPLOYED.length) % DEPLOYED.length;
  const slot = now - back;
  const number = numberOf(slot);
  return back === 0 && timeUs < startOf(seed, slot) ? number : number + 1;
};

export const versionOf = (number: number): string => `3.${Math.floor(number / 10)}.${number % 10}`;

/** The letters and digits of Kubernetes' generated names: no vowels, so no words. */
const SAFE = 'bcdfghjklmnpqrstvwxz2456789';

const safeText = (length: number, ...key: readonly (string | number)[]): string => {
  const chance = chanceOf(...key);
  let text = '';
  while (text.length < length) text += SAFE[chance.below(SAFE.length)] ?? 'b';
  return text;
};

/** The hash that names the replica set of one deploy. */
export const replicaSetOf = (seed: number, name: string, number: number): string =>
  `${name}-${safeText(10, seed, 'set', name, number)}`;

const held = new Map<string, Instance>();
/** Each deploy makes a few names more; an hour needs about forty. */
const HELD = 512;

const makeInstance = (
  seed: number,
  service: Service,
  number: number,
  replica: number,
): Instance => {
  const { name, platform, network, cluster } = service;
  const hash = hashOf(seed, name, number, replica);
  const address = `${network}.${1 + (hash % 3)}.${4 + ((hash >>> 8) % 248)}`;
  const version = versionOf(number);
  if (platform === 'vm') {
    const machine = `${name}-0${replica + 1}`;
    return { service, version, pod: machine, node: machine, address };
  }
  const pod = `${replicaSetOf(seed, name, number)}-${safeText(5, seed, 'pod', name, number, replica)}`;
  return { service, version, pod, node: `${cluster}-node-${1 + (hash % 3)}`, address };
};

/** The instance that a replica of a service is at a time. */
export const instanceAt = (
  seed: number,
  name: ServiceName,
  replica: number,
  timeUs: number,
): Instance => {
  const number = deploysBy(seed, name, timeUs - replica * ROLL_US);
  const key = `${seed} ${name} ${number} ${replica}`;
  let instance = held.get(key);
  if (instance === undefined) {
    if (held.size >= HELD) held.clear();
    instance = makeInstance(seed, serviceOf(name), number, replica);
    held.set(key, instance);
  }
  return instance;
};
