import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { AppContext, AppEnv } from '../context.js';
import type { RequestObserver } from '../parts.js';

/** Paths that are asked again and again while a server starts. */
const PROBES = new Set(['/health', '/ready']);

/** Tells what became of each request, to the metrics and to the log, once its last byte was handed over. */
export function observe(observer: RequestObserver, clock: () => number): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const start = clock();
    await next();
    const finish = () => {
      const durationMs = clock() - start;
      const { status } = c.res;
      observer.requestFinished({ route: routeOf(c), status, durationMs });
      const quiet = c.req.method === 'GET' && (status < 400 || PROBES.has(c.req.path));
      c.get('log')[quiet ? 'debug' : 'info']({ method: c.req.method, path: c.req.path, status, duration_ms: Math.round(durationMs * 10) / 10 }, 'request');
    };
    const end = c.get('streamEnd');
    if (end) void end.then(finish);
    else finish();
  };
}

/** The route's own path as a label: never what the client typed, so that labels stay few. */
function routeOf(c: AppContext): string {
  const path = routePath(c, -1);
  return path === '*' || path === '/*' ? 'none' : path;
}
