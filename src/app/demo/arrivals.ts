import { chanceOf, type Chance } from './chance.ts';
import { loadAt } from './curve.ts';
import type { Journey, Subject } from './journey.ts';
import { ENTRIES, operationOf } from './operations.ts';
import type { ServiceName } from './services.ts';
import { US_PER_SECOND } from './stamp.ts';
import { Walk } from './walk.ts';

export interface Shop {
  readonly seed: number;
  /** Requests per second at the busiest hour. */
  readonly rate: number;
}

/** Seconds of each minute at which a scripted request comes, so that every minute shows both. */
export const CHECK_SECOND = 15;
export const FAIL_SECOND = 40;
/** An outside monitor buys something every minute: its journey crosses every platform. */
export const MONITOR_AGENT = 'synthetic-checkout/1.8 (+https://status.shop.example)';

const BROWSERS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Safari/605.1.15',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'shop-ios/7.4.1 (iPhone17,2; iOS 19.1)',
  'okhttp/5.1.0',
];
const WORDS = [
  'lamp',
  'oak+table',
  'desk',
  'rug',
  'mirror',
  'bookshelf',
  'sofa',
  'm%C3%BCsli+bowl',
];
const ASSETS = [
  'app.4f1c2.js',
  'vendor.90ab1.js',
  'main.77d0e.css',
  'logo.svg',
  'hero.avif',
  'i.woff2',
];

/** Services that the scripted failures take in turn, each with a request that reaches it. */
const FAILING: readonly (readonly [ServiceName, string])[] = [
  ['checkout', 'edge.checkout'],
  ['catalog', 'edge.product'],
  ['cart', 'edge.cart'],
  ['storefront', 'edge.home'],
  ['payments', 'edge.checkout'],
  ['fraud', 'edge.checkout'],
  ['ledger', 'edge.order'],
];

/** How many come in one second where `mean` come on average (Knuth's method; means are small). */
const poisson = (chance: Chance, mean: number): number => {
  // Means above 500 would underflow; then a plain rounding is close enough.
  if (mean > 500) return Math.round(mean * (0.95 + 0.1 * chance.next()));
  const floor = Math.exp(-mean);
  let count = 0;
  for (let left = chance.next(); left > floor; left *= chance.next()) count++;
  return count;
};

const entryOf = (chance: Chance): string => {
  let left = chance.below(100);
  for (const [name, weight] of ENTRIES) {
    left -= weight;
    if (left < 0) return name;
  }
  return 'edge.home';
};

const subjectOf = (chance: Chance): Subject => ({
  sku: `SKU-${10_000 + chance.below(4_800)}`,
  order: `ord_${chance.hex(12)}`,
  user: `u-${100_000 + chance.below(60_000)}`,
  word: chance.pick(WORDS),
  asset: chance.pick(ASSETS),
});

interface Script {
  readonly entry: string;
  readonly userAgent?: string;
  readonly failing?: ServiceName;
}

const journeyOf = (shop: Shop, chance: Chance, startUs: number, script: Script): Journey => {
  const { entry, failing, userAgent } = script;
  const traceId = chance.hex(32);
  const requestId = chance.uuid();
  const subject = subjectOf(chance);
  const steady = userAgent !== undefined;
  const walk = new Walk({ seed: shop.seed, chance, steady, ...(failing && { failing }) });
  const asks = userAgent ?? chance.pick(BROWSERS);
  // Documentation's own addresses (RFC 5737) belong to nobody.
  const net = chance.pick(['203.0.113', '198.51.100', '192.0.2']);
  const clientAddress = `${net}.${1 + chance.below(254)}`;
  const root = walk.call(operationOf(entry), undefined, '', startUs);
  return { traceId, requestId, userAgent: asks, clientAddress, subject, root };
};

/**
 * The requests that come within one second, in their order. The same seed and rate give the same
 * ones for the same second, whatever was asked before.
 * @param second seconds since 1970
 */
export const arrivalsOf = (shop: Shop, second: number): Journey[] => {
  const chance = chanceOf(shop.seed, 'second', second);
  const startUs = second * US_PER_SECOND;
  const count = poisson(chance, shop.rate * loadAt(startUs));
  const scripts: { readonly atUs: number; readonly script: Script }[] = [];
  for (let i = 0; i < count; i++) {
    scripts.push({ atUs: chance.below(US_PER_SECOND), script: { entry: entryOf(chance) } });
  }
  const ofMinute = second % 60;
  if (ofMinute === CHECK_SECOND) {
    const script = { entry: 'edge.checkout', userAgent: MONITOR_AGENT };
    scripts.push({ atUs: chance.below(US_PER_SECOND), script });
  } else if (ofMinute === FAIL_SECOND) {
    const turn = Math.floor(second / 60) % FAILING.length;
    const [failing, entry] = FAILING[turn] as (typeof FAILING)[number];
    scripts.push({ atUs: chance.below(US_PER_SECOND), script: { entry, failing } });
  }
  scripts.sort((a, b) => a.atUs - b.atUs);
  return scripts.map(({ atUs, script }) => journeyOf(shop, chance, startUs + atUs, script));
};
