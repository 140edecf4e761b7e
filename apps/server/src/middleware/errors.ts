import { StarlingError } from '@starling/core';
import type { Hono, NotFoundHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { errorReply } from '../adapters/error-body.js';
import type { AppContext, AppEnv } from '../context.js';

/** Answers anything that a route or middleware throws in the one error shape; faults of ours go to the log with their stack. */
export function handleError(thrown: unknown, c: AppContext): Response {
  const reply = errorReply(thrown, c.get('requestId'));
  if (reply.isFault) c.get('log').error({ err: thrown, path: c.req.path }, 'request failed');
  return c.json(reply.body, reply.status as ContentfulStatusCode, reply.headers);
}

/** Answers what no route takes: 405 with `Allow` where the path exists for other methods, else 404. */
export function handleNotFound(app: Hono<AppEnv>): NotFoundHandler<AppEnv> {
  return (c) => {
    const { method, path } = c.req;
    const allowed = methodsOf(app, path);
    if (allowed.length === 0) {
      return handleError(new StarlingError('not_found', `there is nothing at ${path}`, { details: { path } }), c);
    }
    const message = `${path} does not take ${method}; it takes ${allowed.join(', ')}`;
    const response = handleError(new StarlingError('method_not_allowed', message, { details: { method, allowed } }), c);
    response.headers.set('allow', allowed.join(', '));
    return response;
  };
}

function methodsOf(app: Hono<AppEnv>, path: string): string[] {
  const methods = new Set(app.routes.filter((route) => route.path === path && route.method !== 'ALL').map((route) => route.method));
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods];
}
