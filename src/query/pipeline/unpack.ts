import type { Entry } from './entry.ts';
import { guarded } from './json.ts';
import { JsonText } from './json-text.ts';
import { sanitizeKey } from './label-name.ts';
import type { Run } from './stage.ts';

/** The member that Promtail's `pack` puts the line into. */
const PACKED_LINE = '_entry';

/** `| unpack`: undoes Promtail's `pack`; objects without `_entry` stay as they are. */
export const unpack: Run = (entry) => {
  if (entry.line === '') return true;
  if (!entry.line.startsWith('{')) {
    entry.fail('JSONParserErr', 'expecting json object(6), but it is not');
    return true;
  }
  guarded(entry, () => undo(entry));
  return true;
};

const undo = (entry: Entry): void => {
  const text = new JsonText(entry.line);
  const labels: [string, string][] = [];
  let packed: string | undefined;
  text.members(0, {
    value: (key, value) => {
      if (value.kind !== 'string') return;
      if (key === PACKED_LINE) packed = text.label(value);
      else labels.push([sanitizeKey(key), text.label(value)]);
    },
    object: () => undefined,
  });
  if (packed === undefined) return;
  for (const [name, value] of labels) entry.extract(name, value);
  entry.line = packed;
};
