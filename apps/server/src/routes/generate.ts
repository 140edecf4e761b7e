import { isStarlingError, StarlingError } from '@starling/core';
import type { Generation } from '@starling/engine';
import { Hono } from 'hono';
import { errorReply } from '../adapters/error-body.js';
import { eventStream, formatEvent } from '../adapters/event-stream.js';
import { doneEvent, fieldName, generateResult, toGenerateRequest, tokenEvent } from '../adapters/generate.js';
import type { AppContext, AppEnv } from '../context.js';
import { jsonBody } from '../middleware/json-body.js';
import type { AppParts } from '../parts.js';
import { generateSchema, type GenerateBody } from '../schemas/generate.js';
import { validate } from '../schemas/validate.js';

/** `POST /v1/generate`: an answer as one JSON body, or as a stream of events. */
export function generateRoutes(parts: AppParts): Hono<AppEnv> {
  return new Hono<AppEnv>().post('/v1/generate', async (c) => {
    const body = validate(generateSchema, await jsonBody(c, parts.limits.maxBodyBytes));
    const model = parts.models.pick(body.model);
    const gone = new AbortController();
    const signal = AbortSignal.any([c.req.raw.signal, gone.signal]);
    try {
      const generation = model.generate(toGenerateRequest(body, crypto.randomUUID(), signal, model.info.contextLength));
      if (body.stream) return streamed(c, body, generation, parts.limits.heartbeatMs, () => gone.abort());
      return c.json(generateResult(await generation.result()));
    } catch (error) {
      throw inWordsOf(body, error);
    }
  });
}

function streamed(c: AppContext, body: GenerateBody, generation: Generation, heartbeatMs: number, cancel: () => void): Response {
  const { body: bytes, ended } = eventStream(eventsOf(c, body, generation), heartbeatMs, cancel);
  c.set('streamEnd', ended);
  return c.body(bytes, 200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    // Proxies must pass each event on as it comes.
    'x-accel-buffering': 'no',
  });
}

/** The events of an answer. What fails after the stream has begun becomes its last event. */
async function* eventsOf(c: AppContext, body: GenerateBody, generation: Generation): AsyncGenerator<string> {
  try {
    for await (const part of generation) {
      if (part.kind === 'token') yield formatEvent('token', tokenEvent(part));
      else if (part.kind === 'done') yield formatEvent('done', doneEvent(part));
    }
  } catch (error) {
    const reply = errorReply(inWordsOf(body, error), c.get('requestId'));
    if (reply.isFault) c.get('log').error({ err: error }, 'stream failed');
    yield formatEvent('error', reply.body);
  }
}

/** The engine's error with the field named as the client named it. */
function inWordsOf(body: GenerateBody, thrown: unknown): unknown {
  if (!isStarlingError(thrown)) return thrown;
  const given = body.messages === undefined ? 'prompt' : 'messages';
  const { param } = thrown.details;
  const field = typeof param === 'string' ? fieldName(param) : thrown.code === 'context_length_exceeded' ? given : undefined;
  if (field === undefined || field === param) return thrown;
  const message = typeof param === 'string' ? thrown.message.replace(new RegExp(`\\b${param}\\b`), field) : thrown.message;
  return new StarlingError(thrown.code, message, { details: { ...thrown.details, param: field }, cause: thrown });
}
