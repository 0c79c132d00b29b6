import type { ContainerOptions } from '../input-options.ts';
import type { EventFields, Input, InputDoors } from '../input.ts';
import { readAnnotations, type Wishes } from './annotations.ts';
import { assembleContainer } from './assemble-container.ts';
import { readContainerPath, type ContainerPlace } from './container-path.ts';
import { flushMsOf, joinOf } from './file-input.ts';
import { FollowInput } from './follow-input.ts';
import { Pods } from './kubernetes.ts';
import type { Pod } from './pod.ts';
import { newTally } from './reader.ts';
import type { Describe } from './sources.ts';

/** Files of container runtimes, with what is known of their pods. */
export const openContainers = async (
  options: ContainerOptions,
  doors: InputDoors,
): Promise<Input> => {
  const tally = newTally();
  const { kubernetes, name } = options;
  const pods = kubernetes === undefined ? undefined : new Pods(kubernetes, doors, tally);
  const askedMs = new Map<string, number>();

  /** The pod; undefined where there is none, or its metadata has not come in time. */
  const podOf = ({ namespace, pod }: ContainerPlace, path: string): Pod | 'later' | undefined => {
    if (pods === undefined || namespace === undefined || pod === undefined) return undefined;
    const found = pods.find(namespace, pod);
    if (found !== undefined) {
      askedMs.delete(path);
      return found;
    }
    const nowMs = doors.clock.monotonicMs();
    const sinceMs = askedMs.get(path) ?? nowMs;
    if (nowMs - sinceMs >= (kubernetes?.waitMs ?? 0)) return undefined;
    askedMs.set(path, sinceMs);
    return 'later';
  };

  const describe: Describe = (path) => {
    const place = readContainerPath(path);
    const pod = podOf(place, path);
    if (pod === 'later') return 'later';
    const wishes: Wishes = readAnnotations(pod?.annotations ?? {}, place.container ?? '');
    if (wishes.unknown.length > 0) {
      doors.log.warn('an annotation is not understood', { path, annotations: wishes.unknown });
    }
    if (wishes.exclude) return 'never';
    const multiline = wishes.multiline ?? options.multiline;
    const isProvisional = pod === undefined && pods !== undefined && place.pod !== undefined;
    return {
      source: {
        kind: 'container',
        path,
        fields: fieldsOf(path, place, pod, wishes, options),
        format: wishes.format ?? options.format,
      },
      assembling: {
        key: `${options.runtime} ${JSON.stringify(multiline)}`,
        flushMs: flushMsOf(multiline),
        make: () => assembleContainer(joinOf(multiline), options.runtime),
      },
      skipBytes: 0,
      isProvisional,
    };
  };
  const beside = pods === undefined ? undefined : (signal: AbortSignal) => pods.run(signal);
  return FollowInput.open({ kind: 'container', name, options, describe, beside, tally }, doors);
};

const fieldsOf = (
  path: string,
  place: ContainerPlace,
  pod: Pod | undefined,
  wishes: Wishes,
  { kubernetes }: ContainerOptions,
): EventFields => {
  const image = place.container === undefined ? undefined : pod?.images[place.container];
  const labels = pod?.labels ?? {};
  const service =
    wishes.service ?? labels['app.kubernetes.io/name'] ?? labels['app'] ?? pod?.workload;
  const fields: Record<string, string | undefined> = {
    service,
    namespace: place.namespace,
    pod: place.pod,
    container: place.container,
    workload: pod?.workload,
    node: pod?.node,
    version: labels['app.kubernetes.io/version'],
    'log.file.path': path,
    'k8s.pod.uid': place.podUid ?? pod?.uid,
    'k8s.workload.kind': pod?.workloadKind,
    'container.id': place.containerId,
    'container.image.name': image,
    ...chosen('k8s.pod.label.', labels, kubernetes?.labels ?? []),
    ...chosen('k8s.pod.annotation.', pod?.annotations ?? {}, kubernetes?.annotations ?? []),
  };
  return Object.fromEntries(
    Object.entries(fields).filter((one): one is [string, string] => (one[1] ?? '') !== ''),
  );
};

/** Those of `all` whose names are asked for: `name`, or `prefix*`. */
const chosen = (
  prefix: string,
  all: Readonly<Record<string, string>>,
  names: readonly string[],
): Record<string, string> => {
  const isWanted = (key: string): boolean =>
    names.some((name) => (name.endsWith('*') ? key.startsWith(name.slice(0, -1)) : name === key));
  return Object.fromEntries(
    Object.entries(all).flatMap(([key, value]) => (isWanted(key) ? [[prefix + key, value]] : [])),
  );
};
