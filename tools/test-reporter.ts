import type { SerializedError } from 'vitest';
import { DefaultReporter, type TestModule, type TestRunEndReason } from 'vitest/node';

/**
 * Vitest's own report; then the skipped tests by name; then, as the last line, exactly
 * `N passed, N failed, N skipped`, which other programs read.
 */
export default class TestReporter extends DefaultReporter {
  override onTestRunEnd(
    modules: readonly TestModule[],
    errors: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    super.onTestRunEnd(modules, errors, reason);
    const { passed, failed, skipped } = countTests(modules);
    for (const name of skipped) this.log(`skipped: ${name}`);
    this.log(`${passed} passed, ${failed + errors.length} failed, ${skipped.length} skipped`);
  }
}

/**
 * Counts tests. A file or a suite that failed outside its tests (it does not load, a hook throws)
 * counts as one failed test more: nothing that went wrong may look like nothing.
 */
function countTests(modules: readonly TestModule[]): {
  passed: number;
  failed: number;
  skipped: string[];
} {
  let passed = 0;
  let failed = 0;
  const skipped: string[] = [];
  for (const module of modules) {
    failed += module.errors().length;
    for (const suite of module.children.allSuites()) failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed += 1;
      else if (state === 'failed') failed += 1;
      else skipped.push(`${module.relativeModuleId} > ${test.fullName}`);
    }
  }
  return { passed, failed, skipped };
}
