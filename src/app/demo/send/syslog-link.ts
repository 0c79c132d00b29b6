import type { Socket } from 'node:net';
import type { Clock } from '../../../platform/clock.ts';
import type { Sockets } from '../../../platform/sockets.ts';
import type { Line } from '../lines.ts';
import { syslogFrame } from './syslog.ts';

/** Pause before a lost connection is opened again, ms. */
const REOPEN_MS = 500;

/**
 * One syslog connection. TCP holds the writer back while the server is busy; a batch under way when
 * the connection breaks is sent again, since syslog acknowledges nothing.
 */
export class SyslogLink {
  private readonly sockets: Sockets;
  private readonly clock: Clock;
  private readonly host: string;
  private readonly port: number;
  private readonly signal: AbortSignal;
  private socket: Socket | undefined;

  constructor(
    sockets: Sockets,
    clock: Clock,
    address: { readonly host: string; readonly port: number },
    signal: AbortSignal,
  ) {
    this.sockets = sockets;
    this.clock = clock;
    this.host = address.host;
    this.port = address.port;
    this.signal = signal;
  }

  /** Resolves when the system has taken all bytes; the number of lines, 0 when told to stop. */
  async send(lines: readonly Line[]): Promise<number> {
    const bytes = Buffer.concat(lines.map(syslogFrame));
    while (!this.signal.aborted) {
      try {
        this.socket ??= await this.connect();
        await this.write(this.socket, bytes);
        return lines.length;
      } catch {
        this.socket?.destroy();
        this.socket = undefined;
        await this.clock.sleep(REOPEN_MS, this.signal);
      }
    }
    return 0;
  }

  /** Ends the connection; what was written still arrives. */
  async close(): Promise<void> {
    const { socket } = this;
    this.socket = undefined;
    if (socket === undefined || socket.destroyed) return;
    if (this.signal.aborted) {
      socket.destroy();
      return;
    }
    await new Promise<void>((resolve) => socket.end(() => resolve()));
  }

  private connect(): Promise<Socket> {
    const { host, port, signal } = this;
    return new Promise((resolve, reject) => {
      const socket = this.sockets.connectTcp({ host, port, signal });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        // Nothing is read; a broken connection shows at the next write.
        socket.on('error', () => {});
        socket.resume();
        resolve(socket);
      });
    });
  }

  private write(socket: Socket, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const closed = (): void => reject(new Error('the connection was closed'));
      socket.once('close', closed);
      socket.write(bytes, (error) => {
        socket.off('close', closed);
        if (error) reject(error);
        else resolve();
      });
    });
  }
}
