import type { AppEvent } from '../app-events.ts';

const LEVELS = { debug: 20, info: 30, warn: 40, error: 50 } as const;

/** A line of pino (Node.js) with the serialisers of pino-http. */
export const pinoLine = (event: AppEvent): string => {
  const { ids, request, stack } = event;
  return JSON.stringify({
    level: LEVELS[event.level],
    time: Math.floor(event.timeUs / 1000),
    pid: 1,
    hostname: event.instance.pod,
    version: event.instance.version,
    ...(ids && { trace_id: ids.traceId, span_id: ids.spanId, request_id: ids.requestId }),
    ...(request && {
      req: { method: request.method, url: request.path },
      res: { statusCode: request.status },
      responseTime: Math.round(request.durationUs / 1000),
    }),
    ...event.fields,
    ...(stack && {
      err: {
        type: stack.type,
        message: stack.message,
        stack: `${stack.type}: ${stack.message}\n${stack.trace}`,
      },
    }),
    msg: event.message,
  });
};
