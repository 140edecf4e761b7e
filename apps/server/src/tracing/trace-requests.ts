import type { Tracing } from '@starling/telemetry/tracing';
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../context.js';
import { isProbe, routeOf } from '../middleware/route-of.js';

/**
 * Gives each request a span, in its caller's trace where it sent `traceparent`; answers carry the header too, and the log's lines the trace's id.
 * Probes and scrapes have none: they would be most of what is kept.
 */
export function traceRequests(tracing: Tracing): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const { method, path } = c.req;
    if (isProbe(path) || path === '/metrics' || method === 'OPTIONS') return next();
    const trace = tracing.begin(method, (name) => c.req.header(name), {
      'http.request.method': method,
      'url.path': path,
      'starling.request_id': c.get('requestId'),
    });
    c.set('trace', trace);
    c.set('log', c.get('log').child({ trace_id: trace.traceId }));
    const finish = (): void => {
      const { status } = c.res;
      const route = routeOf(c);
      const usage = c.get('usage');
      trace.rename(`${method} ${route}`);
      trace.set({
        'http.route': route,
        'http.response.status_code': status,
        'gen_ai.provider.name': usage?.operation && 'starling',
        'gen_ai.operation.name': usage?.operation,
        'gen_ai.request.model': usage?.model,
      });
      trace.end(c.get('errorCode'));
    };
    await trace.run(next);
    for (const [name, value] of Object.entries(tracing.headersOf(trace))) c.res.headers.set(name, value);
    const end = c.get('streamEnd');
    if (end) void end.then(finish);
    else finish();
  };
}
