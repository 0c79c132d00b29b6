import { must } from '../../model/errors.ts';
import { parseIpAddress, parseIpPattern } from '../logql/ip.ts';

/** `ip("10.0.0.0/8")`: whether a text mentions an address of the pattern. */
export const lineMentions = (pattern: string): ((text: string) => boolean) => {
  const range = must(parseIpPattern(pattern), 'the parser has checked the ip pattern');
  const within = (word: string): boolean => {
    const address = parseIpAddress(word);
    return address?.bits === range.bits && address.value >= range.from && address.value <= range.to;
  };
  return (text) => {
    for (let i = 0; i < text.length; i++) {
      const form = V4_START.test(text.slice(i, i + 4))
        ? V4
        : V6_START.test(text.slice(i, i + 5))
          ? V6
          : undefined;
      if (form === undefined) continue;
      form.lastIndex = i;
      const word = form.exec(text)?.[0] ?? '';
      if (within(word)) return true;
      i += word.length;
    }
    return false;
  };
};

const V4_START = /^[0-9](?:\.|.\.|..\.)/s;
const V6_START = /^(?:::[0-9a-fA-F]|[0-9a-fA-F]{1,4}:)/;
const V4 = /[0-9.]*/y;
const V6 = /[0-9a-fA-F:.]*/y;
