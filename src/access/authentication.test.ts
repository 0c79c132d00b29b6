import { describe, expect, test } from 'vitest';
import { createAuthenticator, keyDigest, secretsOf } from './authentication.ts';

const KEY = 'mtk_0123456789abcdef';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const request = (headers: Record<string, string>, path = '/', query = '') => ({
  headers,
  path,
  query,
});

describe('a key is taken from wherever a protocol carries it', () => {
  test.each([
    ['Bearer', request({ authorization: `Bearer ${KEY}` })],
    ['Basic password', request({ authorization: `Basic ${base64(`elastic:${KEY}`)}` })],
    ['Basic password with colons', request({ authorization: `basic ${base64(`:${KEY}`)}` })],
    ['ApiKey as it is', request({ authorization: `ApiKey ${KEY}` })],
    ['ApiKey base64(id:key)', request({ authorization: `ApiKey ${base64(`id:${KEY}`)}` })],
    ['Splunk', request({ authorization: `Splunk ${KEY}` })],
    ['DD-API-KEY', request({ 'dd-api-key': KEY })],
    ['?dd-api-key=', request({}, '/api/v2/logs', `ddsource=x&dd-api-key=${KEY}`)],
    ['?api_key=', request({}, '/api/v1/validate', `api_key=${KEY}`)],
    ['?token=', request({}, '/services/collector/event', `token=${KEY}&channel=c`)],
    ['/v1/input/KEY', request({}, `/v1/input/${KEY}`)],
    ['Firehose', request({ 'x-amz-firehose-access-key': KEY })],
  ])('%s', (_name, given) => {
    expect(createAuthenticator(keyDigest(KEY)).allows(given)).toBe(true);
  });
});

test.each([
  ['nothing', request({})],
  ['an empty Bearer', request({ authorization: 'Bearer ' })],
  ['a wrong key', request({ authorization: `Bearer ${KEY}x` })],
  ['an unknown scheme', request({ authorization: `Digest ${KEY}` })],
  ['the key as a user name', request({ authorization: `Basic ${base64(`${KEY}:x`)}` })],
  ['broken percent-encoding', request({}, '/v1/input/%zz')],
])('%s does not open', (_name, given) => {
  expect(createAuthenticator(keyDigest(KEY)).allows(given)).toBe(false);
});

test('a request may carry several candidates', () => {
  expect(secretsOf(request({ authorization: 'Bearer a', 'dd-api-key': 'b' }))).toEqual(['a', 'b']);
});
