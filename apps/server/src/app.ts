import { StarlingError } from '@starling/core';
import { Hono } from 'hono';
import type { AppEnv } from './context.js';
import { DIALECTS } from './dialects/all.js';
import { authenticate } from './middleware/authenticate.js';
import { aborted } from './when-aborted.js';
import { cors } from './middleware/cors.js';
import { answerOptions, handleError, handleNotFound } from './middleware/errors.js';
import { knownHost } from './middleware/known-host.js';
import { observe } from './middleware/observe.js';
import { requestId } from './middleware/request-id.js';
import type { AppParts } from './parts.js';
import { traceRequests } from './tracing/trace-requests.js';
import { documentRoutes } from './routes/document.js';
import { healthRoutes } from './routes/health.js';
import { pageRoutes } from './routes/page.js';
import { routesOf } from './serving/serve-endpoint.js';

/** Paths that tell how it stands while models are being loaded. */
const AT_ONCE = new Set([
  '/v1/models',
  '/v1/status',
  '/api/tags',
  '/api/ps',
  '/api/version',
  '/v1/api/version',
  '/metrics',
]);

/** The HTTP server's app, put together from its parts. It holds no state of its own beside them. */
export function createApp(parts: AppParts): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.onError(handleError);
  app.notFound(handleNotFound(app));
  app.use(requestId(parts.logger));
  if (parts.tracing) app.use(traceRequests(parts.tracing));
  app.use(observe(parts.observer, parts.clock), cors(parts.hosts.corsOrigins), knownHost(parts.hosts));

  app.on('OPTIONS', '*', answerOptions(app));
  app.route('/', healthRoutes(parts));
  app.route('/', pageRoutes(parts));
  app.route('/', documentRoutes(parts));

  // Everything but the probes, the page and the document, whatever paths its dialects have.
  app.use(authenticate(parts), async (c, next) => {
    if (c.req.method !== 'GET' && !parts.isAccepting())
      throw new StarlingError('shutting_down', 'the server is shutting down and takes no new requests');
    // A client that comes while models are being loaded waits for them; lists and figures are there at once.
    if (AT_ONCE.has(c.req.path)) return next();
    await Promise.race([parts.presence.settled(), aborted(c.req.raw.signal)]);
    return next();
  });
  for (const dialect of DIALECTS) app.route('/', routesOf(dialect, parts));
  return app;
}
