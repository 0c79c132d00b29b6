import { Cloud } from './cloud.ts';
import type { AgentConfiguration } from './configuration.ts';
import type { AgentDoors } from './doors.ts';
import type { EventFields } from './input.ts';

/**
 * Labels of all events of the host: from its cloud, from the environment, from the configuration;
 * later ones win.
 */
export const agentFields = async (
  { cloud, labels, labelsFromEnvironment }: AgentConfiguration,
  { sockets, environment }: Pick<AgentDoors, 'sockets' | 'environment'>,
): Promise<EventFields> => {
  const known = cloud === 'off' ? {} : await new Cloud(sockets).labels(cloud);
  const told: Record<string, string> = {};
  for (const [label, variable] of Object.entries(labelsFromEnvironment)) {
    const value = environment.get(variable);
    if (value !== undefined && value !== '') told[label] = value;
  }
  return { ...known, ...told, ...labels };
};
