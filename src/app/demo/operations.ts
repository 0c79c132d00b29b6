import type { ServiceName } from './services.ts';

/** A call that an operation makes; calls are made one after the other. */
export interface Downstream {
  readonly operation: string;
  /** The caller does without it when it fails. */
  readonly optional?: true;
  /** The caller tries once more when it fails. */
  readonly again?: true;
}

/** Something that a service does on request. */
export interface Operation {
  readonly service: ServiceName;
  readonly method: 'GET' | 'POST';
  /** With holes that a journey's subject fills: {sku} {order} {user} {word} {asset}. */
  readonly path: string;
  /** Time that the service itself takes, ms (median). */
  readonly workMs: number;
  readonly responseBytes: number;
  /** What its program logs when it is done; same holes. */
  readonly message: string;
  readonly calls: readonly Downstream[];
}

const calling = (...operations: readonly string[]): Downstream[] =>
  operations.map((operation) => ({ operation }));

const operation = (
  service: ServiceName,
  route: `GET ${string}` | `POST ${string}`,
  workMs: number,
  responseBytes: number,
  message: string,
  calls: readonly Downstream[] = [],
): Operation => {
  const [method, path] = route.split(' ') as ['GET' | 'POST', string];
  return { service, method, path, workMs, responseBytes, message, calls };
};

const OPERATIONS: Readonly<Record<string, Operation>> = {
  // What customers ask for; the weights stand in ENTRIES.
  'edge.asset': operation('edge', 'GET /static/{asset}', 0.4, 24_000, ''),
  'edge.home': operation('edge', 'GET /', 0.5, 18_000, '', calling('storefront.home')),
  'edge.product': operation(
    'edge',
    'GET /product/{sku}',
    0.5,
    22_000,
    '',
    calling('storefront.product'),
  ),
  'edge.search': operation(
    'edge',
    'GET /search?q={word}',
    0.5,
    15_000,
    '',
    calling('storefront.search'),
  ),
  'edge.cart': operation('edge', 'POST /cart/items', 0.5, 700, '', calling('storefront.cart')),
  'edge.checkout': operation(
    'edge',
    'POST /checkout',
    0.5,
    1_100,
    '',
    calling('storefront.checkout'),
  ),
  'edge.order': operation(
    'edge',
    'GET /orders/{order}',
    0.5,
    3_100,
    '',
    calling('storefront.order'),
  ),

  'storefront.home': operation('storefront', 'GET /', 6, 18_000, 'request completed', [
    { operation: 'catalog.list' },
  ]),
  'storefront.product': operation(
    'storefront',
    'GET /product/{sku}',
    5,
    22_000,
    'request completed',
    [{ operation: 'catalog.product' }, { operation: 'search.similar', optional: true }],
  ),
  'storefront.search': operation(
    'storefront',
    'GET /search?q={word}',
    4,
    15_000,
    'request completed',
    calling('search.query'),
  ),
  'storefront.cart': operation(
    'storefront',
    'POST /cart/items',
    3,
    700,
    'request completed',
    calling('cart.add'),
  ),
  'storefront.checkout': operation(
    'storefront',
    'POST /checkout',
    5,
    1_100,
    'request completed',
    calling('checkout.place'),
  ),
  'storefront.order': operation(
    'storefront',
    'GET /orders/{order}',
    4,
    3_100,
    'request completed',
    calling('checkout.show'),
  ),

  'cart.add': operation(
    'cart',
    'POST /v1/carts/{user}/items',
    2,
    420,
    'item {sku} added',
    calling('catalog.price'),
  ),
  'cart.take': operation('cart', 'GET /v1/carts/{user}', 2, 900, 'cart of {user} read'),

  'checkout.place': operation(
    'checkout',
    'POST /api/v2/orders',
    14,
    1_000,
    'order {order} placed',
    [
      { operation: 'cart.take' },
      { operation: 'catalog.price' },
      { operation: 'payments.charge', again: true },
    ],
  ),
  'checkout.show': operation(
    'checkout',
    'GET /api/v2/orders/{order}',
    6,
    2_900,
    'order {order} shown',
    calling('ledger.read'),
  ),

  'catalog.list': operation('catalog', 'GET /v3/products?page=1', 18, 16_000, 'listed 48 products'),
  'catalog.product': operation('catalog', 'GET /v3/products/{sku}', 9, 5_200, 'product {sku} read'),
  'catalog.price': operation('catalog', 'GET /v3/prices/{sku}', 4, 180, 'price of {sku} read'),

  'search.query': operation(
    'search',
    'GET /query?q={word}&limit=24',
    22,
    13_000,
    'query answered from 6 shards',
  ),
  'search.similar': operation(
    'search',
    'GET /similar/{sku}',
    11,
    2_400,
    'similar products of {sku}',
  ),

  'payments.charge': operation(
    'payments',
    'POST /charges',
    32,
    640,
    'charge for {order} authorised',
    [{ operation: 'fraud.score' }, { operation: 'ledger.post' }],
  ),
  'fraud.score': operation('fraud', 'POST /score', 27, 120, 'scored order {order}'),

  'ledger.post': operation('ledger', 'POST /postings', 7, 210, 'posting written'),
  'ledger.read': operation('ledger', 'GET /postings?order={order}', 5, 1_400, 'postings read'),
};

export const operationOf = (name: string): Operation => {
  const found = OPERATIONS[name];
  if (found === undefined) throw new Error(`the demo has no operation ${name}`);
  return found;
};

/** What customers ask for, and how often of a hundred times. */
export const ENTRIES: readonly (readonly [string, number])[] = [
  ['edge.asset', 34],
  ['edge.home', 17],
  ['edge.product', 22],
  ['edge.search', 12],
  ['edge.cart', 7],
  ['edge.checkout', 4],
  ['edge.order', 4],
];
