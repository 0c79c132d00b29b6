import { readOptions, type Options } from './options.ts';
import { runBench } from './run.ts';

/** `npm run bench`: what the whole server costs and how fast it answers, on this machine. */
const optionsOrHelp = (): Options | string => {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    process.exitCode = 2;
    return `${error instanceof Error ? error.message : String(error)}\nSee: npm run bench -- --help\n`;
  }
};

const options = optionsOrHelp();
if (typeof options === 'string') process.stdout.write(options);
else await runBench(options, (text) => process.stdout.write(text));
