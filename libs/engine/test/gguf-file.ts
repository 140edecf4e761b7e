import { PackedStrings } from '@starling/core';
import { GgufWriter, openGguf, tensorTypeByName, type GgufModel, type GgufValue } from '@starling/gguf';

const letters = [...'abcdefghijklmnopqrstuvwxyz'];

/** Metadata of a vocabulary of letters: ids 0 to 25, then `<bos>` and `<end>`, which are control tokens. */
export const letterVocabulary: Readonly<Record<string, GgufValue>> = {
  'tokenizer.ggml.model': 'gpt2',
  'tokenizer.ggml.tokens': PackedStrings.from([...letters, '<bos>', '<end>']),
  'tokenizer.ggml.token_type': Int32Array.from([...letters.map(() => 1), 3, 3]),
  'tokenizer.ggml.merges': PackedStrings.from([]),
  'tokenizer.ggml.bos_token_id': 26,
  'tokenizer.ggml.eos_token_id': 27,
};

/** A model file in memory with this metadata, and a tensor of `weights` floats. */
export async function ggufFile(metadata: Readonly<Record<string, GgufValue>>, weights = 8): Promise<GgufModel> {
  const pieces: Uint8Array[] = [];
  const writer = new GgufWriter({ write: (bytes) => Promise.resolve(void pieces.push(bytes.slice())) });
  for (const [key, value] of Object.entries(metadata)) writer.setMetadata(key, value);
  writer.addTensor('w', tensorTypeByName('F32')!, [weights]);
  await writer.write(new Uint8Array(weights * 4));
  await writer.finish();
  return openGguf(new Blob(pieces as Uint8Array<ArrayBuffer>[]));
}
