import { describe, expect, it } from 'vitest';
import { parseLogql } from '../../query/logql/parser.ts';
import { commandOf, curlOf, offersOf } from './queries.ts';

const trail = { traceId: 'a'.repeat(32), requestId: '0b8f6c1e-1111-4222-8333-444455556666' };
const offers = offersOf(trail, 60);

describe('the queries to try', () => {
  it.each(offers)('$title is LogQL', ({ logql }) => {
    expect(parseLogql(logql)).not.toHaveProperty('expected');
    expect(parseLogql(logql)).toHaveProperty('type');
  });

  it('name the server where it is not at its usual address', () => {
    for (const offer of offers) {
      expect(commandOf(offer, 'http://127.0.0.1:7280')).not.toContain('--url');
      expect(commandOf(offer, 'http://127.0.0.1:7281')).toContain(' --url http://127.0.0.1:7281');
      expect(curlOf(offer, 'http://127.0.0.1:7281')).toContain(
        'curl -sG http://127.0.0.1:7281/loki/',
      );
    }
  });

  it("survive the shell: no quote of theirs ends the shell's", () => {
    for (const offer of offers) expect(offer.logql).not.toContain("'");
    const odd = { title: '', logql: `{a="it's"}`, flags: '', parameters: {} };
    expect(commandOf(odd, 'http://127.0.0.1:7280')).toContain(`'{a="it'\\''s"}'`);
  });
});
