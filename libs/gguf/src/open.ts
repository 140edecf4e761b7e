import { toByteSource, type ByteSource, type GgufInput } from './byte-source.js';
import { GgufModel, type GgufPart } from './model.js';
import { readHeader } from './read-header.js';
import { checkParts } from './split.js';

/**
 * Opens a GGUF model: reads its header, leaves its tensors where they are. A split model is given as all of its parts, in order.
 * @throws StarlingError invalid_model_file, naming the file and what is wrong
 */
export async function openGguf(input: GgufInput | readonly GgufInput[]): Promise<GgufModel> {
  const inputs: readonly GgufInput[] = Array.isArray(input) ? (input as readonly GgufInput[]) : [input as GgufInput];
  return openSources(inputs.map(toByteSource));
}

/** Opens the parts of one model; closes all of them if one is not what it should be. */
export async function openSources(sources: readonly ByteSource[]): Promise<GgufModel> {
  try {
    const parts: GgufPart[] = [];
    for (const [index, source] of sources.entries()) parts.push({ source, header: await readHeader(source, index) });
    checkParts(parts);
    return new GgufModel(parts);
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()));
    throw error;
  }
}
