import { once } from 'node:events';
import { expect, test } from 'vitest';
import * as processes from './processes.ts';

test('starts a program, signals it, and knows when it is gone', async () => {
  const words = ['-e', 'setTimeout(() => {}, 60_000)'];
  const child = processes.startProgram(processes.nodeProgram(), words, { stdio: 'ignore' });
  const pid = child.pid ?? 0;
  expect(processes.sendSignal(pid, 0)).toBe(true);
  expect(processes.sendSignal(pid, 'SIGTERM')).toBe(true);
  expect(await once(child, 'exit')).toEqual([null, 'SIGTERM']);
  expect(processes.sendSignal(pid, 0)).toBe(false);
});

test.runIf(process.platform === 'linux')('reads what a process uses from /proc', async () => {
  const usage = await processes.usageOf(processes.processId);
  const apart = (usage?.residentBytes ?? 0) / processes.residentBytes();
  expect(apart).toBeGreaterThan(0.5);
  expect(apart).toBeLessThan(2);
  expect(Math.abs((usage?.cpuMs ?? 0) - processes.cpuMs())).toBeLessThan(1_000);
  expect(await processes.usageOf(0x7fff_fff0)).toBeUndefined();
});

test('a handled signal does not kill, and the handler can be taken back', async () => {
  const seen: string[] = [];
  const stop = processes.onSignals(['SIGUSR2'], (signal) => seen.push(signal));
  processes.sendSignal(processes.processId, 'SIGUSR2');
  await expect.poll(() => seen).toEqual(['SIGUSR2']);
  const listeners = process.listenerCount('SIGUSR2');
  stop();
  expect(process.listenerCount('SIGUSR2')).toBe(listeners - 1);
});

test('the event loop watch sees a turn that takes long', async () => {
  const watch = processes.watchEventLoop();
  await new Promise((resolve) => setTimeout(resolve, 30));
  watch.takeP99Ms();
  // Node counts nothing between a reset and the next turn of its own timer.
  await new Promise((resolve) => setTimeout(resolve, 30));
  const endMs = performance.now() + 100;
  while (performance.now() < endMs);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(watch.takeP99Ms()).toBeGreaterThan(50);
  watch.stop();
});
