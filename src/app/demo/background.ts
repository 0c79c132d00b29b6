import { loggerOf } from './app-events.ts';
import { burstAt } from './bursts.ts';
import { chanceOf, hashOf, type Chance } from './chance.ts';
import {
  deployNear,
  instanceAt,
  replicaSetOf,
  ROLL_US,
  versionOf,
  type Deploy,
} from './deploys.ts';
import { klogLine, type KlogLevel } from './format/klog.ts';
import type { Journey, Visit } from './journey.ts';
import { appLine, inboundLines, type Line, type Source } from './lines.ts';
import type { Operation } from './operations.ts';
import { SERVICE_NAMES, serviceOf, type ServiceName } from './services.ts';
import { US_PER_SECOND } from './stamp.ts';

/** What a mesh says when nobody asks it anything: health checks, controllers, deploys. */

const PROBE_AGENT = 'kube-probe/1.34';
/** Seconds between two health checks of one pod. */
const PROBE_SECONDS = 10;

const inClusters = SERVICE_NAMES.filter((name) => serviceOf(name).platform !== 'vm');

const controllerOf = (cluster: string, service: string, container: string): Source => ({
  carrier: 'ndjson',
  mesh: 'none',
  service,
  namespace: 'kube-system',
  pod: `${service}-${cluster}-node-1`,
  container,
  node: `${cluster}-node-1`,
  cluster,
  stdio: 'stderr',
});

const MANAGERS = new Map(
  [...new Set(inClusters.map((name) => serviceOf(name).cluster))].map((cluster) => [
    cluster,
    controllerOf(cluster, 'kube-controller-manager', 'kube-controller-manager'),
  ]),
);

/** The lines of one second, whole times of which are `second` seconds since 1970. */
export const backgroundOf = (seed: number, second: number): Line[] => {
  const chance = chanceOf(seed, 'background', second);
  return [
    ...probes(seed, second, chance),
    ...controllers(second, chance),
    ...deploys(seed, second),
  ];
};

const probes = (seed: number, second: number, chance: Chance): Line[] =>
  inClusters.flatMap((name) =>
    [0, 1].flatMap((replica) => {
      if ((second + hashOf(name, replica)) % PROBE_SECONDS !== 0) return [];
      const startUs = second * US_PER_SECOND + chance.below(US_PER_SECOND / 2);
      return probe(seed, name, replica, startUs, chance);
    }),
  );

const probe = (
  seed: number,
  name: ServiceName,
  replica: number,
  startUs: number,
  chance: Chance,
): Line[] => {
  const instance = instanceAt(seed, name, replica, startUs);
  const operation: Operation = {
    service: name,
    method: 'GET',
    path: '/healthz',
    workMs: 1,
    responseBytes: 2,
    message: '',
    calls: [],
  };
  const burst = burstAt(seed, startUs);
  const ill = burst?.service === name && burst.mode !== 'broken';
  const workUs = Math.max(1, Math.round(chance.around(900, 0.4)));
  const visit: Visit = {
    operation,
    instance,
    caller: undefined,
    callerPort: 40_000 + chance.below(9_000),
    spanId: '',
    parentSpanId: '',
    startUs,
    appStartUs: startUs + 150,
    appEndUs: startUs + 150 + workUs,
    endUs: startUs + 300 + workUs,
    status: ill ? 503 : 200,
    requestBytes: 0,
    responseBytes: 2,
    calls: [],
    failure: 'none',
    slowQueryUs: 0,
  };
  const node = `${instance.service.network}.${instance.node.slice(-1)}.1`;
  const journey = {
    traceId: '',
    requestId: chance.uuid(),
    userAgent: PROBE_AGENT,
    clientAddress: node,
  };
  const lines = inboundLines({ ...NOBODY, ...journey }, visit);
  if (!ill) return lines;
  const source = MANAGERS.get(instance.service.cluster) as Source;
  const failed = klogLine(startUs, 'E', 'prober.go:118', 'Probe failed', {
    probeType: 'Readiness',
    pod: `${instance.service.namespace}/${instance.pod}`,
    containerName: name,
    probeResult: 'failure',
    output: 'HTTP probe failed with statuscode: 503',
  });
  return [...lines, { timeUs: visit.endUs, source, level: 'error', text: failed }];
};

/** A journey of nobody: health checks have no trace. */
const NOBODY: Omit<Journey, 'traceId' | 'requestId' | 'userAgent' | 'clientAddress'> = {
  subject: { sku: '', order: '', user: '', word: '', asset: '' },
  root: {
    operation: {
      service: 'edge',
      method: 'GET',
      path: '/',
      workMs: 0,
      responseBytes: 0,
      message: '',
      calls: [],
    },
    caller: undefined,
    callerPort: 0,
    upstream: undefined,
    startUs: 0,
    endUs: 0,
    status: 0,
    flags: '-',
    details: '-',
    transportFailure: '',
    visits: [],
  },
};

const ROUTINE: readonly (readonly [KlogLevel, string, string])[] = [
  ['I', 'replica_set.go:679', 'Finished syncing'],
  ['I', 'garbagecollector.go:549', 'Processing item'],
  ['I', 'endpointslice_controller.go:360', 'Finished syncing service endpoint slices'],
  ['I', 'horizontal.go:881', 'Successfully rescaled'],
  ['W', 'reflector.go:569', 'Watch closed, starting again'],
];

/** A controller says something every few seconds. */
const controllers = (second: number, chance: Chance): Line[] => {
  if (!chance.happens(0.3)) return [];
  const name = chance.pick(inClusters);
  const { cluster, namespace } = serviceOf(name);
  const [level, file, message] = chance.pick(ROUTINE);
  const timeUs = second * US_PER_SECOND + chance.below(US_PER_SECOND);
  const fields = {
    kind: 'ReplicaSet',
    key: `${namespace}/${name}`,
    duration: `${chance.below(40)}ms`,
  };
  const text = klogLine(timeUs, level, file, message, fields);
  const source = MANAGERS.get(cluster) as Source;
  return [{ timeUs, source, level: level === 'W' ? 'warn' : 'info', text }];
};

/** Both replicas of a deploy, one after the other: the new one starts, the old one ends. */
const deploys = (seed: number, second: number): Line[] => {
  const timeUs = second * US_PER_SECOND;
  const deploy = deployNear(seed, timeUs);
  return [0, 1].flatMap((replica) =>
    timeUs === deploy.timeUs + replica * ROLL_US ? roll(seed, deploy, replica, timeUs) : [],
  );
};

const roll = (seed: number, deploy: Deploy, replica: number, timeUs: number): Line[] => {
  const { service: name, number } = deploy;
  const service = serviceOf(name);
  const fresh = instanceAt(seed, name, replica, timeUs);
  const old = instanceAt(seed, name, replica, timeUs - US_PER_SECOND);
  const source = MANAGERS.get(service.cluster) as Source;
  const scaled = klogLine(timeUs, 'I', 'deployment_controller.go:221', 'Scaled up replica set', {
    deployment: `${service.namespace}/${name}`,
    replicaSet: replicaSetOf(seed, name, number),
    version: versionOf(number),
    replicas: replica + 1,
  });
  const logger = loggerOf(name);
  const say = (instance: typeof fresh, afterMs: number, message: string): Line =>
    appLine({ timeUs: timeUs + afterMs * 1000, level: 'info', logger, message, instance });
  return [
    { timeUs, source, level: 'info', text: scaled },
    say(fresh, 350, `starting ${name} ${fresh.version}`),
    say(fresh, 2_900, `listening on port ${service.port}`),
    say(old, 3_400, 'received SIGTERM, finishing what is under way'),
    say(old, 5_100, `${name} ${old.version} stopped`),
  ];
};
