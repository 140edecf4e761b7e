import type { DonePart } from '@starling/engine';
import { RepeatFilter } from '@starling/telemetry';
import type { MiddlewareHandler } from 'hono';
import type { AppContext, AppEnv } from '../context.js';
import type { RequestObserver } from '../parts.js';
import { exemplarOf } from '../tracing/engine-traces.js';
import { isProbe, routeOf } from './route-of.js';

/** Tells what became of each request, to the metrics and to the log, once its last byte was handed over. What was asked and answered is in neither. */
export function observe(observer: RequestObserver, clock: () => number): MiddlewareHandler<AppEnv> {
  // Whoever is refused tries again, often at once: a flood of refusals must not hide other lines.
  const refusals = new RepeatFilter({ clock });
  return async (c, next) => {
    const start = clock();
    c.set('receivedAt', start);
    await next();
    const finish = () => {
      const durationMs = clock() - start;
      const { status } = c.res;
      const { operation, model } = c.get('usage') ?? {};
      observer.requestFinished({
        route: routeOf(c),
        status,
        durationMs,
        operation,
        model,
        error: c.get('errorCode'),
        exemplar: exemplarOf(c.get('trace')),
      });
      const quiet = c.req.method === 'GET' && (status < 400 || isProbe(c.req.path));
      const error = c.get('errorCode');
      const repeated = error === undefined ? { skipped: 0 } : refusals.admit(`${routeOf(c)} ${error}`);
      if (repeated === undefined) return;
      const facts = {
        method: c.req.method,
        path: c.req.path,
        status,
        ...(error !== undefined && { error }),
        duration_ms: tenths(durationMs),
        ...callerFacts(c),
        ...(repeated.skipped > 0 && { skipped: repeated.skipped }),
      };
      c.get('log')[quiet ? 'debug' : 'info'](facts, 'request');
    };
    const end = c.get('streamEnd');
    if (end) void end.then(finish);
    else finish();
  };
}

/** Who called, and what it cost; of what no route took, nothing. */
function callerFacts(c: AppContext): object {
  const usage = c.get('usage');
  if (usage === undefined) return {};
  const { name, tenant } = c.get('principal');
  const { model, promptTokens, cachedTokens, completionTokens, done } = usage;
  const cost = { model, prompt_tokens: promptTokens, cached_tokens: cachedTokens, completion_tokens: completionTokens };
  return {
    key: name,
    tenant: tenant.slice(0, TENANT_DIGITS),
    ...(model !== undefined && cost),
    ...(done && answerFacts(done)),
  };
}

/** Where the time of an answer went; of several, of the one that ended last. */
function answerFacts({ sessionId, finishReason, timings }: DonePart): object {
  return {
    ...(sessionId !== undefined && { session: sessionId }),
    finish: finishReason,
    queue_ms: tenths(timings.queueMs),
    prompt_ms: tenths(timings.promptMs),
    first_token_ms: tenths(timings.firstTokenMs),
    decode_ms: tenths(timings.decodeMs),
    ...(timings.preemptions > 0 && { preemptions: timings.preemptions, suspended_ms: tenths(timings.suspendedMs) }),
  };
}

/** Of a tenant's digest: enough to tell tenants apart in a log, and too little to look anything up by. */
const TENANT_DIGITS = 12;

const tenths = (ms: number): number => Math.round(ms * 10) / 10;
