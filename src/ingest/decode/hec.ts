import type { DecodeRequest, EventSink, HttpDecoder, Reply } from './decode.ts';
import { ackIdOf, readAcks } from './hec-ack.ts';
import { readEvents } from './hec-event.ts';
import { readRaw } from './hec-raw.ts';
import { HEC, hecReply, refusalOf } from './hec-reply.ts';
import { bodyOf, sampleOf } from './inflated-body.ts';

/**
 * Splunk's HTTP Event Collector (Splunk documentation, "HTTP Event Collector REST API endpoints"):
 * events as objects one after another, raw lines, health, acknowledgement by channel. The body is
 * what its path says, whatever the content type: most senders name a form's and send JSON.
 *
 * Splunk stops at the first bad event, keeps those before it and names it. Senders do not send what
 * was refused with 400 again, so that what follows would be lost: here every good event of the
 * request is kept, and the first bad one is named.
 */
export const createHec = (): HttpDecoder => ({
  name: 'hec',
  native: 'hec',
  mount: '',
  routes: [
    ...['', '/event', '/event/1.0', '/raw', '/raw/1.0', '/ack', '/ack/1.0'].map((path) => ({
      method: 'POST',
      path: `/services/collector${path}`,
    })),
    // Docker's driver looks whether its address answers, without the token.
    ...['', '/event', '/event/1.0', '/raw', '/raw/1.0'].map((path) => ({
      method: 'OPTIONS',
      path: `/services/collector${path}`,
      open: true,
    })),
    ...['', '/1.0'].map((version) => ({
      method: 'GET',
      path: `/services/collector/health${version}`,
      open: true,
    })),
  ],
  decode,
  refuse: refusalOf,
});

const LOOKED: Reply = { status: 200, headers: { allow: 'POST, OPTIONS' }, body: '' };

const decode = (request: DecodeRequest, sink: EventSink): Reply => {
  if (request.method === 'OPTIONS') return LOOKED;
  const word = request.path.split('/')[3] ?? '';
  if (word === 'health') return hecReply(HEC.healthy);
  const body = bodyOf(request, sink);
  if (!body.ok) return hecReply(body.code === 'too_large' ? HEC.tooLarge : HEC.badFormat);
  const { bytes } = body;
  if (word === 'ack') return readAcks(request, bytes);
  const bad = word === 'raw' ? readRaw(request, bytes, sink) : readEvents(bytes, sink);
  if (bad === 'no_data') {
    sink.reject('empty_body', sampleOf(bytes, 0, bytes.length));
    return hecReply(HEC.noData);
  }
  if (bad !== undefined) return hecReply(bad.code, bad.event);
  return hecReply(HEC.success, undefined, ackIdOf(request, bytes, sink.observedSec));
};
