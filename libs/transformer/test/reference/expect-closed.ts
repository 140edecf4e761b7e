import type { GgufModel, GgufValue, TensorInfo } from '@starling/gguf';
import { loadTransformer } from '../../src/load/load-transformer.js';

/** Architectures whose files may have factors of the rotation, one set for all contexts. */
const WITH_ONE_SET =
  /^(apertus|arcee|cogvlm|deci|exaone|exaone4|exaone-moe|falcon-h1|gemma4|granite|granitehybrid|granitemoe|granite_swa|llada|llama|llama4|llama-embed|minicpm|mistral3|nanbeige|pangu-embedded|refact|step35)$/;
/** The same for one set for short and one for long contexts, whatever scaling a file names. */
const WITH_SETS_BY_CONTEXT = /^(minicpm3|phi3|phimoe)$/;

/** Factors of the rotation that the architecture of a file does not know, beside those that the file has. */
function strangeFactors({ architecture = '', tensors }: GgufModel): string[] {
  const names = [
    ...(WITH_ONE_SET.test(architecture) ? [] : ['rope_freqs.weight']),
    ...(WITH_SETS_BY_CONTEXT.test(architecture) ? [] : ['rope_factors_long.weight']),
  ];
  return names.filter((name) => !tensors.has(name));
}

/** Holds a file to being refused by name once it has a tensor beside those of its first block, a scale of one, factors of the rotation, or a key, that its architecture does not know. */
export async function expectClosed(file: GgufModel): Promise<void> {
  const tensors = file.tensors as Map<string, TensorInfo>;
  const metadata = file.metadata as Map<string, GgufValue>;
  const [first] = tensors.values();
  const block = [...tensors.keys()]
    .map((name) => /^(.*\bblk\.\d+\.)/.exec(name)?.[1])
    .find((prefix) => prefix !== undefined);
  for (const name of [`${block}mystery.weight`, `${block}mystery.scale`, ...strangeFactors(file)]) {
    tensors.set(name, { ...first, name });
    await expect(loadTransformer(file, { contextLength: 16 })).rejects.toMatchObject({
      code: 'unsupported_model',
      message: expect.stringContaining(name) as string,
      details: { tensors: [name] },
    });
    tensors.delete(name);
  }
  const key = `${file.architecture}.attention.mystery_scale`;
  metadata.set(key, 2.5);
  await expect(loadTransformer(file, { contextLength: 16 })).rejects.toMatchObject({
    code: 'unsupported_model',
    message: expect.stringContaining(key) as string,
    details: { keys: [key] },
  });
  metadata.delete(key);
}

const closed = new Set<string>();

/** The same, once for each architecture. */
export async function expectClosedOnce(file: GgufModel): Promise<void> {
  const { architecture = '' } = file;
  if (closed.has(architecture)) return;
  closed.add(architecture);
  await expectClosed(file);
}
