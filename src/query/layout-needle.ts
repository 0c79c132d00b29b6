import type { Hole, Layout } from '../model/layout.ts';
import { LIMITS } from '../model/limits.ts';
import { mayPrint, type Place } from './hole-text.ts';

/**
 * Where a needle can lie in the lines of a layout, found without any line: inside a literal, inside
 * what one hole prints, or across seams: the end of one, whole literals and holes, the start of
 * another. That is all there is, so the conditions are exact.
 */

/** What a hole must print; the text is a binary string. */
export interface HoleTest {
  readonly hole: Hole;
  readonly place: Place;
  readonly text: string;
}

/** All must hold. */
export type HoleTests = readonly HoleTest[];

/**
 * The lines of a layout that contain a needle: every one (`true`), or those for which one of the
 * alternatives holds, none where there is none; `undefined` where there are too many.
 */
export type NeedlePlaces = true | readonly HoleTests[] | undefined;

/** Looks for a needle, a binary string that is not empty. */
export const placesOfNeedle = (layout: Layout, needle: string): NeedlePlaces => {
  if (layout.literals.some((literal) => literal.includes(needle))) return true;
  return needle.length > LIMITS.needleBytes ? undefined : new Search(layout, needle).run();
};

class Search {
  private readonly layout: Layout;
  private readonly needle: string;
  private readonly found: HoleTests[] = [];
  private steps = 0;

  constructor(layout: Layout, needle: string) {
    this.layout = layout;
    this.needle = needle;
  }

  run(): readonly HoleTests[] | undefined {
    const { layout, needle } = this;
    layout.holes.forEach((hole, i) => {
      this.put([], hole, 'contains', needle);
      for (let size = 1; size < needle.length; size++) {
        if (!this.mayGoOn(i + 1, size)) continue;
        const test: HoleTest = { hole, place: 'endsWith', text: needle.slice(0, size) };
        if (mayPrint(hole, test.place, test.text)) this.inLiteral(i + 1, size, [test]);
      }
    });
    // From within a literal that the needle does not end in.
    layout.literals.slice(0, -1).forEach((literal, i) => {
      for (let size = 1; size <= Math.min(literal.length, needle.length - 1); size++) {
        if (literal.endsWith(needle.slice(0, size))) this.inHole(i, size, []);
      }
    });
    return this.isTooMuch ? undefined : this.found;
  }

  private get isTooMuch(): boolean {
    return this.steps > LIMITS.needleSteps || this.found.length > LIMITS.needlePlaces;
  }

  private put(tests: HoleTests, hole: Hole, place: Place, text: string): void {
    if (mayPrint(hole, place, text)) this.found.push([...tests, { hole, place, text }]);
  }

  /** A look ahead that saves most of the work. */
  private mayGoOn(literal: number, at: number): boolean {
    const text = this.layout.literals[literal] as string;
    return text === '' || text.charCodeAt(0) === this.needle.charCodeAt(at);
  }

  /** The needle from `at` on, which is not its end, from the start of a literal. */
  private inLiteral(i: number, at: number, tests: HoleTests): void {
    this.steps++;
    const literal = this.layout.literals[i] as string;
    const left = this.needle.length - at;
    if (left <= literal.length) {
      if (literal.startsWith(this.needle.slice(at))) this.found.push(tests);
    } else if (i < this.layout.holes.length && this.needle.startsWith(literal, at)) {
      this.inHole(i, at + literal.length, tests);
    }
  }

  /** The needle from `at` on, which is not its end, from the start of what a hole prints. */
  private inHole(i: number, at: number, tests: HoleTests): void {
    const { needle } = this;
    const hole = this.layout.holes[i] as Hole;
    this.put(tests, hole, 'startsWith', needle.slice(at));
    for (let end = at; end < needle.length && !this.isTooMuch; end++) {
      if (!this.mayGoOn(i + 1, end)) continue;
      const test: HoleTest = { hole, place: 'equals', text: needle.slice(at, end) };
      if (mayPrint(hole, test.place, test.text)) this.inLiteral(i + 1, end, [...tests, test]);
    }
  }
}

/** Whether a hole's printed text, a binary string, passes a test. */
export const passes = (printed: string, { place, text }: HoleTest): boolean =>
  place === 'equals'
    ? printed === text
    : place === 'contains'
      ? printed.includes(text)
      : printed[place](text);
