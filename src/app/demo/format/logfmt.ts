import type { AppEvent } from '../app-events.ts';
import { isoTime, msText } from '../stamp.ts';

const BARE = /^[^\s"=\\]+$/;

const pair = (name: string, value: string | number): string => {
  const text = String(value);
  return `${name}=${BARE.test(text) ? text : JSON.stringify(text)}`;
};

/** A logfmt line as Go's slog.TextHandler writes it, with the trace in W3C's own form. */
export const logfmtLine = (event: AppEvent): string => {
  const { ids, request, stack } = event;
  const pairs = [
    pair('time', `${isoTime(event.timeUs, 6)}Z`),
    pair('level', event.level.toUpperCase()),
    pair('source', event.logger),
    pair('msg', event.message),
  ];
  if (ids !== undefined) {
    pairs.push(
      pair('trace_id', ids.traceId),
      pair('span_id', ids.spanId),
      pair('request_id', ids.requestId),
    );
  }
  if (request !== undefined) {
    pairs.push(
      pair('method', request.method),
      pair('path', request.path),
      pair('status', request.status),
      pair('duration', `${msText(request.durationUs, 3)}ms`),
    );
  }
  for (const [name, value] of Object.entries(event.fields ?? {})) pairs.push(pair(name, value));
  if (stack !== undefined) pairs.push(pair('error', stack.message), pair('stack', stack.trace));
  return pairs.join(' ');
};
