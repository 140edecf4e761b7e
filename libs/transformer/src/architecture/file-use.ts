import { StarlingError } from '@starling/core';
import type { GgufModel, TensorInfo } from '@starling/gguf';
import { HARMLESS_KEYS, HARMLESS_TENSORS, type OtherKeys } from './harmless.table.js';
import type { UnusedTensors } from '../runtime/model-runtime.js';
import type { ModelReader } from './model-reader.js';
import { scalingTypeOf } from './rope.js';

/** Names in a message, at most. */
const SHOWN = 5;

/**
 * Refuses a file that has more than a model makes use of: a tensor that no part consumed, or a key that changes what is computed and that
 * nobody asked for. Gives what is left out for a known reason.
 * @param used the tensors that parts of the model consume
 * @param layerCount layers that are run, of `block_count` layers of the file
 * @throws StarlingError `unsupported_model` that names them; `invalid_model_file` if the file has more blocks than it says
 */
export function checkFileUse(
  model: GgufModel,
  reader: ModelReader,
  used: ReadonlySet<TensorInfo>,
  layerCount: number,
): UnusedTensors[] {
  scalingTypeOf(reader);
  const reasons = new Map<string, string[]>();
  const unknown: string[] = [];
  for (const tensor of model.tensors.values()) {
    if (used.has(tensor)) continue;
    const why =
      reader.excuses.get(tensor.name) ??
      HARMLESS_TENSORS.find(({ names }) => names.test(tensor.name))?.why ??
      unrunLayer(reader, tensor.name, layerCount);
    if (why === undefined) unknown.push(tensor.name);
    else reasons.set(why, [...(reasons.get(why) ?? []), tensor.name]);
  }
  if (unknown.length > 0) throw refusal(model, reader, 'tensors', unknown);
  const keys = unhonouredKeys(model, reader);
  if (keys.length > 0) throw refusal(model, reader, 'keys', keys);
  return Array.from(reasons, ([why, names]) => ({ why, names }));
}

/** Layers beyond those that are run predict several tokens at once; a file that has still more does not fit its metadata. */
function unrunLayer(reader: ModelReader, name: string, layerCount: number): string | undefined {
  const block = /^blk\.(\d+)\./.exec(name)?.[1];
  if (block === undefined || Number(block) < layerCount) return undefined;
  const said = reader.count('block_count');
  if (Number(block) >= said)
    throw reader.invalid(
      `has the tensor '${name}', but only ${said} blocks by its metadata key '${reader.architecture}.block_count'`,
    );
  return 'layers that predict several tokens at once, which only draft';
}

function unhonouredKeys(model: GgufModel, reader: ModelReader): string[] {
  const prefix = `${reader.architecture}.`;
  const file: OtherKeys = {
    number(key) {
      const value = model.metadata.get(prefix + key);
      return typeof value === 'number' ? value : undefined;
    },
    isAsked: (key) => reader.askedKeys.has(prefix + key),
  };
  const keys: string[] = [];
  for (const [key, value] of model.metadata) {
    const isOwn = key.startsWith(prefix) || key.startsWith('xielu.');
    if (!isOwn || reader.askedKeys.has(key) || reader.excuses.has(key) || isNothing(value)) continue;
    const own = key.startsWith(prefix) ? key.slice(prefix.length) : key;
    const harmless = HARMLESS_KEYS.some(({ keys: names, when }) => names.test(own) && (when?.(value, file) ?? true));
    if (!harmless) keys.push(key);
  }
  return keys;
}

/** Values by which files say that they do not have what a key is about. */
function isNothing(value: unknown): boolean {
  if (ArrayBuffer.isView(value) || Array.isArray(value))
    return Array.from(value as ArrayLike<unknown>).every(isNothing);
  return value === 0 || value === 0n || value === false || value === '' || value === 'none';
}

function refusal(
  model: GgufModel,
  reader: ModelReader,
  kind: 'tensors' | 'keys',
  names: readonly string[],
): StarlingError {
  const shown = names
    .slice(0, SHOWN)
    .map((name) => `'${name}'`)
    .join(', ');
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  const what =
    kind === 'tensors'
      ? 'tensors that no part of the model uses'
      : 'metadata keys that change what is computed and are not supported';
  return new StarlingError(
    'unsupported_model',
    `'${model.name}' has ${what}: ${shown}${more} (architecture '${reader.architecture}'). Results without them would be wrong, so the model is not loaded.`,
    {
      details: { file: model.name, architecture: reader.architecture, [kind]: names },
    },
  );
}
