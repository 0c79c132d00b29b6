import type { Server, Socket } from 'node:net';
import type { Socket as UdpSocket } from 'node:dgram';
import { SyslogFrames, type HeldBytes } from '../../ingest/decode/syslog-frames.ts';
import { MeshtrailError } from '../../model/errors.ts';
import { LIMITS } from '../../model/limits.ts';
import { errorCode } from '../../platform/disk.ts';
import type { SyslogOptions } from '../input-options.ts';
import type { Emit, Input, InputDoors } from '../input.ts';
import { Gathered } from './frames.ts';
import { liveInput } from './live-input.ts';
import { count, newTally, type Tally } from './reader.ts';

/**
 * A relay for syslog of this host and its neighbours: a source for each sender's address. TCP
 * senders are not read from while theirs are under way; datagrams that find no room are counted.
 */
export const openSyslog = (options: SyslogOptions, doors: InputDoors): Input => {
  const tally = newTally();
  let relay: Relay | undefined;
  return liveInput({
    ...{ name: options.name, kind: 'syslog', tally },
    async run(emit, signal) {
      const running = new Relay(options, doors, emit, tally);
      relay = running;
      try {
        await running.listen();
        await Promise.race([running.failed, aborted(signal)]);
      } finally {
        await running.close();
      }
    },
    sources: () => relay?.senders.size ?? 0,
    open: () => relay?.sockets.size ?? 0,
  });
};

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

const OTHERS = 'others';

class Relay {
  readonly senders = new Map<string, Gathered>();
  readonly sockets = new Set<Socket>();
  /** Rejects with what `emit` rejects with. */
  readonly failed: Promise<never>;
  private readonly held: HeldBytes = { total: 0 };
  private readonly servers: Server[] = [];
  private readonly datagrams: UdpSocket[] = [];
  private readonly options: SyslogOptions;
  private readonly doors: InputDoors;
  private readonly emit: Emit;
  private readonly tally: Tally;
  private fail: (error: unknown) => void = () => undefined;

  constructor(options: SyslogOptions, doors: InputDoors, emit: Emit, tally: Tally) {
    this.options = options;
    this.doors = doors;
    this.emit = emit;
    this.tally = tally;
    this.failed = new Promise((_resolve, reject) => (this.fail = reject));
    this.failed.catch(() => undefined);
  }

  /** Rejects with `listen_failed`. */
  async listen(): Promise<void> {
    for (const { transport, host, port } of this.options.listen) {
      try {
        await (transport === 'tcp' ? this.listenTcp(host, port) : this.listenUdp(host, port));
      } catch (error) {
        throw new MeshtrailError(
          'listen_failed',
          `${transport} ${host}:${port} cannot be opened (${errorCode(error) ?? 'unknown'})`,
          'stop what has it, or choose another',
          { cause: error },
        );
      }
    }
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    for (const datagrams of this.datagrams) datagrams.close();
    await Promise.all(
      this.servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
    await Promise.all([...this.senders.values()].map((sender) => sender.flush())).catch(this.fail);
  }

  private async listenTcp(host: string, port: number): Promise<void> {
    const server = this.doors.sockets.tcpServer({}, (socket) => this.connected(socket));
    server.maxConnections = LIMITS.agentConnections;
    this.servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  }

  private async listenUdp(host: string, port: number): Promise<void> {
    const socket = this.doors.sockets.udpSocket(host.includes(':') ? 'udp6' : 'udp4');
    this.datagrams.push(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(port, host, resolve);
    });
    socket.on('message', (bytes, { address }) => this.datagram(bytes, address));
  }

  private connected(socket: Socket): void {
    this.sockets.add(socket);
    const sender = this.senderAt(socket.remoteAddress ?? '');
    const frames = new SyslogFrames(this.held);
    const onFrame = (buf: Uint8Array, start: number, end: number, cutBytes: number): void => {
      this.count(end - start, cutBytes > 0);
      sender.add(buf, start, end, cutBytes > 0);
    };
    socket.setTimeout(LIMITS.idleConnectionMs, () => socket.destroy());
    // Broken connections are usual; what came whole is kept.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.sockets.delete(socket);
      frames.end(onFrame);
      sender.flush().catch(this.fail);
    });
    socket.on('data', (bytes) => {
      frames.feed(bytes, onFrame);
      const flushed = sender.flush();
      flushed.catch(this.fail);
      if (sender.heldBytes < LIMITS.streamWindowBytes) return;
      socket.pause();
      void flushed.then(() => socket.resume());
    });
  }

  private datagram(bytes: Buffer, address: string): void {
    const sender = this.senderAt(address);
    let end = bytes.length;
    if (end > 0 && bytes[end - 1] === 0) end--;
    if (end > 0 && bytes[end - 1] === 0x0a) end--;
    if (end === 0) return;
    if (sender.heldBytes + end > LIMITS.agentRelayBytes) {
      count(this.tally.drops, 'udp_no_room');
      return;
    }
    this.count(end, false);
    sender.add(bytes, 0, end, false);
    sender.flush().catch(this.fail);
  }

  private count(bytes: number, isCut: boolean): void {
    this.tally.events++;
    this.tally.readBytes += bytes;
    if (isCut) count(this.tally.drops, 'line_cut');
  }

  private senderAt(address: string): Gathered {
    const isKnown = this.senders.has(address) || this.senders.size < LIMITS.agentPeers;
    const peer = isKnown ? address.replace(/^::ffff:/, '') : OTHERS;
    let sender = this.senders.get(peer);
    if (sender === undefined) {
      const { name } = this.options;
      const fields = peer === OTHERS ? {} : { 'syslog.peer': peer };
      const source = {
        ...({ id: `syslog-${name}-${peer}`, input: name, kind: 'syslog' } as const),
        ...{ path: peer, fields },
      };
      sender = new Gathered(source, this.emit, this.doors.clock);
      this.senders.set(peer, sender);
    }
    return sender;
  }
}
