import { Hono } from 'hono';
import type { AppEnv } from '../context.js';
import type { AppParts } from '../parts.js';

/** `GET /health` (the process lives) and `GET /ready` (requests find a model and room in its queue). */
export function healthRoutes(parts: AppParts): Hono<AppEnv> {
  const startedAt = parts.clock();
  return new Hono<AppEnv>()
    .get('/health', (c) => c.json({ status: 'ok', version: parts.version, uptime_s: Math.round((parts.clock() - startedAt) / 1000) }))
    .get('/ready', (c) => {
      const checks = readiness(parts);
      const isReady = Object.values(checks).every((check) => check.ok);
      return c.json({ status: isReady ? 'ready' : 'not_ready', checks }, isReady ? 200 : 503, isReady ? {} : { 'retry-after': '1' });
    });
}

interface Check {
  readonly ok: boolean;
  readonly detail: string;
}

function readiness({ models, isAccepting }: AppParts): Record<string, Check> {
  const loaded = models.list().flatMap(({ state, model }) => (state === 'ready' && model ? [model] : []));
  const roomy = loaded.filter((model) => {
    const { queued, queueLimit } = model.statistics();
    return queued < queueLimit;
  });
  const accepting = isAccepting();
  return {
    accepting: { ok: accepting, detail: accepting ? 'takes requests' : 'is shutting down' },
    model: { ok: loaded.length > 0, detail: `${loaded.length} of ${models.list().length} loaded` },
    queue: { ok: roomy.length > 0, detail: `${roomy.length} of ${loaded.length} models have room in their queue` },
  };
}
