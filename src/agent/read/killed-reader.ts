import { systemDisk } from '../../platform/disk.ts';
import { commandLine } from '../../platform/processes.ts';
import { openInput } from './open.ts';
import { doorsOf, fileOptions } from './testing-input.ts';

/**
 * A process that tests kill: reads `PATTERN` and appends each piece to `OUT`, durably, as a line of
 * JSON `[source, position, texts]`. `replays`: hands what `OUT` holds to the input at its start, as
 * the agent's buffer does. `killed-reader.ts PATTERN STATE OUT replays|forgets`
 */
const [pattern = '', state = '', out = '', how = ''] = commandLine();
const input = await openInput(fileOptions(pattern, { multiline: 'auto' }), doorsOf(state));
const file = await systemDisk.open(out, 'append');

if (how === 'replays') {
  const held = (await systemDisk.readFile(out)).toString('utf8');
  // A kill may have cut the last line: its piece was not acknowledged.
  const whole = held.slice(0, held.lastIndexOf('\n') + 1);
  await file.truncate(Buffer.byteLength(whole));
  for (const line of whole.split('\n').filter((text) => text !== '')) {
    const [source, position] = JSON.parse(line) as [string, string];
    input.acknowledge(source, position);
  }
}

let last = Promise.resolve();
await input.run(async ({ source, position, bytes, count, starts, ends }) => {
  const buf = Buffer.from(bytes);
  const texts = Array.from({ length: count }, (_, i) => buf.toString('utf8', starts[i], ends[i]));
  const line = `${JSON.stringify([source.id, position, texts])}\n`;
  last = last.then(async () => {
    await file.append([Buffer.from(line)]);
    await file.syncData();
  });
  await last;
  input.acknowledge(source.id, position);
});
