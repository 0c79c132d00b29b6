/**
 * Patterns of paths, as shells and shippers have them: `*` and `?` within a name, `[a-z]`, `[!a]`,
 * `{a,b}` (also around slashes), `**` for any number of folders. Names that begin with a dot are
 * names like others.
 */
export interface Glob {
  /** The folder below which all that matches lies. */
  readonly folder: string;
  /** Folders below it that are gone through; Infinity with `**`. */
  readonly depth: number;
  matches(path: string): boolean;
  /** Whether something below the folder `path` may match. */
  mayHold(path: string): boolean;
}

/** Most patterns that braces may stand for. */
const MOST = 256;

/** The globs that a pattern stands for: more than one where it has braces. */
export const readGlobs = (pattern: string): Glob[] => expand(pattern, MOST).map(readGlob);

const readGlob = (pattern: string): Glob => {
  const names = pattern.split('/').filter((name, i) => name !== '' || i === 0);
  const fixed = names.findIndex((name) => /[*?[\\]/.test(name));
  const first = fixed < 0 ? names.length - 1 : fixed;
  const folder = names.slice(0, first).join('/') || '/';
  const anyDepth = names.indexOf('**');
  const matcher = new RegExp(
    `^${names.map(nameExpression).join('/').replaceAll('/ANY', ANY)}$`,
    's',
  );
  const perFolder = names.map((name) => new RegExp(`^${nameExpression(name)}$`, 's'));
  return {
    folder,
    depth: anyDepth < 0 ? names.length - 1 - first : Infinity,
    matches: (path) => matcher.test(path),
    mayHold(path) {
      const own = path.split('/');
      if (anyDepth < 0 && own.length >= names.length) return false;
      const upTo = anyDepth < 0 ? own.length : Math.min(own.length, anyDepth);
      for (let i = first; i < upTo; i++) {
        if (perFolder[i]?.test(own[i] as string) !== true) return false;
      }
      return true;
    },
  };
};

/** `/` and any number of folders. */
const ANY = '(?:/[^/]+)*';

/** One name of the pattern as an expression; `ANY` for `**`. */
const nameExpression = (name: string): string => {
  if (name === '**') return 'ANY';
  let text = '';
  for (let i = 0; i < name.length; i++) {
    const char = name.charAt(i);
    if (char === '*') text += text.endsWith('[^/]*') ? '' : '[^/]*';
    else if (char === '?') text += '[^/]';
    else if (char === '\\' && i + 1 < name.length) text += escaped(name.charAt(++i));
    else if (char === '[') {
      const set = /^\[([!^]?)(\]?[^\]]*)\]/.exec(name.slice(i));
      if (set === null) text += '\\[';
      else {
        const inside = (set[2] ?? '').replaceAll(/[\\\]^[]/g, '\\$&');
        text += `[${set[1] === '' ? '' : '^/'}${inside}]`;
        i += set[0].length - 1;
      }
    } else text += escaped(char);
  }
  return text;
};

const escaped = (char: string): string => char.replace(/[\\^$.|?*+()[\]{}/-]/, '\\$&');

/** Writes out the innermost braces, one after another. */
const expand = (pattern: string, most: number): string[] => {
  const found = /^(.*)\{([^{}]*,[^{}]*)\}(.*)$/s.exec(pattern);
  if (found === null) return [pattern];
  const all = (found[2] as string)
    .split(',')
    .flatMap((part) => expand(`${found[1] ?? ''}${part}${found[3] ?? ''}`, most));
  return [...new Set(all)].slice(0, most);
};
