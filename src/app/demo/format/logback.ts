import type { AppEvent } from '../app-events.ts';
import { isoTime } from '../stamp.ts';

const VALUES = { debug: 10_000, info: 20_000, warn: 30_000, error: 40_000 } as const;

/** A line of logback with logstash-logback-encoder (Java); trace and request ids are in the MDC. */
export const logbackLine = (event: AppEvent): string => {
  const { ids, request, stack } = event;
  return JSON.stringify({
    '@timestamp': `${isoTime(event.timeUs, 6)}Z`,
    '@version': '1',
    message: event.message,
    logger_name: event.logger,
    thread_name: `http-nio-${event.instance.service.port}-exec-${1 + (event.timeUs % 16)}`,
    level: event.level.toUpperCase(),
    level_value: VALUES[event.level],
    ...(ids && { trace_id: ids.traceId, span_id: ids.spanId, request_id: ids.requestId }),
    service_version: event.instance.version,
    ...(request && {
      'http.method': request.method,
      'url.path': request.path,
      'http.status_code': request.status,
      elapsed_ms: Math.round(request.durationUs / 1000),
    }),
    ...event.fields,
    ...(stack && { stack_trace: `${stack.type}: ${stack.message}\n${stack.trace}\n` }),
  });
};
