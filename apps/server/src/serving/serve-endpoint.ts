import { isStarlingError, StarlingError } from '@starling/core';
import { Hono } from 'hono';
import { mayUse, type Access, type Principal } from '../access/principal.js';
import type { AppContext, AppEnv } from '../context.js';
import type { Dialect, Endpoint } from '../dialects/dialect.js';
import type { Admission } from '../limits/caller-limiter.js';
import type { AppParts } from '../parts.js';
import type { Hold } from '../models/residence.js';
import { isRecord, validate } from '../schemas/validate.js';
import { exemplarOf } from '../tracing/engine-traces.js';
import { CallerModels } from './caller-models.js';
import { clientOf } from './client.js';
import { jsonBody } from './json-body.js';
import { inOwnWords } from './own-words.js';
import { sendReply } from './send-reply.js';
import { RequestUsage } from './usage.js';

/** The routes of a dialect: each asks who may and how much, reads the body, calls the endpoint, and sends what it answers. */
export function routesOf(dialect: Dialect, parts: AppParts): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  for (const endpoint of dialect.endpoints)
    app.on(endpoint.method, [...endpoint.paths], (c) => serveEndpoint(c, dialect, endpoint, parts));
  return app;
}

async function serveEndpoint(c: AppContext, dialect: Dialect, endpoint: Endpoint, parts: AppParts): Promise<Response> {
  c.set('dialect', dialect);
  const principal = c.get('principal');
  requireRole(principal, endpoint.access, c.req.path);
  const usage = new RequestUsage();
  c.set('usage', usage);
  const admission = endpoint.method === 'POST' ? await admit(c, principal, parts) : undefined;
  const client = clientOf(c);
  let hold: Hold | undefined;
  let keepAlive: number | undefined;
  const onEnd = (): void => {
    client.end();
    hold?.release(keepAlive);
    admission
      ?.end(usage.tokens)
      .catch((error: unknown) => c.get('log').warn({ err: error }, 'a limit was not counted'));
  };
  let inTheirWords = (thrown: unknown): unknown => thrown;
  try {
    const body: unknown =
      endpoint.body &&
      validate(
        endpoint.body,
        await jsonBody(c, parts.limits.maxBodyBytes, {
          takesUntyped: dialect.takesUntypedBodies,
          isOptional: endpoint.bodyIsOptional,
        }),
      );
    inTheirWords = (thrown) => inOwnWords(thrown, dialect, endpoint.body, body);
    const models = new CallerModels(parts.models, {
      principal,
      signal: client.signal,
      usage,
      saved: parts.saved,
      onAnswer: (answer) => parts.observer.answerFinished({ ...answer, exemplar: exemplarOf(c.get('trace')) }),
    });
    // How long models stay is for those who may unload them: what others have in one is gone with it.
    if (mayUse(principal, 'admin')) keepAlive = endpoint.keepAlive?.(body);
    hold = await modelFor(endpoint, body, c, models, parts, client.signal);
    const reply = await endpoint.handle({
      body,
      models,
      principal,
      server: parts,
      requestId: c.get('requestId'),
      receivedAt: c.get('receivedAt'),
      modelAt: parts.clock(),
      signal: client.signal,
      header: (name) => c.req.header(name),
      query: (name) => c.req.query(name),
      param: (name) => c.req.param(name) ?? '',
    });
    return await sendReply(c, reply, {
      dialect,
      inTheirWords,
      heartbeatMs: parts.limits.heartbeatMs,
      stallMs: parts.limits.stallMs,
      whenLookedAt: (speak) => client.whenLookedAt(speak),
      onGone: () => client.leave(),
      onEnd,
    });
  } catch (error) {
    // Of several prompts one may have been refused: the others are not wanted.
    client.leave();
    onEnd();
    throw inTheirWords(error);
  }
}

/** Sees to it that the model of a request is there until that is over; other requests find the lists as they are. */
async function modelFor(
  endpoint: Endpoint,
  body: unknown,
  c: AppContext,
  models: CallerModels,
  { presence }: AppParts,
  signal: AbortSignal,
): Promise<Hold | undefined> {
  await presence.refresh();
  const isQuiet = typeof endpoint.isQuiet === 'function' ? endpoint.isQuiet(body) : endpoint.isQuiet;
  if (isQuiet || presence.hold === undefined) return undefined;
  const named = isRecord(body) && 'model' in body ? body.model : c.req.query('model');
  const name = models.wanted(typeof named === 'string' && named !== '' ? named : undefined);
  if (name === undefined) return undefined;
  try {
    return await presence.hold(name, signal);
  } catch (error) {
    // Where a file lies and what is wrong with it is for those who run the server.
    if (!isStarlingError(error) || OWN_FAULTS.has(error.code) || mayUse(c.get('principal'), 'admin')) throw error;
    c.get('log').error({ err: error, model: name }, 'a model could not be loaded');
    throw new StarlingError('model_not_loaded', `model ${name} could not be loaded: ${error.code}`, {
      details: { param: 'model', model: name },
      cause: error,
    });
  }
}

/** What a request for a model may be told whoever sent it. */
const OWN_FAULTS: ReadonlySet<string> = new Set(['queue_full', 'cancelled', 'shutting_down', 'model_not_loaded']);

const NEEDED: Readonly<Record<Access, string>> = {
  user: 'a key of a user',
  metrics: 'a key for metrics, or an administrator’s',
  admin: 'a key of an administrator',
};

/** @throws StarlingError forbidden */
function requireRole(principal: Principal, access: Access, path: string): void {
  if (mayUse(principal, access)) return;
  throw new StarlingError(
    'forbidden',
    `${path} needs ${NEEDED[access]}; the role of the key "${principal.name}" is "${principal.role}"`,
    { details: { role: principal.role, access } },
  );
}

/** @throws StarlingError rate_limited */
async function admit(c: AppContext, principal: Principal, { limiter }: AppParts): Promise<Admission> {
  const admission = await limiter.admit(principal);
  for (const [name, value] of Object.entries(admission.headers)) c.header(name, value);
  if (admission.refusal) throw admission.refusal;
  return admission;
}
