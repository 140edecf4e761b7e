import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../context.js';
import { hostName, LOOPBACK_NAMES } from './loopback.js';

const METHODS = 'GET, POST, DELETE, OPTIONS';
/** Seconds for which a browser need not ask again. */
const MAX_AGE = '600';

/**
 * Lets pages of other origins call, where the operator said which: browsers ask first, and hand an answer to a page only if it names the
 * page's origin. Without origins nothing of it is said, so that no page of another origin can read an answer.
 */
export function cors(origins: readonly string[]): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const origin = c.req.header('origin');
    if (origins.length === 0 || origin === undefined) return next();
    const isAllowed = allowsOrigin(origins, origin);
    if (isAllowed) {
      c.header('access-control-allow-origin', origin);
      c.header('access-control-allow-credentials', 'true');
      c.header('access-control-expose-headers', 'x-request-id, retry-after');
    }
    c.header('vary', 'origin');
    if (c.req.method !== 'OPTIONS' || c.req.header('access-control-request-method') === undefined) return next();
    if (isAllowed) {
      c.header('access-control-allow-methods', METHODS);
      c.header('access-control-allow-headers', c.req.header('access-control-request-headers') ?? '*');
      c.header('access-control-max-age', MAX_AGE);
    }
    return c.body(null, 200);
  };
}

/** Whether pages of an origin may call: `localhost` stands for all of this machine, `*` for all there are. */
export function allowsOrigin(origins: readonly string[], origin: string): boolean {
  return origins.some(
    (allowed) =>
      allowed === '*' || allowed === origin || (allowed === 'localhost' && LOOPBACK_NAMES.has(hostName(origin) ?? '')),
  );
}
