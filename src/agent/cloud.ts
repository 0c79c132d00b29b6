import type { Sockets } from '../platform/sockets.ts';
import type { EventFields } from './input.ts';

/**
 * Facts about the machine from its cloud's metadata service, under OpenTelemetry's names. Asked
 * once at the start, each with a short time, and only where the operator wants it: elsewhere the
 * address leads nowhere, or to somebody else.
 *
 * - AWS: IMDSv2 (EC2 User Guide, "Use the Instance Metadata Service"), a token and the identity
 *   document.
 * - Google Cloud: `metadata.google.internal`, `Metadata-Flavor: Google`.
 * - Azure: IMDS, `Metadata: true`, api-version 2021-02-01.
 */
export type CloudName = 'aws' | 'gcp' | 'azure';

const ADDRESS = 'http://169.254.169.254';
const TIMEOUT_MS = 1_500;
const TOKEN_S = '60';

type Facts = Readonly<Record<string, unknown>>;

export class Cloud {
  private readonly sockets: Sockets;
  private readonly address: string;

  /** @param address another one for tests */
  constructor(sockets: Sockets, address = ADDRESS) {
    this.sockets = sockets;
    this.address = address;
  }

  /** What the cloud says; nothing where it does not answer. Never rejects. */
  async labels(which: CloudName | 'auto'): Promise<EventFields> {
    const clouds: readonly CloudName[] = which === 'auto' ? ['aws', 'gcp', 'azure'] : [which];
    const answers = await Promise.all(
      clouds.map((cloud) => this.ask(cloud).catch(() => undefined)),
    );
    const found = answers.find((answer) => answer !== undefined) ?? {};
    return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== ''));
  }

  private ask(cloud: CloudName): Promise<EventFields | undefined> {
    if (cloud === 'aws') return this.aws();
    return cloud === 'gcp' ? this.gcp() : this.azure();
  }

  private async aws(): Promise<EventFields | undefined> {
    const token = await this.get('/latest/api/token', 'PUT', {
      'x-aws-ec2-metadata-token-ttl-seconds': TOKEN_S,
    });
    if (token === undefined) return undefined;
    const text = await this.get('/latest/dynamic/instance-identity/document', 'GET', {
      'x-aws-ec2-metadata-token': token,
    });
    if (text === undefined) return undefined;
    const facts = JSON.parse(text) as Facts;
    return {
      'cloud.provider': 'aws',
      'cloud.account.id': textOf(facts['accountId']),
      'cloud.region': textOf(facts['region']),
      'cloud.availability_zone': textOf(facts['availabilityZone']),
      'host.id': textOf(facts['instanceId']),
      'host.type': textOf(facts['instanceType']),
    };
  }

  private async gcp(): Promise<EventFields | undefined> {
    const path = '/computeMetadata/v1/instance/?recursive=true';
    const text = await this.get(path, 'GET', { 'metadata-flavor': 'Google' });
    if (text === undefined) return undefined;
    const facts = JSON.parse(text) as Facts;
    // projects/NUMBER/zones/europe-west1-b
    const [, project = '', , zone = ''] = textOf(facts['zone']).split('/');
    return {
      'cloud.provider': 'gcp',
      'cloud.account.id': project,
      'cloud.region': zone.replace(/-[a-z]$/, ''),
      'cloud.availability_zone': zone,
      'host.id': textOf(facts['id']),
      'host.type': textOf(facts['machineType']).split('/').at(-1) ?? '',
    };
  }

  private async azure(): Promise<EventFields | undefined> {
    const path = '/metadata/instance/compute?api-version=2021-02-01';
    const text = await this.get(path, 'GET', { metadata: 'true' });
    if (text === undefined) return undefined;
    const facts = JSON.parse(text) as Facts;
    return {
      'cloud.provider': 'azure',
      'cloud.account.id': textOf(facts['subscriptionId']),
      'cloud.region': textOf(facts['location']),
      'cloud.availability_zone': textOf(facts['zone']),
      'host.id': textOf(facts['vmId']),
      'host.type': textOf(facts['vmSize']),
    };
  }

  private async get(
    path: string,
    method: string,
    headers: Record<string, string>,
  ): Promise<string | undefined> {
    const answer = await this.sockets.fetch(`${this.address}${path}`, {
      method,
      headers,
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return answer.ok ? answer.text() : undefined;
  }
}

const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';
