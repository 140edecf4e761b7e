import { Hono } from 'hono';
import type { AppEnv } from '../context.js';
import type { AppParts, ModelEntry } from '../parts.js';

/** `GET /v1/models`: the OpenAI list, with what we know of each model beside. */
export function modelRoutes({ models }: AppParts): Hono<AppEnv> {
  return new Hono<AppEnv>().get('/v1/models', (c) => c.json({ object: 'list', data: models.list().map(describe) }));
}

function describe({ name, state, source, sha256, loadedAt, model }: ModelEntry): object {
  return {
    id: name,
    object: 'model',
    created: loadedAt === undefined ? 0 : Math.floor(loadedAt.getTime() / 1000),
    owned_by: 'starling',
    state,
    file: source,
    sha256: sha256 ?? null,
    ...(model === undefined ? {} : figures(model)),
  };
}

function figures(model: NonNullable<ModelEntry['model']>): object {
  const { info } = model;
  const { kv, queued, running } = model.statistics();
  return {
    architecture: info.architecture,
    quantization: info.quantization,
    context_length: info.contextLength,
    vocab_size: info.vocabSize,
    has_chat_template: info.hasChatTemplate,
    weights_bytes: info.weightBytes,
    kv_bytes: info.kvBytes,
    kv_bytes_in_use: kv.allocatedBytes,
    queued,
    running,
  };
}
