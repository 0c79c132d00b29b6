import type { Layout } from '../model/layout.ts';
import type { Scope } from './access-filter.ts';
import { holdsForAbsent } from './conditions.ts';
import type { Matcher } from './logql/ast.ts';
import { textTest } from './pipeline/label-filter.ts';

/** Which layouts a query can meet: those of the services that its matchers admit. A superset. */

/** Takes a value of the column `service` as text. */
export type ServiceTest = (service: string) => boolean;

/**
 * Which services stream matchers can admit. Only what `matcherSql` asks of the column itself
 * narrows: positive matchers of `service_name` that do not hold for its absence. For all else the
 * label of a Loki stream decides.
 */
export const serviceTest = (matchers: readonly Matcher[]): ServiceTest => {
  const tests = matchers
    .filter(({ name, op }) => name === 'service_name' && (op === '=' || op === '=~'))
    .filter((matcher) => !holdsForAbsent(matcher))
    .map(textTest);
  if (tests.length === 0) return () => true;
  // What the engine's expressions make of broken bytes is not ours to foresee.
  return (service) => service.includes('\ufffd') || tests.every((test) => test(service));
};

/** The distinct layouts of the scope's tables that an admitted service may use, sorted by text. */
export const layoutsOf = (scope: Scope, admits: ServiceTest): readonly Layout[] => {
  const admitted = new Map<string, boolean>();
  const isUsed = (services: ReadonlySet<string>): boolean => {
    for (const service of services) {
      let answer = admitted.get(service);
      if (answer === undefined) admitted.set(service, (answer = admits(service)));
      if (answer) return true;
    }
    return false;
  };
  const found = new Set<Layout>();
  for (const { layouts } of scope.tables) {
    for (const { layout, services } of layouts) {
      if (found.has(layout)) continue;
      if (services === undefined || isUsed(services)) found.add(layout);
    }
  }
  return [...found].sort((a, b) => (a.text < b.text ? -1 : 1));
};
