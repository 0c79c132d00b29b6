import { z } from 'zod';

/** What is kept of a pod. */
export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  /** The Deployment, StatefulSet, DaemonSet, CronJob ... that it belongs to, and its kind. */
  readonly workload: string;
  readonly workloadKind: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** By container. */
  readonly images: Readonly<Record<string, string>>;
}

const texts = z.record(z.string(), z.string());
const shape = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    labels: texts.default({}),
    annotations: texts.default({}),
    ownerReferences: z
      .array(z.object({ kind: z.string(), name: z.string(), controller: z.boolean().optional() }))
      .default([]),
  }),
  spec: z
    .object({
      nodeName: z.string().default(''),
      containers: z
        .array(z.object({ name: z.string(), image: z.string().default('') }))
        .default([]),
    })
    .default({ nodeName: '', containers: [] }),
});

/** Reads a pod of the API; undefined where it is none. */
export const readPod = (object: unknown): Pod | undefined => {
  const found = shape.safeParse(object);
  if (!found.success) return undefined;
  const { metadata, spec } = found.data;
  const owner = metadata.ownerReferences.find(({ controller }) => controller === true);
  const hash = metadata.labels['pod-template-hash'];
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    node: spec.nodeName,
    ...workloadOf(owner, hash),
    labels: metadata.labels,
    annotations: metadata.annotations,
    images: Object.fromEntries(spec.containers.map(({ name, image }) => [name, image])),
  };
};

/** The owner's owner, by how controllers name what they make: no further question to the API. */
const workloadOf = (
  owner: { readonly kind: string; readonly name: string } | undefined,
  hash: string | undefined,
): { readonly workload: string; readonly workloadKind: string } => {
  if (owner === undefined) return { workload: '', workloadKind: '' };
  const { kind, name } = owner;
  if (kind === 'ReplicaSet' && hash !== undefined && name.endsWith(`-${hash}`)) {
    return { workload: name.slice(0, -hash.length - 1), workloadKind: 'Deployment' };
  }
  // CronJobs name their jobs by the minute that they were due in.
  const minute = /^(.+)-\d{8,}$/.exec(name)?.[1];
  if (kind === 'Job' && minute !== undefined) return { workload: minute, workloadKind: 'CronJob' };
  return { workload: name, workloadKind: kind };
};
