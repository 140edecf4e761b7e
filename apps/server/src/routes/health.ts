import { Hono } from 'hono';
import type { AppEnv } from '../context.js';
import type { AppParts } from '../parts.js';

/** `GET /health`, `GET /v1/health` (the process lives) and `GET /ready` (requests find a model and room in its queue). */
export function healthRoutes(parts: AppParts): Hono<AppEnv> {
  const startedAt = parts.clock();
  return new Hono<AppEnv>()
    .on('GET', ['/health', '/v1/health'], (c) =>
      c.json({ status: 'ok', version: parts.version, uptime_s: Math.round((parts.clock() - startedAt) / 1000) }),
    )
    .get('/ready', (c) => {
      const checks = readiness(parts);
      const isReady = Object.values(checks).every((check) => check.ok);
      return c.json(
        { status: isReady ? 'ready' : 'not_ready', checks },
        isReady ? 200 : 503,
        isReady ? {} : { 'retry-after': '1' },
      );
    });
}

interface Check {
  readonly ok: boolean;
  readonly detail: string;
}

function readiness({ models, isStopping, presence }: AppParts): Record<string, Check> {
  // What is not in memory is loaded when somebody asks for it; who asks while it comes or goes waits.
  const loadable =
    presence.hold === undefined ? [] : models.list().filter(({ state }) => state !== 'ready' && state !== 'failed');
  const loaded = models.list().flatMap(({ state, model }) => (state === 'ready' && model ? [model] : []));
  const roomy = loaded.filter((model) => model.statistics().isAccepting);
  const accepting = !isStopping();
  return {
    accepting: { ok: accepting, detail: accepting ? 'takes requests' : 'is shutting down' },
    model: {
      ok: presence.isWarm() && loaded.length + loadable.length > 0,
      detail: `${loaded.length} of ${models.list().length} loaded${loadable.length > 0 ? `, ${loadable.length} when asked for` : ''}${presence.isWarm() ? '' : '; warming up'}`,
    },
    queue: {
      ok: roomy.length > 0 || (loaded.length === 0 && loadable.length > 0),
      detail: `${roomy.length} of ${loaded.length} models have room in their queue`,
    },
  };
}
