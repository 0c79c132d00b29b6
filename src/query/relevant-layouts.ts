import type { Layout } from '../model/layout.ts';
import type { Scope } from './access-filter.ts';
import { holdsForAbsent } from './conditions.ts';
import type { Matcher } from './logql/ast.ts';
import { textTest } from './pipeline/label-filter.ts';
import { plainAlternatives } from './regex.ts';

/** Which layouts a query can meet: those of the services that its matchers admit. A superset. */

/** Takes a value of the column `service` as text. */
export interface ServiceTest {
  (service: string): boolean;
  /** All that it admits, where that is a short list. */
  readonly only?: readonly string[];
}

/**
 * Which services stream matchers can admit. Only what `matcherSql` asks of the column itself
 * narrows: positive matchers of `service_name` that do not hold for its absence. For all else the
 * label of a Loki stream decides.
 */
export const serviceTest = (matchers: readonly Matcher[]): ServiceTest => {
  const asked = matchers
    .filter(({ name, op }) => name === 'service_name' && (op === '=' || op === '=~'))
    .filter((matcher) => !holdsForAbsent(matcher));
  if (asked.length === 0) return () => true;
  const tests = asked.map(textTest);
  const test = (service: string): boolean => tests.every((one) => one(service));
  const [names] = asked.map(namesOf).filter((some) => some !== undefined);
  return names === undefined ? test : Object.assign(test, { only: names.filter(test) });
};

/** The values that a positive matcher names. */
const namesOf = ({ op, value }: Matcher): readonly string[] | undefined =>
  op === '=' ? [value] : plainAlternatives(value);

/** The distinct layouts of the scope's tables that an admitted service may use, sorted by text. */
export const layoutsOf = (scope: Scope, admits: ServiceTest): readonly Layout[] => {
  const isUsed = usedBy(admits);
  const found = new Set<Layout>();
  for (const { layouts } of scope.tables) {
    for (const { layout, services } of layouts) {
      if (found.has(layout)) continue;
      if (services === undefined || isUsed(services)) found.add(layout);
    }
  }
  return [...found].sort((a, b) => (a.text < b.text ? -1 : 1));
};

/** Whether one of the services is admitted; services and whole sets repeat in every bucket. */
const usedBy = (admits: ServiceTest): ((services: ReadonlySet<string>) => boolean) => {
  const { only } = admits;
  const admitted = remembered(admits);
  return remembered((services: ReadonlySet<string>) => {
    if (only !== undefined && only.length <= services.size) {
      return only.some((service) => services.has(service));
    }
    for (const service of services) if (admitted(service)) return true;
    return false;
  });
};

const remembered = <T>(test: (value: T) => boolean): ((value: T) => boolean) => {
  const answers = new Map<T, boolean>();
  return (value) => {
    let answer = answers.get(value);
    if (answer === undefined) answers.set(value, (answer = test(value)));
    return answer;
  };
};
