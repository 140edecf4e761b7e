import { StarlingError, bodyPieces, isStarlingError } from '@starling/core';
import {
  blobSource,
  openGguf,
  openHttpSource,
  partUrls,
  type ByteSource,
  type GgufModel,
  type HttpFile,
} from '@starling/gguf';
import {
  CachedFile,
  checkSha256,
  hasOriginStorage,
  isUnreachable,
  openOriginStore,
  type ReadableFile,
} from '@starling/models/web';
import type { WebLoadProgress } from './load-options.js';
import type { RemoteModel } from './remote-model.js';

type OnProgress = (progress: WebLoadProgress) => void;

/** A file that its server gives as a whole alone. */
interface WholeFile extends ReadableFile {
  readonly response: Response;
}

/** How a file is reached: by ranges, as a whole, or not at all. */
type Reached = HttpFile | WholeFile | StarlingError;

/**
 * Opens a model on a server. Unless told otherwise, and as far as the browser has room, its file is kept: what an earlier visit brought is not
 * fetched again, and what is held whole is used when the server cannot be reached.
 * @throws StarlingError file_not_found, download_failed, checksum_mismatch, invalid_model_file
 */
export async function openRemote(model: RemoteModel, onProgress: OnProgress): Promise<GgufModel> {
  const parts = partUrls(new URL(model.url));
  if (model.sha256 !== undefined && parts.length > 1)
    throw new StarlingError(
      'invalid_argument',
      `${parts[0].pathname} is one of ${parts.length} parts, which one sha256 does not stand for`,
      { details: { param: 'sha256' } },
    );
  const sources: ByteSource[] = [];
  try {
    for (const part of parts) sources.push(await openPart(part.href, model, onProgress));
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()));
    throw error;
  }
  return openGguf(sources);
}

async function openPart(
  url: string,
  { headers, sha256, cache = true }: RemoteModel,
  onProgress: OnProgress,
): Promise<ByteSource> {
  const reached = await reach(url, headers);
  if (cache && hasOriginStorage() && (reached instanceof StarlingError || (await hasRoom(reached.size))))
    return openCached(url, reached, sha256, onProgress);
  if (reached instanceof StarlingError) throw reached;
  const source = 'response' in reached ? blobSource(await reached.response.blob(), reached.name) : reached;
  if (sha256 !== undefined) await checkSha256(source, sha256);
  return source;
}

async function openCached(
  url: string,
  reached: Reached,
  sha256: string | undefined,
  onProgress: OnProgress,
): Promise<ByteSource> {
  const store = await openOriginStore(url);
  try {
    const file = CachedFile.open(url, store, reached instanceof StarlingError ? undefined : reached);
    if (!file) throw reached;
    const tell = (progress: { readonly done: number; readonly total: number }): void =>
      onProgress({ phase: 'download', ...progress });
    if (!(reached instanceof StarlingError) && 'response' in reached && file.heldBytes < file.size)
      await takeWhole(file, reached.response, tell);
    await file.fill({ onProgress: tell });
    if (sha256 !== undefined) await file.verify(sha256);
    return file;
  } catch (error) {
    store.close();
    throw error;
  }
}

async function reach(url: string, headers: RemoteModel['headers']): Promise<Reached> {
  try {
    return await openHttpSource(url, { headers });
  } catch (error) {
    if (isUnreachable(error)) return error as StarlingError;
    if (!isStarlingError(error, 'download_failed') || error.details.ranges !== false) throw error;
  }
  const response = await fetch(url, { headers });
  const { origin, pathname } = new URL(url);
  const fail = (why: string): StarlingError =>
    new StarlingError('download_failed', `${origin}${pathname}: ${why}`, {
      details: { url: `${origin}${pathname}`, final: true },
    });
  if (!response.ok) throw fail(`the server answered ${response.status}`);
  // Of a body that is compressed on its way the length is another.
  const size = response.headers.has('content-encoding') ? NaN : Number(response.headers.get('content-length') ?? NaN);
  if (!Number.isSafeInteger(size) || size <= 0) throw fail('the server gives neither ranges of the file nor its size');
  return {
    name: `${origin}${pathname}`,
    size,
    version: response.headers.get('etag') ?? response.headers.get('last-modified') ?? undefined,
    response,
    read: () =>
      Promise.reject(
        fail(
          "a part of it is damaged in the browser's storage, and the server gives no parts; remove it there and load it again",
        ),
      ),
    close: async () => undefined,
  };
}

/** Takes a file as its bytes come, from the first to the last. */
async function takeWhole(
  file: CachedFile,
  response: Response,
  onProgress: (progress: { readonly done: number; readonly total: number }) => void,
): Promise<void> {
  const buffer = new Uint8Array(file.chunkBytes);
  let done = 0;
  const put = async (): Promise<void> => {
    const filled = ((done - 1) % file.chunkBytes) + 1;
    await file.put(Math.floor((done - 1) / file.chunkBytes), buffer.slice(0, filled));
    onProgress({ done, total: file.size });
  };
  const never = new AbortController().signal;
  for await (let piece of bodyPieces(response, never)) {
    while (piece.length > 0) {
      const at = done % file.chunkBytes;
      const taken = piece.subarray(0, file.chunkBytes - at);
      if (done + taken.length > file.size)
        throw new StarlingError(
          'download_failed',
          `${file.name}: the server sent more than the ${file.size} bytes it announced`,
          { details: { url: file.name } },
        );
      buffer.set(taken, at);
      done += taken.length;
      piece = piece.subarray(taken.length);
      if (done % file.chunkBytes === 0 || done === file.size) await put();
    }
  }
  if (done < file.size)
    throw new StarlingError('download_failed', `${file.name}: the connection was cut at byte ${done} of ${file.size}`, {
      details: { url: file.name },
    });
}

/** Whether the browser would keep so many bytes more; what it holds already counts as if it did not. */
async function hasRoom(size: number): Promise<boolean> {
  const { quota, usage = 0 } = await navigator.storage.estimate();
  return quota === undefined || usage >= size || quota - usage > size;
}
