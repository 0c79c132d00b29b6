import { parseLayout, type Layout } from '../model/layout.ts';
import { LIMITS } from '../model/limits.ts';

/** Gives the layout of a text (a binary string), `undefined` where it is none. */
export type LayoutMemory = (text: string) => Layout | undefined;

/** Reads layouts' texts, each once as long as there is room. */
export const layoutMemory = (): LayoutMemory => {
  const known = new Map<string, Layout | undefined>();
  return (text) => {
    if (known.has(text)) return known.get(text);
    if (known.size >= LIMITS.layoutsParsed) known.clear();
    const layout = parseLayout(text);
    known.set(text, layout);
    return layout;
  };
};
