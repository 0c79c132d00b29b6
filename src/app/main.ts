import { commandLine, exitNow } from '../platform/processes.ts';
import { systemOutput } from '../platform/output.ts';
import { MeshtrailError } from '../model/errors.ts';
import { createProgram } from './cli/program.ts';

/** The program's entry: `serve` is the default command. */
const main = async (): Promise<void> => {
  const words = commandLine();
  const first = words[0];
  const program = createProgram();
  const bare =
    first === undefined ||
    (first.startsWith('-') && !['-h', '--help', '-V', '--version'].includes(first));
  await program.parseAsync(bare ? ['serve', ...words] : words, { from: 'user' });
};

main().catch((error: unknown) => {
  if (error instanceof MeshtrailError) {
    systemOutput.notice(
      `meshtrail: ${error.message}\n${error.hint === '' ? '' : `  ${error.hint}\n`}`,
    );
  } else {
    systemOutput.notice(
      `meshtrail: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
  }
  exitNow(1);
});
