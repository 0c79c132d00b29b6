import type { Run } from './stage.ts';

/**
 * `| decolorize`: takes terminals' control sequences out of the line: an introducer (ESC or CSI),
 * its marks, and parameters with a final character, or a text that BEL ends.
 */
export const decolorize: Run = (entry) => {
  if (INTRODUCER.test(entry.line)) entry.line = entry.line.replaceAll(SEQUENCE, '');
  return true;
};

const INTRODUCER = /[\u001b\u009b]/;
const SEQUENCE =
  /[\u001b\u009b][[\]()#;?]*(?:[a-zA-Z0-9;]*\u0007|(?:[0-9]{1,4}(?:;[0-9]{0,4})*)?[0-9A-PRZcf-ntqry=><~])/g;
