import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import * as net from 'node:net';
import * as tls from 'node:tls';

/**
 * The only door to the network: Node's own servers and sockets, made here and nowhere else.
 * Their types are Node's; take them with `import type` from node:http, node:net and so on.
 */
export interface Sockets {
  httpServer(options: http.ServerOptions): http.Server;
  httpsServer(options: https.ServerOptions): https.Server;
  /** HTTP/2 in clear text with prior knowledge, as gRPC speaks it without TLS. */
  http2Server(options: http2.ServerOptions): http2.Http2Server;
  http2SecureServer(options: http2.SecureServerOptions): http2.Http2SecureServer;
  tcpServer(options: net.ServerOpts, onSocket: (socket: net.Socket) => void): net.Server;
  tlsServer(options: tls.TlsOptions, onSocket: (socket: tls.TLSSocket) => void): tls.Server;
  udpSocket(family: 'udp4' | 'udp6'): UdpSocket;
  connectTcp(options: net.NetConnectOpts): net.Socket;
  connectTls(options: tls.ConnectionOptions): tls.TLSSocket;
  /** The caller listens for `response` and `error`, writes the body and ends the request. */
  request(url: URL, options: https.RequestOptions): http.ClientRequest;
  /** The web's fetch, for calls where streaming and agents do not matter. */
  fetch(url: string | URL, options?: RequestInit): Promise<Response>;
}

/** The machine's own network. */
export const systemSockets: Sockets = {
  httpServer: (options) => http.createServer(options),
  httpsServer: (options) => https.createServer(options),
  http2Server: (options) => http2.createServer(options),
  http2SecureServer: (options) => http2.createSecureServer(options),
  tcpServer: (options, onSocket) => net.createServer(options, onSocket),
  tlsServer: (options, onSocket) => tls.createServer(options, onSocket),
  udpSocket: (family) => createSocket({ type: family }),
  connectTcp: (options) => net.connect(options),
  connectTls: (options) => tls.connect(options),
  request: (url, options) =>
    url.protocol === 'https:' ? https.request(url, options) : http.request(url, options),
  fetch: (url, options) => fetch(url, options),
};

/** Agents keep connections open between requests; at most `maxSockets` per host. */
export function keepAliveAgent(protocol: 'http:' | 'https:', maxSockets: number): http.Agent {
  const options = { keepAlive: true, maxSockets };
  return protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
}

/** An address is this machine's own (127.0.0.0/8 or ::1), with or without IPv4 mapping. */
export function isLoopback(address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  if (net.isIPv4(plain)) return plain.startsWith('127.');
  return plain === '::1' || plain === 'localhost';
}

/** 4, 6, or 0 when the text is no IP address. */
export function ipVersion(text: string): 0 | 4 | 6 {
  const version = net.isIP(text);
  return version === 4 || version === 6 ? version : 0;
}
