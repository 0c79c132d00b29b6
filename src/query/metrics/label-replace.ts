import { RE2JS, type Matcher } from 're2js';
import { labelValue, withLabel, type Labels } from '../labels.ts';
import type { LabelReplace } from '../logql/ast.ts';
import type { StepSource } from './vector.ts';

/** `label_replace(v, "dst", "$1", "src", "(.*)")`. */
export const labelReplace = (expr: LabelReplace, inner: StepSource): StepSource => {
  const regex = RE2JS.compile(`^(?:${expr.regex})$`);
  const known = new WeakMap<Labels, Labels>();
  const replace = (labels: Labels): Labels => {
    const matcher = regex.matcher(labelValue(labels, expr.src));
    if (!matcher.find()) return labels;
    return withLabel(labels, expr.dst, expand(expr.replacement, matcher));
  };
  return {
    at: async (k) =>
      (await inner.at(k)).map(({ labels, value }) => {
        let replaced = known.get(labels);
        if (replaced === undefined) {
          replaced = replace(labels);
          known.set(labels, replaced);
        }
        return { labels: replaced, value };
      }),
    close: () => inner.close(),
  };
};

/** Go's `Expand`: `$1`, `$name`, `${name}`, `$$`; groups that are not there are empty. */
const expand = (template: string, matcher: Matcher): string =>
  template.replaceAll(/\$(?:\$|([0-9A-Za-z_]+)|\{([0-9A-Za-z_]+)\})/g, (whole, bare, braced) => {
    if (whole === '$$') return '$';
    const name = String(bare ?? braced);
    return groupOf(matcher, name);
  });

const groupOf = (matcher: Matcher, name: string): string => {
  if (/^[0-9]+$/.test(name)) {
    const index = Number(name);
    return index <= matcher.groupCount() ? (matcher.group(index) ?? '') : '';
  }
  return matcher.getNamedGroups()[name] ?? '';
};
