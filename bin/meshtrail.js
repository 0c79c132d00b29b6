#!/usr/bin/env node
// Starts Meshtrail with Node 24, whichever Node runs this file: so plain JavaScript here, and
// nothing newer than Node 20.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

/** The first version that runs our TypeScript unbuilt. */
const NEEDED = 24;

if (Number(process.versions.node.split('.')[0]) >= NEEDED) {
  rememberCompiledCode();
  await import('../src/app/main.ts');
} else {
  runWithPackagedNode();
}

/**
 * Node keeps our TypeScript stripped and compiled: a later start takes half the CPU, and 30 MB less
 * memory, as the program that strips types is not loaded. Where the directory cannot be written
 * nothing is lost.
 */
function rememberCompiledCode() {
  const directory = fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url));
  module.enableCompileCache(directory);
  // Threads ask for it by this variable.
  process.env.NODE_COMPILE_CACHE ??= directory;
}

function runWithPackagedNode() {
  const name = `node-${process.platform}-${process.arch}`;
  const node = fileURLToPath(new URL(`../node_modules/${name}/bin/node`, import.meta.url));
  if (!existsSync(node)) {
    process.stderr.write(
      `Meshtrail needs Node ${NEEDED}; this is ${process.version}, and the package ${name} is ` +
        'not installed.\nRun `npm ci` in the directory of Meshtrail, and on other platforms than ' +
        'Linux x64 also\n`node tools/platform-packages.js`.\n',
    );
    process.exitCode = 1;
    return;
  }
  const script = fileURLToPath(import.meta.url);
  const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
  passSignalsTo(child);
  child.on('error', (error) => {
    process.stderr.write(`${node} does not start: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    // As a shell does it: 128 and the signal's number.
    process.exitCode = code ?? 128 + constants.signals[signal];
  });
}

function passSignalsTo(child) {
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2']) {
    process.on(signal, () => child.kill(signal));
  }
  // A terminal sends Ctrl-C to the child itself; passed on as well it would count as two.
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT');
  });
}
