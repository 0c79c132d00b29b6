import { standardInput } from '../../platform/processes.ts';
import type { StdinOptions } from '../input-options.ts';
import type { Input, InputDoors } from '../input.ts';
import { assemblingOf } from './file-input.ts';
import { liveInput } from './live-input.ts';
import { pump } from './pump.ts';
import { newTally, Reader } from './reader.ts';

/** Standard input, to its end; it cannot be read again, so nothing is remembered of it. */
export const openStdin = (
  options: StdinOptions,
  { clock }: InputDoors,
  stream: AsyncIterable<Buffer> = standardInput(),
): Input => {
  const { name, format } = options;
  const tally = newTally();
  const source = {
    ...({ id: `stdin-${name}`, input: name, kind: 'stdin', path: 'stdin' } as const),
    ...{ fields: {}, format },
  };
  const pumped = { source, assembling: assemblingOf(options.multiline, 'utf-8'), offset: 0 };
  let isOpen = false;
  return liveInput({
    ...{ name, kind: 'stdin', tally },
    async run(emit, signal) {
      isOpen = true;
      await pump(stream, pumped, new Reader(clock, tally), emit, clock, signal);
      isOpen = false;
    },
    sources: () => 1,
    open: () => (isOpen ? 1 : 0),
  });
};
