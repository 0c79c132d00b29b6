/** Bytes that mean themselves in a string literal; all others are written by number. */
const PLAIN = /[A-Za-z0-9_ .,:;=<>()[\]"/+*#@!&|^$-]/;

/** A binary string (one character a byte) as a ClickHouse string literal, whatever is in it. */
export const literalSql = (bytes: string): string => {
  let literal = '';
  for (const character of bytes) {
    const byte = character.charCodeAt(0) & 0xff;
    literal += PLAIN.test(character) ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return `'${literal}'`;
};
