import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes, in `directory`, a CA (`ca.pem`), certificates of it for the server (localhost, 127.0.0.1)
 * and for a client, one that nobody signed (`rogue`), and the key of each (`NAME.key`).
 */
export const makeCertificates = (directory: string): void => {
  const openssl = (...words: string[]): unknown =>
    execFileSync('openssl', words, { cwd: directory, stdio: 'pipe' });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...ec, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca');
  openssl('req', '-x509', ...ec, '-keyout', 'rogue.key', '-out', 'rogue.pem', '-subj', '/CN=rogue');
  for (const [name, more] of [
    ['server', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ['client', 'extendedKeyUsage=clientAuth'],
  ] as const) {
    openssl('req', ...ec, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    writeFileSync(join(directory, `${name}.ext`), more);
    const sign = ['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key'];
    openssl(...sign, '-CAcreateserial', '-out', `${name}.pem`, '-extfile', `${name}.ext`);
  }
};
