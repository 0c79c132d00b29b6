import { Command } from 'commander';
import { addAgent } from '../../agent/command.ts';
import { VERSION } from '../version.ts';
import { addDemo } from './demo.ts';
import { addFormat } from './format.ts';
import { addQuery } from './query.ts';
import { addSend } from './send.ts';
import { addServe } from './serve.ts';
import { addTail } from './tail.ts';

/** The command line: one file a command, in this folder. */
export const createProgram = (): Command => {
  const program = new Command('meshtrail')
    .description('Log aggregation for multi-platform service meshes under SOC 2')
    .version(VERSION)
    .showHelpAfterError('(see --help for examples)')
    .addHelpText(
      'after',
      `
Examples:
  meshtrail serve --data ./data --dev          start a server on this machine
  meshtrail send app.log --service checkout    send a file of logs
  meshtrail query '{service_name="checkout"} |= "error"' --since 1h
  meshtrail tail '{namespace="shop"}'`,
    );
  addServe(program);
  addSend(program);
  addQuery(program);
  addTail(program);
  addAgent(program, VERSION);
  addFormat(program);
  addDemo(program);
  return program;
};
