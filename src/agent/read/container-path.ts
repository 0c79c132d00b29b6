/** What the path of a container's file says of it. */
export interface ContainerPlace {
  readonly namespace?: string | undefined;
  readonly pod?: string | undefined;
  readonly podUid?: string | undefined;
  readonly container?: string | undefined;
  readonly containerId?: string | undefined;
}

/** /var/log/pods/NAMESPACE_POD_UID/CONTAINER/RESTARTS.log, rotated ones behind it. */
const PODS = /\/pods\/([^/_]+)_([^/_]+)_([^/_]+)\/([^/]+)\/\d+\.log[^/]*$/;
/** /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log */
const CONTAINERS = /\/containers\/([^/_]+)_([^/_]+)_([^/]+)-([0-9a-f]{64})\.log[^/]*$/;
/** /var/lib/docker/containers/ID/ID-json.log */
const DOCKER = /\/containers\/([0-9a-f]{64})\/\1-json\.log[^/]*$/;

/** Reads a path as kubelet ("Kubernetes: Logging Architecture") and Docker write them. */
export const readContainerPath = (path: string): ContainerPlace => {
  const pods = PODS.exec(path);
  if (pods !== null) {
    return { namespace: pods[1], pod: pods[2], podUid: pods[3], container: pods[4] };
  }
  const containers = CONTAINERS.exec(path);
  if (containers !== null) {
    const [, pod, namespace, container, containerId] = containers;
    return { namespace, pod, container, containerId };
  }
  return { containerId: DOCKER.exec(path)?.[1] };
};
