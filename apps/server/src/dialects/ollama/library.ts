import { parameterError, StarlingError } from '@starling/core';
import type { StoredModel } from '@starling/models/node';
import { setTimeout as sleep } from 'node:timers/promises';
import { mayUseModel, type Principal } from '../../access/principal.js';
import type { ModelEntry, ModelLibrary, PullProgress } from '../../parts.js';
import { endpoint, json, lines, type StreamEvent } from '../dialect.js';
import { deleteAnswer, pullAnswer } from './answer-schema.js';
import { deleteSchema, pullSchema } from './schema.js';

/** How often the progress of a download is told. */
const PROGRESS_MS = 100;

/** `POST /api/pull`: downloads a model into the cache folder, telling how far it is. */
export const pull = endpoint({
  method: 'POST',
  paths: ['/api/pull'],
  access: 'admin',
  isQuiet: true,
  summary: 'Download a model into the cache folder of the server',
  answer: pullAnswer,
  body: pullSchema,
  example: { model: 'hf.co/OWNER/REPO:Q8_0' },
  answers: 'lines',
  async handle({ body, server, signal }) {
    if (!server.features.downloads)
      throw new StarlingError('not_supported', 'this server downloads nothing: it was started with --offline');
    if (body.insecure === true)
      throw parameterError(
        'invalid_request',
        'insecure',
        'cannot be had: certificates are always verified. Leave it out',
      );
    const reference = referenceOf(nameIn(body));
    if (body.stream !== false) return lines(pullLines(server.library, reference, signal));
    await server.library.pull(reference, { signal });
    return json({ status: 'success' });
  },
});

/** `DELETE /api/delete`: removes a model from the cache folder. */
export const remove = endpoint({
  method: 'DELETE',
  paths: ['/api/delete'],
  access: 'admin',
  isQuiet: true,
  summary: 'Remove a model from the cache folder of the server',
  answer: deleteAnswer,
  body: deleteSchema,
  example: { model: 'OWNER/REPO/model-Q8_0.gguf' },
  async handle({ body, models, server: { library } }) {
    const asked = nameIn(body);
    const name = storedNameOf(asked);
    const stored = await library.find(name);
    if (
      models
        .list()
        .some(
          (entry) =>
            entry.state !== 'failed' &&
            entry.state !== 'unloaded' &&
            (stored === undefined ? entry.name === name : isFrom(entry, stored)),
        )
    ) {
      throw new StarlingError('conflict', `model ${JSON.stringify(asked)} is being served: unload it first`, {
        details: { param: 'model' },
      });
    }
    await library.remove(name);
    return json({});
  },
});

/** What lies in the cache folder and is not served: the rest of the list of models. */
export async function storedModels(
  library: ModelLibrary,
  served: readonly ModelEntry[],
  principal: Principal,
): Promise<StoredModel[]> {
  const stored = await library.list();
  return stored.filter((one) => mayUseModel(principal, one.name) && !served.some((entry) => isFrom(entry, one)));
}

export const isFrom = ({ source }: ModelEntry, { path }: StoredModel): boolean => source === path;

/** What can be told of a file that is not loaded. Without capabilities: it is not there to be asked yet. */
export function storedBody({ name, manifest }: StoredModel, isAdmin: boolean): object {
  const quantization = /(?:^|[-_.])(I?Q\d\w*|MXFP4|BF16|F16|F32)(?=[-.])/i.exec(name)?.[1].toUpperCase() ?? '';
  const details = {
    parent_model: '',
    format: 'gguf',
    family: '',
    families: [],
    parameter_size: '',
    quantization_level: quantization,
  };
  return {
    name,
    model: name,
    modified_at: manifest.time,
    size: manifest.size,
    digest: isAdmin ? manifest.sha256 : '',
    details,
  };
}

/** @throws StarlingError invalid_request without a name */
function nameIn({ model, name }: { readonly model?: string | null; readonly name?: string | null }): string {
  const given = model ?? name ?? '';
  if (given === '') throw parameterError('invalid_request', 'model', 'is required: the name of a model');
  return given;
}

const HUB_NAME = /^(?:hf\.co|huggingface\.co)\/([^/]+\/[^/:]+)(?::([^/:]+))?$/i;

/** A name as this API has it, in the words of the cache folder. */
function storedNameOf(name: string): string {
  const [, repository, tag] = HUB_NAME.exec(name) ?? [];
  if (repository !== undefined) return `hf:${repository}${tag === undefined || tag === 'latest' ? '' : `:${tag}`}`;
  return name.replace(/:latest$/, '');
}

/** What to download. @throws StarlingError invalid_request for a name of a library that we do not have */
function referenceOf(name: string): string {
  const reference = storedNameOf(name);
  if (/^(hf:|https?:\/\/)/i.test(reference)) return reference;
  throw parameterError(
    'invalid_request',
    'model',
    `${JSON.stringify(name)} names no place that models are pulled from here: send hf.co/OWNER/REPO[:QUANT], or the URL of a GGUF file`,
  );
}

async function* pullLines(library: ModelLibrary, reference: string, signal: AbortSignal): AsyncGenerator<StreamEvent> {
  yield { data: { status: 'pulling manifest' } };
  /** The latest of each phase and file, until it is told: a phase that is over was told to its end. */
  const news = new Map<string, PullProgress>();
  const pulled = library.pull(reference, {
    signal,
    onProgress: (progress) => void news.set(`${progress.phase} ${progress.file}`, progress),
  });
  const settled = pulled.then(
    () => true,
    () => true,
  );
  for (let isDone = false; !isDone; ) {
    isDone = await Promise.race([settled, sleep(PROGRESS_MS, false)]);
    const lines = [...news.values()].map(progressLine);
    news.clear();
    for (const data of lines) yield { data };
  }
  const { manifest } = await pulled;
  yield {
    data: {
      status: `verifying sha256 digest`,
      digest: `sha256:${manifest.sha256}`,
      total: manifest.size,
      completed: manifest.size,
    },
  };
  yield { data: { status: 'success' } };
}

/** The digest is not known before the end: clients tell transfers apart by it, and a file's name does for that. */
function progressLine({ phase, file, bytes, totalBytes }: PullProgress): object {
  return {
    status: phase === 'download' ? `pulling ${file}` : `verifying ${file}`,
    digest: file,
    ...(totalBytes !== undefined && { total: totalBytes }),
    completed: bytes,
  };
}
