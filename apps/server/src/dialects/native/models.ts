import { mayUse, type Principal } from '../../access/principal.js';
import type { AppFeatures, ModelDirectory, ModelEntry } from '../../parts.js';
import { endpoint, json, type Endpoint } from '../dialect.js';
import { capabilitiesOf, detailsOf } from '../ollama/bodies.js';
import { modelAnswer, modelListAnswer, unloadModelAnswer } from './answer-schema.js';
import { fileUrl, isForTabs } from './model-file.js';
import { tabDefaults } from './tab-defaults.js';
import { loadModelSchema, reloadModelSchema, unloadModelSchema } from './models-schema.js';

/** llama.cpp's numbers of kinds of vocabularies. */
const VOCAB_TYPES = { spm: 1, bpe: 2, wordpiece: 3, unigram: 4, rwkv: 5, plamo2: 6 } as const;

/** `GET /v1/models`: the OpenAI list, with what we know of each model beside. */
export const listModels: Endpoint = {
  method: 'GET',
  paths: ['/v1/models'],
  access: 'user',
  isQuiet: true,
  summary: 'The models that are served',
  answer: modelListAnswer,
  handle: ({ models: directory, principal, server }) => json(modelList(directory, principal, server.features)),
};

/** `GET /v1/models/NAME`: one of them, by a name that it goes by. */
export const retrieveModel: Endpoint = {
  method: 'GET',
  paths: ['/v1/models/:id'],
  access: 'user',
  isQuiet: true,
  summary: 'One of the models that are served',
  answer: modelAnswer,
  handle({ models: directory, principal, server, param }) {
    const find = (wanted: string): ModelEntry | undefined => directory.list().find(({ name }) => name === wanted);
    const entry = find(directory.resolve(param('id')) ?? '') ?? find(directory.pick(param('id')).info.name);
    return json(entry && describe(entry, mayUse(principal, 'admin'), server.features));
  },
};

const load = endpoint({
  method: 'POST',
  paths: ['/v1/models/load'],
  access: 'admin',
  isQuiet: true,
  summary: 'Load a model beside those that are served; answers when it is ready',
  answer: modelAnswer,
  body: loadModelSchema,
  example: { model: 'hf:Qwen/Qwen3-0.6B-GGUF:Q8_0', name: 'qwen3' },
  handle: async ({ body: { model, name }, server }) =>
    json(describe(await server.admin.load(model, { name: name ?? undefined }), true, server.features)),
});

const unload = endpoint({
  method: 'POST',
  paths: ['/v1/models/unload'],
  access: 'admin',
  isQuiet: true,
  summary: 'Let a model end what it has begun, and give its memory back',
  answer: unloadModelAnswer,
  body: unloadModelSchema,
  example: { name: 'qwen3' },
  async handle({ body: { name }, server }) {
    await server.admin.unload(name);
    return json({ id: name, object: 'model', state: 'unloaded' });
  },
});

const reload = endpoint({
  method: 'POST',
  paths: ['/v1/models/reload'],
  access: 'admin',
  isQuiet: true,
  summary:
    'Put another file, or the same again, in the place of a model; the old one serves meanwhile where memory holds both',
  answer: modelAnswer,
  body: reloadModelSchema,
  example: { name: 'qwen3' },
  handle: async ({ body: { name, model }, server }) =>
    json(describe(await server.admin.reload(name, model ?? undefined), true, server.features)),
});

/** For administrators to say what models are served. */
export const models: readonly Endpoint[] = [load, unload, reload];

/** The list as OpenAI's and Anthropic's clients read it (`data`: one page), and as those of Ollama and of llama-server do (`models`). */
export function modelList(directory: ModelDirectory, principal: Principal, features: AppFeatures): object {
  const entries = directory.list();
  return {
    object: 'list',
    data: entries.map((entry) => describe(entry, mayUse(principal, 'admin'), features)),
    first_id: entries.at(0)?.name ?? null,
    last_id: entries.at(-1)?.name ?? null,
    has_more: false,
    models: entries.map(summary),
  };
}

/** Where a file lies, what is in it, and how much memory it takes are for those who run the server. */
function describe(entry: ModelEntry, isAdmin: boolean, { browserEngine }: Pick<AppFeatures, 'browserEngine'>): object {
  const { name, state, source, sha256, loadedAt, expiresAt, aliases, model } = entry;
  return {
    id: name,
    aliases: model?.aliases ?? aliases ?? [],
    tags: model?.tags ?? [],
    object: 'model',
    type: 'model',
    display_name: name,
    created_at: loadedAt?.toISOString() ?? new Date(0).toISOString(),
    created: loadedAt === undefined ? 0 : Math.floor(loadedAt.getTime() / 1000),
    owned_by: 'starling',
    state,
    ...(expiresAt !== undefined && { expires_at: expiresAt.toISOString() }),
    ...(browserEngine && isForTabs(entry) && { file_url: fileUrl(name), in_tab: tabDefaults(entry) }),
    ...(isAdmin && { file: source, sha256: sha256 ?? null }),
    ...(model !== undefined && figures(model)),
    ...(model !== undefined && isAdmin && memory(model)),
  };
}

function summary({ name, loadedAt, model }: ModelEntry): object {
  return {
    name,
    model: name,
    modified_at: loadedAt?.toISOString() ?? '',
    size: '',
    digest: '',
    type: 'model',
    description: '',
    tags: model?.tags ?? [],
    capabilities: model === undefined ? [] : capabilitiesOf(model),
    parameters: '',
    details: model === undefined ? {} : detailsOf(model),
  };
}

function figures(model: NonNullable<ModelEntry['model']>): object {
  const { info } = model;
  const { queued, running } = model.statistics();
  return {
    architecture: info.architecture,
    quantization: info.quantization,
    context_length: info.contextLength,
    max_model_len: info.sequenceLimit,
    vocab_size: info.vocabSize,
    has_chat_template: info.hasChatTemplate,
    meta: {
      vocab_type: VOCAB_TYPES[model.tokenizer.kind],
      n_vocab: info.vocabSize,
      n_ctx: info.sequenceLimit,
      n_ctx_train: info.trainedContextLength,
      n_embd: info.embeddingLength,
      n_params: info.parameterCount,
      size: info.weightBytes,
      ftype: info.quantization,
    },
    queued,
    running,
  };
}

function memory(model: NonNullable<ModelEntry['model']>): object {
  const { weightBytes, kvBytes, scratchBytes, totalBytes } = model.info;
  const { kv, kvOfWindows } = model.statistics();
  return {
    weights_bytes: weightBytes,
    kv_bytes: kvBytes,
    scratch_bytes: scratchBytes,
    total_bytes: totalBytes,
    kv_bytes_in_use: kv.allocatedBytes + (kvOfWindows?.allocatedBytes ?? 0),
  };
}
