import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const SERVER_ID = 'spiffe://cluster.local/ns/shop/sa/reviews';
export const CLIENT_ID = 'spiffe://cluster.local/ns/shop/sa/productpage';

/**
 * Makes, in `directory`, a mesh's CA (`mesh-ca.pem`) and two workload certificates of it
 * (`mesh-server`, `mesh-client`; `.pem` and `.key`), which carry SPIFFE ids.
 */
export const makeWorkloadCertificates = (directory: string): void => {
  const openssl = (...words: string[]): unknown =>
    execFileSync('openssl', words, { cwd: directory, stdio: 'pipe' });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const ca = ['-keyout', 'mesh-ca.key', '-out', 'mesh-ca.pem', '-subj', '/CN=mesh'];
  openssl('req', '-x509', ...ec, ...ca);
  for (const [name, id] of [
    ['mesh-server', SERVER_ID],
    ['mesh-client', CLIENT_ID],
  ] as const) {
    const request = ['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', '/O=mesh'];
    openssl('req', ...ec, ...request);
    writeFileSync(join(directory, `${name}.ext`), `subjectAltName=URI:${id}`);
    const sign = ['x509', '-req', '-in', `${name}.csr`, '-CA', 'mesh-ca.pem'];
    const more = ['-CAkey', 'mesh-ca.key', '-CAcreateserial', '-extfile', `${name}.ext`];
    openssl(...sign, ...more, '-out', `${name}.pem`);
  }
};
