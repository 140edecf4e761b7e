import { openFileSource } from './file-source.node.js';
import type { ByteSource } from './byte-source.js';
import type { GgufModel } from './model.js';
import { openSources } from './open.js';
import { parsePartName, partName } from './split.js';

/**
 * Opens a GGUF file. Any part of a split model (`-00001-of-00003.gguf`) stands for all of them: the others are looked for beside it.
 * @throws StarlingError file_not_found if it or a part is not there; invalid_model_file, naming the file and what is wrong
 */
export async function openGgufFile(path: string): Promise<GgufModel> {
  const sources: ByteSource[] = [];
  try {
    for (const part of partPaths(path)) sources.push(await openFileSource(part));
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()));
    throw error;
  }
  return openSources(sources);
}

function partPaths(path: string): string[] {
  const split = parsePartName(path);
  if (split === undefined || split.index < 0 || split.index >= split.count) return [path];
  return Array.from({ length: split.count }, (_, index) => partName(split.prefix, index, split.count));
}
