import { readFileSync } from 'node:fs';

/** Where Linux lists its UDP sockets; the last column counts what did not fit their buffers. */
const TABLES = ['/proc/net/udp', '/proc/net/udp6'];

/** Datagrams for a local port that the kernel threw away, as far as it tells; else 0. */
export const udpDrops = (port: number): number => {
  let drops = 0;
  for (const table of TABLES) drops += dropsIn(readTable(table), port);
  return drops;
};

/** Of the text of such a table (proc_net_udp(5)). */
export const dropsIn = (text: string, port: number): number => {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  let drops = 0;
  for (const row of text.split('\n').slice(1)) {
    const fields = row.trim().split(/\s+/);
    if (fields[1]?.split(':')[1] === wanted) drops += Number(fields.at(-1)) || 0;
  }
  return drops;
};

const readTable = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
};
