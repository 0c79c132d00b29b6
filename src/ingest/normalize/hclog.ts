import { isDated, LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

const formats = [
  new LinePattern('<ts:stamp> [<level:level>]  <logger>: <msg:text>'),
  new LinePattern('<ts:stamp> [<level:level>]  <msg:text>'),
];

/**
 * go-hclog's text, which Consul, Vault and Nomad write: `2025-11-20T10:00:00.000Z [INFO]  agent:
 * message: key=value`. The pairs are left in the message, which may hold the like itself.
 */
export const hclog: Normalizer = {
  name: 'hclog',
  opens: '0123456789',

  recognises: (line, start) =>
    isDated(line, start) &&
    line[start + 10] === 0x54 &&
    (line[start + 25] === 0x5b || line[start + 29] === 0x5b),

  normalize: (record) => putFirst(record, formats) !== undefined,
};
