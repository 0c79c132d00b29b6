import { expect, test } from 'vitest';
import { dropsIn, udpDrops } from './udp-drops.ts';

const TABLE = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  127: 0100007F:1414 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12 2 0 17
  128: 00000000:1414 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 13 2 0 3
  129: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 14 2 0 99
`;

test('the sockets of a port are summed', () => {
  expect(dropsIn(TABLE, 5140)).toBe(20);
  expect(dropsIn(TABLE, 53)).toBe(99);
  expect(dropsIn(TABLE, 514)).toBe(0);
  expect(dropsIn('', 514)).toBe(0);
});

test('a port that nobody has lost nothing', () => {
  expect(udpDrops(1)).toBe(0);
});
