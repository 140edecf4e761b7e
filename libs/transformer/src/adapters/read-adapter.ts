import { printable, StarlingError } from '@starling/core';
import type { GgufModel, TensorInfo } from '@starling/gguf';
import type { Adapter, AdapterSource, ControlVector, LoraAdapter, LoraPair } from './adapter.js';
import { digestOf } from './digest.js';

/** Invocation sequences, from which on some adapters hold. */
const INVOCATION_KEY = 'adapter.alora.invocation_tokens';

/** Keys that a LoRA file may have; others may change what is computed. */
const KNOWN_KEYS: ReadonlySet<string> = new Set([
  'adapter.type',
  'adapter.lora.alpha',
  'adapter.lora.task_name',
  'adapter.lora.prompt_prefix',
]);

/** Layers that the name of a direction can mean. */
const MOST_LAYERS = 10_000;

/**
 * Reads what an adapter file is made of; its values are read when the model is loaded.
 * @param architecture that of the model
 * @throws StarlingError `invalid_model_file`, `unsupported_model`
 */
export async function readAdapter(source: AdapterSource, architecture: string): Promise<Adapter> {
  const { id, file, layers } = source;
  const digest = await digestOf(file, layers);
  if (file.architecture === 'controlvector')
    return {
      kind: 'controlVector',
      id,
      file,
      digest,
      directions: readDirections(file, layers),
    } satisfies ControlVector;
  checkLora(file, architecture);
  return { kind: 'lora', id, file, digest, pairs: readPairs(file) } satisfies LoraAdapter;
}

function checkLora(file: GgufModel, architecture: string): void {
  const type = file.string('general.type');
  const kind = file.string('adapter.type');
  if (type !== 'adapter' || kind !== 'lora') {
    throw invalid(
      file,
      `is no adapter: 'general.type' is '${type ?? ''}' and 'adapter.type' is '${kind ?? ''}', where 'adapter' and 'lora' are expected (or 'controlvector' as its architecture)`,
    );
  }
  if (file.architecture !== architecture)
    throw unsupported(
      file,
      `is for models of architecture '${file.architecture ?? ''}', the model is '${architecture}'`,
    );
  if (file.metadata.has(INVOCATION_KEY))
    throw unsupported(file, `holds only from certain tokens on ('${INVOCATION_KEY}'), which is not supported`);
  const unknown = [...file.metadata.keys()].find((key) => key.startsWith('adapter.') && !KNOWN_KEYS.has(key));
  if (unknown !== undefined)
    throw unsupported(
      file,
      `has the metadata key '${printable(unknown)}', which may change what it adds and is not supported`,
    );
}

function readPairs(file: GgufModel): Map<string, LoraPair> {
  const alpha = file.number('adapter.lora.alpha') ?? 0;
  const sides = { lora_a: new Map<string, TensorInfo>(), lora_b: new Map<string, TensorInfo>() };
  for (const tensor of file.tensors.values()) {
    const [, name, side] = /^(.*)\.(lora_a|lora_b)$/.exec(tensor.name) ?? [];
    if (name === undefined)
      throw unsupported(file, `has the tensor '${tensor.name}', which is neither lora_a nor lora_b of a tensor`);
    sides[side as keyof typeof sides].set(name, tensor);
  }
  const names = new Set([...sides.lora_a.keys(), ...sides.lora_b.keys()]);
  if (names.size === 0) throw invalid(file, 'has no tensor');
  return new Map(
    Array.from(names, (name) => [name, pairOf(file, name, sides.lora_a.get(name), sides.lora_b.get(name), alpha)]),
  );
}

function pairOf(
  file: GgufModel,
  name: string,
  down: TensorInfo | undefined,
  up: TensorInfo | undefined,
  alpha: number,
): LoraPair {
  if (!down || !up) throw invalid(file, `has only one of '${name}.lora_a' and '${name}.lora_b'`);
  const rank = up.rowLength;
  const factor = alpha === 0 ? 1 : alpha / rank;
  // It is kept as a float of 32 bits; an adapter that is not chosen counts as zero, which infinity times zero is not.
  if (!Number.isFinite(Math.fround(factor)))
    throw invalid(
      file,
      `scales its changes by ${factor} ('adapter.lora.alpha' is ${alpha}), where a finite number is expected`,
    );
  return { down, up, rank, factor };
}

function readDirections(
  file: GgufModel,
  [first, last]: readonly [number, number] = [1, Infinity],
): Map<number, TensorInfo> {
  if (!(first >= 1 && first <= last))
    throw new StarlingError(
      'invalid_argument',
      `Layers ${first} to ${last} were given for '${file.name}', where a first layer of 1 or more and a last one not before it are expected.`,
    );
  const directions = new Map<number, TensorInfo>();
  for (const tensor of file.tensors.values()) {
    const layer = Number(/^direction\.(\d{1,5})$/.exec(tensor.name)?.[1] ?? NaN);
    if (!(layer >= 1 && layer < MOST_LAYERS))
      throw invalid(file, `has the tensor '${tensor.name}', where 'direction.1' and so on are expected`);
    if (layer >= first && layer <= last) directions.set(layer, tensor);
  }
  if (directions.size === 0) throw invalid(file, `has no direction for layers ${first} to ${last}`);
  return directions;
}

const invalid = (file: GgufModel, problem: string): StarlingError =>
  new StarlingError('invalid_model_file', `'${file.name}' ${problem}.`, { details: { file: file.name } });
const unsupported = (file: GgufModel, problem: string): StarlingError =>
  new StarlingError('unsupported_model', `The adapter '${file.name}' ${problem}.`, { details: { file: file.name } });
