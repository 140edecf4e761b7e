import { openGguf } from '@starling/gguf';
import { openGgufFile } from '@starling/gguf/node';
import { loadTransformer } from '@starling/transformer/node';
import { fixturePath } from '../../../tools/fixtures/fixtures.js';
import type { LanguageModel } from './language-model.js';
import type { LoadOptions } from './load-options.js';
import { loadModel } from './load-model.js';

/** A member of an object that stands behind a proxy. */
function memberOf(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === 'function' ? (value.bind(target) as unknown) : value;
}

/** Loads a model of the golden data for as long as it is used. Some have a vocabulary of no family: theirs is read as one without merges. */
export async function withGoldenModel(
  [folder, file]: readonly [folder: string, file: string],
  options: LoadOptions,
  use: (model: LanguageModel) => Promise<void>,
): Promise<void> {
  const gguf = await openGgufFile(fixturePath(folder, `${file}.gguf`));
  const { metadata } = gguf;
  const own: typeof metadata.get = (key) =>
    metadata.get('tokenizer.ggml.model') !== 'test'
      ? metadata.get(key)
      : key === 'tokenizer.ggml.model'
        ? 'gpt2'
        : key === 'tokenizer.ggml.pre'
          ? 'gpt-2'
          : key === 'tokenizer.ggml.merges'
            ? []
            : metadata.get(key);
  const model = await loadModel(
    new Proxy(gguf, {
      get: (target, name) =>
        name === 'metadata'
          ? new Proxy(metadata, { get: (map, key) => (key === 'get' ? own : memberOf(map, key)) })
          : memberOf(target, name),
    }),
    file,
    options,
    loadTransformer,
    (source) => (typeof source === 'string' ? openGgufFile(source) : openGguf(source.data)),
  );
  await gguf.close();
  try {
    await use(model);
  } finally {
    await model.close();
  }
}
