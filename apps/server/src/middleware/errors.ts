import { StarlingError } from '@starling/core';
import type { Hono, NotFoundHandler } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { AppContext, AppEnv } from '../context.js';
import { dialectOf } from '../dialects/all.js';
import { errorReply } from '../serving/error-reply.js';

/** Answers anything that a route or middleware throws in the shape of the API that was called; faults of ours go to the log with their stack. */
export function handleError(thrown: unknown, c: AppContext): Response {
  const dialect = c.get('dialect') ?? dialectOf(c.req.path);
  const { facts, headers, isFault } = errorReply(thrown, dialect.errors, c.get('requestId'));
  c.set('errorCode', facts.code);
  if (isFault) c.get('log').error({ err: thrown, path: c.req.path }, 'request failed');
  return c.body(JSON.stringify(dialect.errorBody(facts)), facts.status as ContentfulStatusCode, {
    'content-type': 'application/json',
    ...headers,
  });
}

/** Answers `OPTIONS` with what a path takes: to whoever asks, since it tells nothing else. */
export function answerOptions(app: Hono<AppEnv>): (c: AppContext) => Response {
  return (c) => {
    const allowed = methodsOf(app, c.req.path);
    return allowed.length > 0
      ? c.body(null, 204, { allow: allowed.join(', ') })
      : handleError(new StarlingError('not_found', `there is nothing at ${c.req.path}`), c);
  };
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
  const methods = new Set(
    app.routes.filter((route) => route.method !== 'ALL' && isPathOf(route.path, path)).map((route) => route.method),
  );
  if (methods.size === 0) return [];
  if (methods.has('GET')) methods.add('HEAD');
  return [...methods, 'OPTIONS'];
}

/** Whether a path is one of a route's, whose parameters (`:id`) stand for any one step. */
function isPathOf(route: string, path: string): boolean {
  if (!route.includes(':')) return route === path;
  const [steps, given] = [route.split('/'), path.split('/')];
  return (
    steps.length === given.length &&
    steps.every((step, i) => (step.startsWith(':') ? given[i] !== '' : step === given[i]))
  );
}
