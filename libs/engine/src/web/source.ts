import { StarlingError } from '@starling/core';
import { openGguf, type GgufInput, type GgufModel } from '@starling/gguf';
import type { WebLoadProgress, WorkerLoadOptions } from './load-options.js';
import { openRemote } from './open-remote.js';
import type { RemoteModel } from './remote-model.js';

/** Where a model comes from: an address, a file that a user chose, or bytes; of a split one as Blob all parts in order. */
export type WebSource = string | URL | RemoteModel | Blob | ArrayBuffer | Uint8Array | readonly Blob[];

/** The same with addresses that are whole, so that they mean the same in a worker. @throws StarlingError invalid_argument */
export function resolvedSource(source: WebSource, base = globalThis.document?.baseURI): WebSource {
  if (typeof source === 'string' || source instanceof URL) return resolvedSource({ url: source }, base);
  if (!isRemote(source)) return source;
  const url = String(source.url);
  if (!URL.canParse(url, base))
    throw new StarlingError('invalid_argument', `${url} is no address of a model`, {
      details: { param: 'source', url },
    });
  return { ...source, url: new URL(url, base).href };
}

/** The same for what is loaded beside a model. */
export function resolvedOptions(options: WorkerLoadOptions, base = globalThis.document?.baseURI): WorkerLoadOptions {
  const whole = <Source>(source: Source): Source | string =>
    typeof source === 'string' && URL.canParse(source, base) ? new URL(source, base).href : source;
  return {
    ...options,
    adapters: options.adapters?.map((adapter) => ({ ...adapter, source: whole(adapter.source) })),
    draftModel: whole(options.draftModel),
  };
}

/** Opens what was resolved. @throws StarlingError invalid_model_file, file_not_found, download_failed */
export async function openSource(
  source: WebSource | GgufInput | readonly GgufInput[],
  onProgress: (progress: WebLoadProgress) => void,
): Promise<GgufModel> {
  if (typeof source === 'string' || source instanceof URL) return openRemote({ url: source }, onProgress);
  if (isRemote(source)) return openRemote(source, onProgress);
  return openGguf(source);
}

const isRemote = (source: object): source is RemoteModel => 'url' in source;
