import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { EXCEPTIONS } from './tools/exceptions.ts';

const filesExcepted = (law) => EXCEPTIONS.filter((one) => one.law === law).map((one) => one.file);
const TESTS = ['**/*.test.ts', '**/*.fuzz.ts', '**/*.bench.ts'];

/** What law 6 keeps behind src/platform, so that a simulation can own time, chance and disk. */
const doors = {
  globals: {
    process: 'src/platform/processes.ts, environment.ts or output.ts',
    console: 'src/platform/output.ts or log.ts',
    fetch: 'src/platform/sockets.ts',
    performance: 'src/platform/clock.ts',
    setTimeout: 'src/platform/clock.ts',
    setInterval: 'src/platform/clock.ts',
  },
  modules: {
    disk: ['fs', 'fs/promises'],
    sockets: ['net', 'tls', 'http', 'https', 'http2', 'dgram', 'dns', 'dns/promises'],
    processes: ['child_process', 'cluster', 'os', 'process', 'perf_hooks', 'tty'],
    clock: ['timers', 'timers/promises'],
    output: ['console', 'readline', 'readline/promises'],
  },
  properties: [
    ['Date', 'now', 'clock'],
    ['Math', 'random', 'random'],
    ['crypto', 'randomUUID', 'random'],
    ['crypto', 'getRandomValues', 'random'],
  ],
};

const doorRules = {
  'no-restricted-globals': [
    'error',
    ...Object.entries(doors.globals).map(([name, door]) => ({ name, message: `Use ${door}.` })),
  ],
  'no-restricted-properties': [
    'error',
    ...doors.properties.map(([object, property, door]) => ({
      object,
      property,
      message: `Use src/platform/${door}.ts.`,
    })),
  ],
  '@typescript-eslint/no-restricted-imports': [
    'error',
    {
      paths: [
        ...Object.entries(doors.modules).flatMap(([door, names]) =>
          names
            .flatMap((name) => [name, `node:${name}`])
            .map((name) => ({
              name,
              message: `Use src/platform/${door}.ts (types are free: import type).`,
              allowTypeImports: true,
            })),
        ),
        {
          name: 'node:crypto',
          importNames: ['randomBytes', 'randomInt', 'randomUUID', 'randomFillSync', 'webcrypto'],
          message: 'Use src/platform/random.ts.',
        },
      ],
    },
  ],
};

const noBarrels = {
  selector: 'ExportAllDeclaration',
  message: 'No barrels: import from the file that has it.',
};
const noWallClock = {
  selector: "NewExpression[callee.name='Date'][arguments.length=0]",
  message: 'new Date() reads the wall clock: use src/platform/clock.ts.',
};

export default defineConfig(
  { ignores: ['dist/', 'node_modules/', 'coverage/', 'data/', '**/fixtures/**/*.js'] },
  {
    files: ['**/*.{ts,js}'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-fallthrough': 'error',
      'no-constant-binary-expression': 'error',
      'no-self-compare': 'error',
      'no-unreachable': 'error',
      'no-unsafe-finally': 'error',
      'no-unused-expressions': 'error',
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'], location: 'start' }],
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 70 }],
      'max-len': [
        'error',
        {
          code: 100,
          ignoreUrls: true,
          ignoreStrings: true,
          ignoreTemplateLiterals: true,
          ignoreRegExpLiterals: true,
        },
      ],
      'no-restricted-syntax': ['error', noBarrels],
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      // Numbers print the way one expects.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // `() => stop()` says what it does better than braces would.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // Indexing a typed array within its checked bounds; TypeScript cannot see the bounds.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // `while (true)` with a bounded exit inside reads better than a flag.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // Contracts are async where one of their members needs to be.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/platform/**', 'src/ui/**', ...TESTS, ...filesExcepted('doors')],
    rules: { ...doorRules, 'no-restricted-syntax': ['error', noBarrels, noWallClock] },
  },
  {
    files: TESTS,
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
    },
  },
  { files: filesOrNone('lines'), rules: { 'max-lines': 'off' } },
  { files: filesOrNone('function-lines'), rules: { 'max-lines-per-function': 'off' } },
);

/** ESLint takes an empty list of files for all files. */
function filesOrNone(law) {
  const files = filesExcepted(law);
  return files.length > 0 ? files : ['none'];
}
