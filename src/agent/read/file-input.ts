import { joinTraces } from '../../ingest/multiline/automatic.ts';
import { joinNothing, type Join } from '../../ingest/multiline/join.ts';
import type { MultilineOptions } from '../../ingest/multiline/multiline.ts';
import { joinByPattern } from '../../ingest/multiline/pattern.ts';
import { LIMITS } from '../../model/limits.ts';
import type { FileOptions } from '../input-options.ts';
import type { Input, InputDoors } from '../input.ts';
import { assembleEncoded, byteOrderMark, type Encoding } from './assemble-encoded.ts';
import { assembleLines } from './assemble.ts';
import { FollowInput } from './follow-input.ts';
import type { Assembling } from './followed.ts';
import type { Describe } from './sources.ts';

type Multiline = 'auto' | 'none' | MultilineOptions;

/** The way in which lines are joined. Throws re2js's error for a pattern that is none. */
export const joinOf = (multiline: Multiline): Join => {
  if (multiline === 'auto') return joinTraces;
  return multiline === 'none' ? joinNothing : joinByPattern(multiline);
};

export const flushMsOf = (multiline: Multiline): number =>
  typeof multiline === 'string' ? LIMITS.multilineFlushMs : multiline.flushMs;

export const assemblingOf = (multiline: Multiline, encoding: Encoding): Assembling => ({
  key: `${encoding} ${JSON.stringify(multiline)}`,
  flushMs: flushMsOf(multiline),
  make: () => assembleEncoded(assembleLines(joinOf(multiline)), encoding),
});

/** Files of lines. */
export const openFiles = (options: FileOptions, doors: InputDoors): Promise<Input> => {
  const { multiline, format } = options;
  const describe: Describe = (path, { bytes }) => {
    const mark = byteOrderMark(bytes);
    const said = options.encoding === 'auto' ? undefined : options.encoding;
    const encoding = said ?? mark?.encoding ?? 'utf-8';
    return {
      source: { kind: 'file', path, fields: { 'log.file.path': path }, format },
      assembling: assemblingOf(multiline, encoding),
      skipBytes: mark?.encoding === encoding ? mark.sizeBytes : 0,
    };
  };
  return FollowInput.open({ kind: 'file', name: options.name, options, describe }, doors);
};
