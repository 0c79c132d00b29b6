import { isDated, LinePattern, putFirst } from './line-pattern.ts';
import type { Normalizer } from './normalize.ts';

const formats = [
  '<ts:time>  <level:level>  <pid:number> --- [<application:text>] [~<thread_name:text>] <logger>  : <msg:text>',
  '<ts:time>  <level:level>  <pid:number> --- [~<thread_name:text>] <logger>  : <msg:text>',
].map((template) => new LinePattern(template));

/**
 * Spring Boot's console log (Spring Boot, "Log Format"): time, level, process, `---`, the
 * application's name where it has one, thread, logger and message. Versions 1 to 3.
 */
export const springBoot: Normalizer = {
  name: 'spring-boot',
  opens: '0123456789',

  recognises(line, start, end) {
    if (!isDated(line, start)) return false;
    const stop = Math.min(end - 3, start + 56);
    let at = start + 25;
    while (at < stop && (line[at] !== 0x2d || line[at + 1] !== 0x2d || line[at + 2] !== 0x2d)) at++;
    return at < stop;
  },

  normalize: (record) => putFirst(record, formats) !== undefined,
};
