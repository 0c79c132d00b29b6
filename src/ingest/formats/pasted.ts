/** What users paste: the format alone, or the line of the configuration in which it stands. */
export interface Pasted {
  readonly text: string;
  /** Of each character of `text`, and of its end: position in what was pasted. */
  readonly places: readonly number[];
}

interface Word extends Pasted {
  readonly isQuoted: boolean;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

/** Words from `from` on: bare, or in quotes of either kind; a backslash keeps what follows. */
export const wordsOf = (definition: string, from: number): Word[] => {
  const words: Word[] = [];
  let at = from;
  const isBlank = (): boolean => /\s/.test(definition.charAt(at));
  while (at < definition.length) {
    if (isBlank()) {
      at++;
      continue;
    }
    let quote = '';
    let text = '';
    let isQuoted = false;
    const places: number[] = [];
    for (; at < definition.length && (quote !== '' || !isBlank()); at++) {
      let character = definition.charAt(at);
      if (character === quote) quote = '';
      else if (quote === '' && (character === '"' || character === "'")) {
        quote = character;
        isQuoted = true;
      } else {
        places.push(at);
        if (character === '\\' && at + 1 < definition.length) {
          character = definition.charAt(++at);
          character = ESCAPES[character] ?? character;
        }
        text += character;
      }
    }
    words.push({ text, places: [...places, at], isQuoted });
  }
  return words;
};

/** Words of one text, nothing between them. */
export const joined = (words: readonly Pasted[], end: number): Pasted => ({
  text: words.map(({ text }) => text).join(''),
  places: [...words.flatMap(({ places }) => places.slice(0, -1)), end],
});

/** The text as it is, without the line's end. */
export const asIs = (definition: string, from = 0): Pasted => {
  const text = definition.slice(from).replace(/[\r\n]+$/, '');
  return { text, places: Array.from({ length: text.length + 1 }, (_, i) => from + i) };
};

/** The text with backslashes taken as in a quoted word. */
export const unescapedText = (definition: string): Pasted => {
  const { text, places } = asIs(definition);
  let out = '';
  const from: number[] = [];
  for (let at = 0; at < text.length; at++) {
    from.push(places[at] as number);
    const isEscape = text[at] === '\\' && at + 1 < text.length;
    const character = text.charAt(isEscape ? ++at : at);
    out += isEscape ? (ESCAPES[character] ?? character) : character;
  }
  return { text: out, places: [...from, text.length] };
};
