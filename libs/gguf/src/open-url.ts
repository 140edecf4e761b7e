import type { ByteSource } from './byte-source.js';
import { openHttpSource, type HttpSourceOptions } from './http-source.js';
import type { GgufModel } from './model.js';
import { openSources } from './open.js';
import { parsePartName, partName } from './split.js';

/**
 * Opens a GGUF file on a server by range requests: only the header is fetched, tensors when they are read. Any part of a split model
 * stands for all of them.
 * @throws StarlingError file_not_found, download_failed, or invalid_model_file
 */
export async function openGgufUrl(url: string | URL, options: HttpSourceOptions = {}): Promise<GgufModel> {
  const sources: ByteSource[] = [];
  for (const part of partUrls(new URL(url))) sources.push(await openHttpSource(part, options));
  return openSources(sources);
}

/** The addresses of all parts of a split model from any of them; of another file its own. */
export function partUrls(url: URL): URL[] {
  const split = parsePartName(url.pathname);
  if (split === undefined || split.index < 0 || split.index >= split.count) return [url];
  return Array.from({ length: split.count }, (_, index) => {
    const part = new URL(url);
    part.pathname = partName(split.prefix, index, split.count);
    return part;
  });
}
