import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
export {};
void WebSocketServer;
export type { IncomingMessage, Duplex };
