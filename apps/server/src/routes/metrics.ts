import { Hono } from 'hono';
import type { AppEnv } from '../context.js';
import type { AppParts } from '../parts.js';

/** `GET /metrics`, in OpenMetrics text. */
export function metricsRoutes({ metrics }: AppParts): Hono<AppEnv> {
  return new Hono<AppEnv>().get('/metrics', async (c) => c.body(await metrics.render(), 200, { 'content-type': metrics.contentType }));
}
