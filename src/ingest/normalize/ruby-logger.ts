import { LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

const formats = [
  '<severity_id>, [<ts:time>  #<pid:number>]  <level> -- <progname:text>: <msg:text>',
].map((template) => new LinePattern(template));

/**
 * Ruby's Logger (Logger::Formatter), and so Rails in production: the level's letter, time and
 * process in brackets, level, program, message.
 */
export const rubyLogger: Normalizer = {
  name: 'ruby-logger',
  opens: 'DIWEFAU',

  recognises: (line, start) =>
    line[start + 1] === 0x2c &&
    line[start + 2] === 0x20 &&
    line[start + 3] === 0x5b &&
    line[start + 14] === 0x54,

  normalize: (record) => putFirst(record, formats) !== undefined,
};
