import type { Clock } from '../platform/clock.ts';
import type { Disk } from '../platform/disk.ts';
import type { Environment } from '../platform/environment.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { Sockets } from '../platform/sockets.ts';

/** Everything of the world that the agent may touch. */
export interface AgentDoors {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly sockets: Sockets;
  readonly random: Random;
  readonly environment: Environment;
  readonly log: Log;
  readonly hostName: string;
  readonly version: string;
}
