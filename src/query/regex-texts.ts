import { plainAlternatives } from './regex.ts';

/** Texts of a line filter's expression that engines find faster than they match it. */
export interface RegexTexts {
  /** Whether a line that contains one of the texts matches; else it only may. */
  readonly exact: boolean;
  /** Every line that matches contains one of them. */
  readonly texts: readonly string[];
}

/** U+FFFD stands for broken bytes where expressions look, which texts do not find. */
const BROKEN = '\ufffd';

/** Shorter ones are in too many lines to be worth it. */
const SHORTEST = 3;

/** `undefined` where no such texts are easily seen. */
export const regexTexts = (regex: string): RegexTexts | undefined => {
  if (regex.includes(BROKEN)) return undefined;
  const alternatives = plainAlternatives(regex);
  if (alternatives !== undefined) return { exact: true, texts: alternatives };
  const branches = branchesOf(regex);
  if (branches === undefined) return undefined;
  const texts: string[] = [];
  for (const runs of branches) {
    const longest = runs.reduce((a, b) => (b.length > a.length ? b : a), '');
    if (longest.length < SHORTEST) return undefined;
    texts.push(longest);
  }
  return { exact: false, texts };
};

/** Escapes that stand for a character of punctuation. */
const PUNCTUATION = /^[-.^$|?*+()[\]{}/\\"'`<>=:;,!@#%&~_ ]$/;

/** Escapes of one letter that stand for other characters or for none. */
const SINGLE = /^[dDwWsSbBAzntrfva]$/;

/** Size of `{2,3}`; 0 for a brace that is no repetition but itself. */
const repetitionSize = (characters: readonly string[], at: number): number => {
  const ahead = characters.slice(at, at + LONGEST_REPETITION).join('');
  return /^\{\d+(?:,\d*)?\}/.exec(ahead)?.[0].length ?? 0;
};

/** `{1000,1000}`: RE2 takes no more. */
const LONGEST_REPETITION = 16;

/**
 * For each alternative of the expression as a whole the runs of plain characters that must be in
 * what it matches. What is in groups and classes is passed over; flags and quotations are not
 * followed at all.
 */
const branchesOf = (regex: string): readonly (readonly string[])[] | undefined => {
  if (/\(\?|\\Q|\\C/.test(regex.replaceAll('(?:', '('))) return undefined;
  const branches: string[][] = [[]];
  let run = '';
  const end = (): void => {
    if (run !== '') branches.at(-1)?.push(run);
    run = '';
  };
  const characters = Array.from(regex);
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] as string;
    if (character === '\\') {
      const escaped = characters[++i] ?? '';
      if (PUNCTUATION.test(escaped)) run += escaped;
      else if (SINGLE.test(escaped)) end();
      else return undefined;
    } else if (character === '|') {
      end();
      branches.push([]);
    } else if (character === '(' || character === '[') {
      end();
      i = character === '(' ? groupEnd(characters, i) : classEnd(characters, i);
    } else if ('?*{'.includes(character)) {
      const size = character === '{' ? repetitionSize(characters, i) : 1;
      if (size === 0) run += character;
      else {
        // What it repeats may be missing.
        run = Array.from(run).slice(0, -1).join('');
        end();
        i += size - 1;
      }
    } else if ('+.^$'.includes(character)) end();
    else run += character;
  }
  end();
  return branches;
};

const classEnd = (characters: readonly string[], start: number): number => {
  let i = start + 1;
  if (characters[i] === '^') i++;
  // A bracket at once is one of the class.
  if (characters[i] === ']') i++;
  for (; i < characters.length && characters[i] !== ']'; i++) {
    if (characters[i] === '\\') i++;
    else if (characters[i] === '[' && characters[i + 1] === ':') {
      while (i < characters.length && !(characters[i] === ':' && characters[i + 1] === ']')) i++;
      i++;
    }
  }
  return i;
};

const groupEnd = (characters: readonly string[], start: number): number => {
  let depth = 0;
  for (let i = start; i < characters.length; i++) {
    const character = characters[i];
    if (character === '\\') i++;
    else if (character === '[') i = classEnd(characters, i);
    else if (character === '(') depth++;
    else if (character === ')' && --depth === 0) return i;
  }
  return characters.length;
};
