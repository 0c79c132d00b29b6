import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * One administrator key until access lands. It is accepted wherever the sender's own protocol
 * carries a secret: `Authorization: Bearer`, Basic password, `ApiKey`, `Splunk <token>`,
 * `DD-API-KEY`, `?dd-api-key=`, `?api_key=`, `?token=`, `/v1/input/KEY`,
 * `X-Amz-Firehose-Access-Key`. Keys are compared by digest, in constant time, and never logged.
 */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  readonly query: string;
}

export interface Authenticator {
  /** True when the request carries the key. */
  allows(request: Credentials): boolean;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Everything is allowed: `--dev`. */
export const openAuthenticator: Authenticator = { allows: () => true };

/** `keyDigest` is the SHA-256 of the key, 32 bytes. */
export const createAuthenticator = (keyDigest: Uint8Array): Authenticator => ({
  allows: (request) => {
    let allowed = false;
    // every candidate is compared, so that timing tells nothing about which one matched
    for (const secret of secretsOf(request)) {
      if (timingSafeEqual(digest(secret), keyDigest)) allowed = true;
    }
    return allowed;
  },
});

/** Basic passwords, and Elasticsearch's `ApiKey base64(id:key)`. */
const decodeBase64 = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

const afterColon = (text: string): string => {
  const colon = text.indexOf(':');
  return colon < 0 ? text : text.slice(colon + 1);
};

/** Datadog's two spellings, and Splunk's. */
const QUERY_NAMES = ['dd-api-key', 'api_key', 'token'] as const;

/** All secrets that a request carries, in any of the known places. */
export const secretsOf = ({ headers, path, query }: Credentials): string[] => {
  const secrets: string[] = [];
  const [scheme = '', value = ''] = (headers['authorization'] ?? '').split(/\s+(.*)/s);
  switch (scheme.toLowerCase()) {
    case 'bearer':
    case 'splunk':
      secrets.push(value);
      break;
    case 'basic':
      secrets.push(afterColon(decodeBase64(value)));
      break;
    case 'apikey':
      secrets.push(value, afterColon(decodeBase64(value)));
      break;
    default:
  }
  for (const name of ['dd-api-key', 'x-amz-firehose-access-key'] as const) {
    const secret = headers[name];
    if (secret !== undefined) secrets.push(secret);
  }
  for (const name of QUERY_NAMES) {
    if (!query.includes(`${name}=`)) continue;
    const secret = new URLSearchParams(query).get(name);
    if (secret !== null) secrets.push(secret);
  }
  const input = /^\/v1\/input\/([^/]+)$/.exec(path)?.[1];
  if (input !== undefined) secrets.push(safeDecode(input));
  return secrets.filter((secret) => secret !== '');
};

const safeDecode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

export { digest as keyDigest };
