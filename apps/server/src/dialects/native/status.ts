import type { ModelEntry, ServedModel } from '../../parts.js';
import { json, type Endpoint, type ServerFacts } from '../dialect.js';
import { statusAnswer } from './answer-schema.js';

/** How much of a tenant that no key belongs to any more is shown. */
const SHORT_TENANT = 8;

/** `GET /v1/status`: what the server does now, and totals since its start; who asks again has rates from the differences. */
export const status: Endpoint = {
  method: 'GET',
  paths: ['/v1/status'],
  access: 'metrics',
  isQuiet: true,
  summary: 'What the server does now: queues, slots, KV memory, shares of tenants, totals',
  answer: statusAnswer,
  handle({ models, server }) {
    const { requests, rejected, promptTokens, cachedTokens, generatedTokens, busyMs } = server.totals();
    return json({
      version: server.version,
      time_ms: Math.round(server.clock()),
      totals: {
        requests,
        rejected,
        prompt_tokens: promptTokens,
        cached_tokens: cachedTokens,
        generated_tokens: generatedTokens,
        busy_ms: Math.round(busyMs),
      },
      models: models.list().map((entry) => describe(entry, server)),
    });
  },
};

function describe({ name, state, model }: ModelEntry, server: ServerFacts): object {
  return {
    name,
    state,
    ...(model !== undefined && {
      ...loadOf(model),
      tenants: model.statistics().tenants.map(({ tenant, weight, queued, running, servedMs }) => ({
        name: nameOf(tenant, server),
        weight,
        queued,
        running,
        served_ms: Math.round(servedMs),
      })),
    }),
  };
}

function loadOf(model: ServedModel): object {
  const { queued, queuedTokens, queueLimit, running, suspended, isAccepting, kv, kvOfWindows, cache } =
    model.statistics();
  const { pageTokens, maxSequences, sequenceLimit, weightBytes, scratchBytes, totalBytes } = model.info;
  return {
    queued,
    queued_tokens: queuedTokens,
    queue_limit: queueLimit,
    running,
    suspended,
    slots: maxSequences,
    accepting: isAccepting,
    context_length: sequenceLimit,
    weights_bytes: weightBytes,
    scratch_bytes: scratchBytes,
    total_bytes: totalBytes,
    kv: { page_tokens: pageTokens, ...pagesOf(kv), ...(kvOfWindows && { windows: pagesOf(kvOfWindows) }) },
    shared_prefix: { tokens: cache.sharedTokens, pages: cache.sharedPages },
    sessions: cache.sessions,
  };
}

function pagesOf({
  pageCount,
  freePages,
  cachedPages,
  allocatedBytes,
  freeBytes,
}: ReturnType<ServedModel['statistics']>['kv']): object {
  return {
    bytes: allocatedBytes + freeBytes,
    pages: pageCount,
    used: pageCount - freePages,
    cached: cachedPages,
    free: freePages - cachedPages,
  };
}

/** Names are for people; a tenant is a digest of a key, which is nobody's business. */
function nameOf(tenant: string, { keys }: ServerFacts): string {
  return keys.nameOf(tenant) ?? (tenant === '' ? 'anybody' : `key ${tenant.slice(0, SHORT_TENANT)}`);
}
