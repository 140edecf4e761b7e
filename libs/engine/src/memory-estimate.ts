import type { GgufModel } from '@starling/gguf';
import type { KvType } from '@starling/transformer';
import type { LoadOptions } from './load-options.js';
import type { ModelMemory } from './model-types.js';

const DEFAULT_MAX_SEQUENCES = 16;
/** Bytes of one number; Q8_0 keeps a scale of two bytes for each 32. */
const KV_BYTES: Readonly<Record<KvType, number>> = { F32: 4, F16: 2, Q8_0: 34 / 32 };

/** What the KV cache takes when nothing else is asked for, where one context of `SMALL_CONTEXT` fits. */
const DEFAULT_KV_BYTES = 2 ** 30;
const SMALL_CONTEXT = 4096;
/** Models trained for more are served with this much unless more is asked for. */
const LARGE_CONTEXT = 8192;

/**
 * The format of keys and values where the options leave it open: F16, but F32 for a model whose weights are F32, so that what
 * was kept at full precision stays exact.
 */
export function kvTypeFor(file: GgufModel, options: LoadOptions): KvType {
  if (options.kvType !== undefined) return options.kvType;
  const bytes = { full: 0, all: 0 };
  for (const { type, byteLength } of file.tensors.values()) {
    bytes.all += byteLength;
    if (type.name === 'F32') bytes.full += byteLength;
  }
  return 2 * bytes.full > bytes.all ? 'F32' : 'F16';
}

/** How much a model's KV cache holds. */
export interface KvSize {
  readonly contextLength: number;
  readonly kvTokens: number;
}

/**
 * Sizes of the KV cache where the options leave them open: the context that the model was trained for as far as it fits into
 * about a GiB, and room for as many full contexts as fit there, up to one a sequence.
 */
export function kvSizeFor(file: GgufModel, options: LoadOptions): KvSize {
  const trained = file.number(`${file.architecture}.context_length`) ?? SMALL_CONTEXT;
  const affordable = Math.floor(DEFAULT_KV_BYTES / kvBytesPerToken(file, kvTypeFor(file, options)));
  const contextLength = options.contextLength ?? Math.min(trained, LARGE_CONTEXT, Math.max(SMALL_CONTEXT, affordable));
  const wanted = (options.maxSequences ?? DEFAULT_MAX_SEQUENCES) * contextLength;
  return { contextLength, kvTokens: options.kvTokens ?? Math.min(wanted, Math.max(contextLength, affordable)) };
}

/** What a model will take, from its header alone: its tensors as they are in the file, and its KV cache. Scratch comes on top. */
export function estimateMemory(file: GgufModel, options: LoadOptions): ModelMemory {
  let weightBytes = 0;
  for (const { byteLength } of file.tensors.values()) weightBytes += byteLength;
  const kvBytes = Math.ceil(kvSizeFor(file, options).kvTokens * kvBytesPerToken(file, kvTypeFor(file, options)));
  return { weightBytes, kvBytes, scratchBytes: 0, totalBytes: weightBytes + kvBytes };
}

/** Bytes of keys and values of one token over all layers. */
function kvBytesPerToken(file: GgufModel, kvType: KvType): number {
  const value = (key: string): unknown => file.metadata.get(`${file.architecture}.${key}`);
  const number = (key: string): number | undefined => {
    const found = value(key);
    return typeof found === 'number' ? found : undefined;
  };
  const heads = number('attention.head_count') ?? 0;
  // Without attention nothing is kept for each token.
  if (heads === 0) return 1;
  const layers = Math.ceil((number('block_count') ?? 1) / (number('full_attention_interval') ?? 1));
  const headLength = Math.ceil((number('embedding_length') ?? 1) / heads);
  const perHead = (number('attention.key_length') ?? headLength) + (number('attention.value_length') ?? headLength);
  const kvHeads = value('attention.head_count_kv');
  const allHeads = isNumbers(kvHeads) ? sum(kvHeads) : layers * (typeof kvHeads === 'number' ? kvHeads : heads);
  return Math.max(1, allHeads * perHead * KV_BYTES[kvType]);
}

function isNumbers(value: unknown): value is ArrayLike<number> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += Number(values[i]);
  return total;
}
