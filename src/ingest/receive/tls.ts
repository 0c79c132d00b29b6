import type { TLSSocket } from 'node:tls';

/** Certificate, key and the CA of client certificates, as PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly clientCa?: string;
}

/** Longest name that is kept of a certificate. */
const NAME_CHARACTERS = 256;

/**
 * Common name of a peer's certificate that our client CA signed, or its fingerprint where it has no
 * name; '' where there is no such certificate.
 */
export const certificateName = (
  socket: Pick<TLSSocket, 'authorized' | 'getPeerCertificate'>,
): string => {
  if (!socket.authorized) return '';
  const { subject, fingerprint256 } = socket.getPeerCertificate() as {
    subject?: { CN?: string | string[] };
    fingerprint256?: string;
  };
  const name = subject?.CN;
  const first = Array.isArray(name) ? name[0] : name;
  return (first ?? fingerprint256 ?? '').slice(0, NAME_CHARACTERS);
};
