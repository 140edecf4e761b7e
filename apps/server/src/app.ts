import { StarlingError } from '@starling/core';
import { Hono } from 'hono';
import type { AppEnv } from './context.js';
import { apiKey } from './middleware/api-key.js';
import { handleError, handleNotFound } from './middleware/errors.js';
import { observe } from './middleware/observe.js';
import { requestId } from './middleware/request-id.js';
import type { AppParts } from './parts.js';
import { generateRoutes } from './routes/generate.js';
import { healthRoutes } from './routes/health.js';
import { metricsRoutes } from './routes/metrics.js';
import { modelRoutes } from './routes/models.js';
import { pageRoutes } from './routes/page.js';
import { tokenizeRoutes } from './routes/tokenize.js';

/** The HTTP server's app, put together from its parts. It holds no state of its own beside them. */
export function createApp(parts: AppParts): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.onError(handleError);
  app.notFound(handleNotFound(app));
  app.use(requestId(parts.logger), observe(parts.observer, parts.clock));

  app.route('/', healthRoutes(parts));
  app.route('/', pageRoutes(parts));

  const guarded = apiKey(parts.apiKeys);
  app.use('/v1/*', guarded, async (_c, next) => {
    if (!parts.isAccepting()) throw new StarlingError('shutting_down', 'the server is shutting down and takes no new requests');
    await next();
  });
  app.use('/metrics', guarded);
  for (const routes of [generateRoutes, tokenizeRoutes, modelRoutes, metricsRoutes]) app.route('/', routes(parts));
  return app;
}
