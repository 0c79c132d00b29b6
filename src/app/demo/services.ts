/** The made-up shop: which services there are, where they run and how they log. */
export type Platform = 'istio' | 'linkerd' | 'consul' | 'vm';

/** How a service's own program logs (format/*.ts). */
export type Runtime = 'nginx' | 'node' | 'java' | 'go' | 'python' | 'logfmt';

export interface Service {
  readonly name: string;
  readonly platform: Platform;
  readonly runtime: Runtime;
  /** Kubernetes namespace; '' on virtual machines. */
  readonly namespace: string;
  /** Name of the cluster, or of the group of machines. */
  readonly cluster: string;
  readonly port: number;
  readonly replicas: number;
  /** First numbers of its instances' addresses. */
  readonly network: string;
}

const inCluster = (platform: Platform, namespace: string, cluster: string, network: string) => ({
  platform,
  namespace,
  cluster,
  network,
  replicas: 2,
});

const ISTIO = inCluster('istio', 'shop', 'shop-eu-1', '10.12');
const LINKERD = inCluster('linkerd', 'catalog', 'catalog-eu-1', '10.24');
const CONSUL = inCluster('consul', 'payments', 'pay-eu-1', '10.36');
const VM = inCluster('vm', '', 'dc-frankfurt', '192.168');

const SERVICES = {
  edge: { ...VM, runtime: 'nginx', port: 443 },
  storefront: { ...ISTIO, runtime: 'node', port: 3000 },
  cart: { ...ISTIO, runtime: 'go', port: 8081 },
  checkout: { ...ISTIO, runtime: 'java', port: 8080 },
  catalog: { ...LINKERD, runtime: 'python', port: 8000 },
  search: { ...LINKERD, runtime: 'go', port: 8082 },
  payments: { ...CONSUL, runtime: 'java', port: 8443 },
  fraud: { ...CONSUL, runtime: 'python', port: 8001 },
  ledger: { ...VM, runtime: 'logfmt', port: 9090 },
} as const;

export type ServiceName = keyof typeof SERVICES;

export const SERVICE_NAMES = Object.keys(SERVICES) as readonly ServiceName[];

const byName = new Map<string, Service>(
  Object.entries(SERVICES).map(([name, service]) => [name, { name, ...service }]),
);

export const serviceOf = (name: ServiceName): Service => byName.get(name) as Service;

/** The name under which others call it. */
export const hostOf = ({ name, platform, namespace }: Service): string => {
  if (platform === 'vm') return `${name}.internal.example`;
  if (platform === 'consul') return `${name}.virtual.consul`;
  return `${name}.${namespace}.svc.cluster.local`;
};
