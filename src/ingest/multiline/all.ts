import { dotnet } from './dotnet.ts';
import { go } from './go.ts';
import { java } from './java.ts';
import type { Language } from './language.ts';
import { node } from './node.ts';
import { php } from './php.ts';
import { python } from './python.ts';
import { ruby } from './ruby.ts';

/** Every language whose traces are joined, in the order in which they are tried. */
export const LANGUAGES: readonly Language[] = Object.freeze([
  java,
  dotnet,
  node,
  python,
  go,
  ruby,
  php,
]);
