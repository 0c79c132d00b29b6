import type { AppEvent } from '../app-events.ts';

/** A line of zap's production encoder (Go): epoch seconds with fractions, `caller`, stack trace. */
export const zapLine = (event: AppEvent): string => {
  const { ids, request, stack } = event;
  return JSON.stringify({
    level: event.level,
    ts: event.timeUs / 1e6,
    caller: event.logger,
    msg: event.message,
    version: event.instance.version,
    ...(request && {
      method: request.method,
      path: request.path,
      status: request.status,
      duration_ms: request.durationUs / 1000,
    }),
    ...(ids && { trace_id: ids.traceId, span_id: ids.spanId, request_id: ids.requestId }),
    ...event.fields,
    ...(stack && { error: stack.message, stacktrace: stack.trace }),
  });
};

/** What net/http writes when a handler panics: no logger's line, but bare text over many lines. */
export const goPanic = (event: AppEvent, peer: string): string => {
  const { stack } = event;
  const head = `http: panic serving ${peer}: ${stack?.message ?? ''}`;
  return `${head}\n${stack?.trace ?? ''}`;
};
