import { expect, test } from 'vitest';
import { Routes, type Route } from './routes.ts';

const route = (method: string, path: string, mount = ''): Route => ({
  method,
  path,
  mount,
  handle: () => Promise.resolve({ status: 200, headers: {}, body: `${method} ${path}` }),
});

const routes = new Routes([
  route('POST', '/loki/api/v1/push'),
  route('GET', '/loki/api/v1/label/{name}/values'),
  route('POST', '/{index}/_bulk', '/elastic'),
  route('POST', '/_bulk', '/elastic'),
  route('*', '/*', '/elastic'),
  route('GET', '/'),
]);

const pathOf = (method: string, path: string): string | undefined => {
  const found = routes.find(method, path);
  return typeof found === 'object' ? found.route.path : found;
};

test.each([
  ['POST', '/loki/api/v1/push', '/loki/api/v1/push'],
  ['GET', '/loki/api/v1/label/a%20b/values', '/loki/api/v1/label/{name}/values'],
  ['POST', '/elastic/_bulk', '/_bulk'],
  ['POST', '/elastic/logs/_bulk', '/{index}/_bulk'],
  ['PUT', '/elastic/_ilm/policy/x', '/*'],
  ['GET', '/elastic', '/*'],
  ['GET', '/elastic/', '/*'],
  ['GET', '/', '/'],
  ['HEAD', '/', '/'],
])('%s %s goes to %s', (method, path, expected) => {
  expect(pathOf(method, path)).toBe(expected);
});

test('a known path under another method is told apart from an unknown one', () => {
  expect(routes.find('GET', '/loki/api/v1/push')).toBe('method');
  expect(routes.find('GET', '/loki/api/v1/pull')).toBeUndefined();
  expect(routes.methods('/loki/api/v1/push')).toEqual(['POST']);
  expect(routes.methods('/')).toEqual(['GET', 'HEAD']);
});

test('names are decoded, broken encodings are taken as they are', () => {
  const namesOf = (path: string): unknown => {
    const found = routes.find('GET', path);
    return typeof found === 'object' ? found.names : found;
  };
  expect(namesOf('/loki/api/v1/label/a%2Fb/values')).toEqual({ name: 'a/b' });
  expect(namesOf('/loki/api/v1/label/%zz/values')).toEqual({ name: '%zz' });
});
