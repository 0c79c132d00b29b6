import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, type Step } from './peers-step.ts';

/**
 * syslog-ng with its HTTP module and configuration library, and `loggen`, unpacked beside the
 * system: as packages they would drive rsyslog out.
 */
const PACKAGES = [
  'syslog-ng-core',
  'syslog-ng-mod-http',
  'syslog-ng-scl',
  'libivykis0',
  'libnet1',
  'libpcre3',
  'libwrap0',
  'libglib2.0-0',
  'libjson-c5',
];

/** Starts a program of the unpacked tree with its own libraries and modules. */
const starter = (root: string, program: string, words: string): string => `#!/bin/sh
root='${root}'
set -- ${words} "$@"
for folder in "$root"/usr/lib/syslog-ng "$root"/usr/lib/*-linux-gnu "$root"/lib/*-linux-gnu; do
  LD_LIBRARY_PATH="$LD_LIBRARY_PATH\${LD_LIBRARY_PATH:+:}$folder"
done
export LD_LIBRARY_PATH SYSLOGNG_PREFIX="$root/usr"
exec "$root/${program}" "$@"
`;

export const syslogNg = (cache: string): Step => ({
  name: 'syslog-ng',
  needs: ['apt-get', 'dpkg'],
  madeOf: `${PACKAGES.join(' ')}\n${starter('', '', '')}`,
  gives: ['bin/syslog-ng', 'bin/loggen', 'syslog-ng/usr/share/syslog-ng/include/scl'],
  make: async () => {
    const root = join(cache, 'syslog-ng');
    const folder = join(cache, 'build', 'syslog-ng');
    for (const old of [root, folder]) rmSync(old, { recursive: true, force: true });
    for (const name of ['syslog-ng', 'loggen']) rmSync(join(cache, 'bin', name), { force: true });
    mkdirSync(root, { recursive: true });
    await run({ program: 'apt-get', words: ['download', '-q', ...PACKAGES], folder });
    for (const name of readdirSync(folder)) {
      await run({ program: 'dpkg', words: ['-x', join(folder, name), root], folder });
    }
    const programs = {
      'syslog-ng': starter(
        root,
        'usr/sbin/syslog-ng',
        '--module-path="$(echo "$root"/usr/lib/syslog-ng/3.*)"',
      ),
      loggen: starter(root, 'usr/bin/loggen', ''),
    };
    for (const [name, text] of Object.entries(programs)) {
      const tried = join(folder, name);
      writeFileSync(tried, text);
      chmodSync(tried, 0o755);
      // What does not start here is not had: the tests skip it.
      await run({ program: tried, words: [name === 'loggen' ? '--help' : '--version'], folder });
      renameSync(tried, join(cache, 'bin', name));
    }
  },
});
