/**
 * The first bytes that a line can have where an anchored expression matches it (1 in the table), so
 * that most lines need no expression. Undefined where that is not plain to see: no `^`, an
 * alternative, something optional, a rare class.
 */
export const firstBytes = (expression: string): Uint8Array | undefined => {
  if (!expression.startsWith('^') || expression.includes('|')) return undefined;
  const set = new Uint8Array(256);
  const rest = readItem(expression.slice(1), set);
  if (rest === undefined || /^(?:[*?]|\{0?,|\{0\})/.test(rest)) return undefined;
  return set;
};

const CLASSES: Readonly<Record<string, RegExp>> = {
  d: /[0-9]/,
  w: /[0-9A-Za-z_]/,
  s: /[\t\n\f\r ]/,
  S: /[^\t\n\f\r ]/,
  D: /[^0-9]/,
  W: /[^0-9A-Za-z_]/,
};

/** Marks the bytes of the first item; what stands behind it, or undefined where it is not plain. */
const readItem = (text: string, set: Uint8Array): string | undefined => {
  if (text.startsWith('[')) return readSet(text, set);
  const escaped = /^\\([dwsSDW])/.exec(text)?.[1];
  if (escaped !== undefined) {
    addClass(escaped, set);
    return text.slice(2);
  }
  const literal = /^\\([^\w\s])|^\\(t)|^([\w <>/:,;"'#%&=@!~-])/.exec(text);
  if (literal === null) return undefined;
  const char = literal[2] === undefined ? (literal[1] ?? literal[3] ?? '') : '\t';
  if (char.charCodeAt(0) > 0x7f) return undefined;
  set[char.charCodeAt(0)] = 1;
  return text.slice(literal[0].length);
};

/** `[ \t]`, `[0-9a-f]`, `[^\s]` of plain bytes, ranges and classes. */
const readSet = (text: string, set: Uint8Array): string | undefined => {
  const found = /^\[(\^?)((?:\\[dwst]|[\w ]-[\w ]|[\w <>/:,;"'#%&=@!~.({])+)\]/.exec(text);
  if (found === null) return undefined;
  const inside = new Uint8Array(256);
  for (const [item] of (found[2] ?? '').matchAll(/\\.|.-.|./g)) {
    if (item === '\\t') inside[9] = 1;
    else if (item.startsWith('\\')) addClass(item.charAt(1), inside);
    else {
      const from = item.charCodeAt(0);
      inside.fill(1, from, (item.length === 3 ? item.charCodeAt(2) : from) + 1);
    }
  }
  const isNegated = found[1] === '^';
  for (let byte = 0; byte < 256; byte++) if ((inside[byte] === 1) !== isNegated) set[byte] = 1;
  return text.slice(found[0].length);
};

const addClass = (name: string, set: Uint8Array): void => {
  const expression = CLASSES[name];
  for (let byte = 0; byte < 256; byte++) {
    if (expression?.test(String.fromCharCode(byte)) === true) set[byte] = 1;
  }
};
