import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../context.js';
import { dialectOf } from '../dialects/all.js';
import type { Logger } from '../parts.js';

/** Visible ASCII without quotes, so that an id can stand in logs and headers as it is. */
const SANE_ID = /^[\w.:/+=@~-]{1,128}$/;

/** Gives each request an id and a log that carries it, and puts the id on the response. */
export function requestId(logger: Logger): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const sent = c.req.header('x-request-id');
    const id = sent !== undefined && SANE_ID.test(sent) ? sent : crypto.randomUUID();
    c.set('requestId', id);
    c.set('log', logger.child({ request_id: id }));
    c.header('x-request-id', id);
    await next();
    c.res.headers.set('x-request-id', id);
    // Nothing that is sent here is to be taken for what it does not say it is.
    c.res.headers.set('x-content-type-options', 'nosniff');
    const { requestIdHeader } = c.get('dialect') ?? dialectOf(c.req.path);
    if (requestIdHeader !== undefined) c.res.headers.set(requestIdHeader, id);
  };
}
