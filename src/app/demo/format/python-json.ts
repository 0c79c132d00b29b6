import type { AppEvent } from '../app-events.ts';
import { isoTime } from '../stamp.ts';

const LEVELS = { debug: 'DEBUG', info: 'INFO', warn: 'WARNING', error: 'ERROR' } as const;

/** A line of python-json-logger; `asctime` as Python's logging writes it, the comma included. */
export const pythonLine = (event: AppEvent): string => {
  const { ids, request, stack } = event;
  const time = isoTime(event.timeUs, 3).replace('T', ' ').replace('.', ',');
  return JSON.stringify({
    asctime: time,
    levelname: LEVELS[event.level],
    name: event.logger,
    message: event.message,
    ...(ids && { trace_id: ids.traceId, span_id: ids.spanId, request_id: ids.requestId }),
    service_version: event.instance.version,
    ...(request && {
      method: request.method,
      path: request.path,
      status: request.status,
      duration_ms: request.durationUs / 1000,
    }),
    ...event.fields,
    ...(stack && { exc_info: stack.trace }),
  });
};
