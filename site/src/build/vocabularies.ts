import fs from 'node:fs';
import path from 'node:path';
import { GgufWriter } from '@starling/gguf';
import { openGgufFile } from '@starling/gguf/node';
import { VOCABULARIES } from '../playgrounds/tokenizer/vocabularies.js';

interface GoldenFiles {
  readonly files: readonly { readonly name: string; readonly json: object }[];
}

/** Writes the small vocabularies that the tokenizer's playground offers: the demo model's, and some of those that the tokenizer is tested with. */
export async function writeVocabularies(root: string, folder: string): Promise<void> {
  fs.mkdirSync(folder, { recursive: true });
  const { files } = JSON.parse(
    fs.readFileSync(path.join(root, 'libs/tokenizer/test/huggingface.json'), 'utf8'),
  ) as GoldenFiles;
  for (const { file, golden } of VOCABULARIES) {
    const target = path.join(folder, file);
    if (golden === undefined)
      fs.writeFileSync(target, await vocabularyOfModel(path.join(root, 'apps/server/models/starling-demo-q8_0.gguf')));
    else fs.writeFileSync(target, JSON.stringify(files.find(({ name }) => name === golden)!.json));
  }
}

/** A model file without its weights: the vocabulary and the template alone. */
async function vocabularyOfModel(file: string): Promise<Uint8Array> {
  const model = await openGgufFile(file);
  const pieces: Uint8Array[] = [];
  const writer = new GgufWriter({ write: async (bytes) => void pieces.push(bytes.slice()) });
  for (const [key, value] of model.metadata) {
    if (/^(general|tokenizer)\./.test(key)) writer.setMetadata(key, value, model.metadataTypes.get(key));
  }
  await writer.finish();
  await model.close();
  return Buffer.concat(pieces);
}
