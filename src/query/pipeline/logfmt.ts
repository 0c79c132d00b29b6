import { must } from '../../model/errors.ts';
import type { LogfmtStage } from '../logql/ast.ts';
import { parseLogfmtKey } from '../logql/json-path.ts';
import type { Entry } from './entry.ts';
import { cleaned, unescape } from './json-text.ts';
import { sanitizeKey } from './label-name.ts';
import type { Run } from './stage.ts';

/**
 * `| logfmt`: `key=value key="value" flag`. Malformed pairs are skipped, with `--strict` they end
 * the reading and set `__error__`; keys without value are left out but with `--keep-empty`.
 */
export const logfmt = (stage: LogfmtStage): Run =>
  stage.expressions.length === 0 ? allPairs(stage) : somePairs(stage);

const allPairs =
  (stage: LogfmtStage): Run =>
  (entry) => {
    for (const pair of readPairs(entry, stage.strict)) {
      const key = sanitizeKey(pair.key);
      const value = cleaned(pair.value);
      if (key === '' || (value === '' && !stage.keepEmpty)) continue;
      entry.extract(key, value);
    }
    return true;
  };

const somePairs = (stage: LogfmtStage): Run => {
  const labels = stage.expressions.map(({ label, expression }) => {
    const parsed = parseLogfmtKey(expression);
    return { label, key: must('key' in parsed ? parsed.key : undefined, 'a checked key') };
  });
  return (entry) => {
    for (const { label } of labels) if (entry.freeName(label) === label) entry.set(label, '');
    for (const pair of readPairs(entry, stage.strict)) {
      const key = sanitizeKey(pair.key);
      const value = pair.value.includes('\ufffd') ? '' : pair.value;
      for (const wanted of labels) {
        if (wanted.key === key || wanted.key === pair.key)
          entry.set(entry.freeName(wanted.label), value);
      }
    }
    return true;
  };
};

interface LogfmtPair {
  readonly key: string;
  readonly value: string;
}

/** What stands between pairs: control characters and spaces. */
const GAP = /[\0- ]*/y;
const WORD = /[^\0- ]*/y;
const KEY = /[^\0- ="]*/y;
const VALUE = /[^\0- ="]*/y;
const QUOTED = /"([^"\\]*(?:\\[^][^"\\]*)*)"/y;

const at = (form: RegExp, text: string, from: number): RegExpExecArray | null => {
  form.lastIndex = from;
  return form.exec(text);
};

/** The pairs of the line; sets the entry's error at the first malformed one where `strict`. */
function* readPairs(entry: Entry, strict: boolean): Generator<LogfmtPair, void, undefined> {
  const { line } = entry;
  let pos = 0;
  for (;;) {
    pos += at(GAP, line, pos)?.[0].length ?? 0;
    if (pos >= line.length) return;
    const read = readPair(line, pos);
    pos = read.end;
    if ('wrong' in read) {
      if (!strict) continue;
      const where = `logfmt syntax error at pos ${read.pos + 1} : ${read.wrong}`;
      entry.fail('LogfmtParserErr', where);
      return;
    }
    yield read;
  }
}

type Read =
  | (LogfmtPair & { readonly end: number })
  | { readonly wrong: string; readonly pos: number; readonly end: number };

const readPair = (line: string, start: number): Read => {
  const key = at(KEY, line, start)?.[0] ?? '';
  let end = start + key.length;
  const next = line.charAt(end);
  if (next === '"') return unexpected(line, end);
  if (key.includes('\ufffd')) return wrong(line, end, 'invalid key');
  if (next !== '=') return { key, value: '', end };
  if (key === '') return unexpected(line, end);
  end++;
  if (line.charAt(end) === '"') return readQuoted(line, key, end);
  const value = at(VALUE, line, end)?.[0] ?? '';
  end += value.length;
  const stop = line.charAt(end);
  if (stop === '=' || stop === '"') return unexpected(line, end);
  return { key, value, end };
};

const readQuoted = (line: string, key: string, start: number): Read => {
  const quoted = at(QUOTED, line, start);
  if (quoted === null) {
    return { wrong: 'unterminated quoted value', pos: line.length, end: line.length };
  }
  const [whole, inner = ''] = quoted;
  const end = start + whole.length;
  if (!inner.includes('\\')) return { key, value: inner, end };
  const value = unescape(inner, "'");
  if (value === '') return { wrong: 'invalid quoted value', pos: end, end };
  return { key, value, end };
};

const unexpected = (line: string, pos: number): Read =>
  wrong(line, pos, `unexpected '${line.charAt(pos)}'`);

/** A malformed pair ends at the next gap. */
const wrong = (line: string, pos: number, why: string): Read => ({
  wrong: why,
  pos,
  end: pos + (at(WORD, line, pos)?.[0].length ?? 0),
});
