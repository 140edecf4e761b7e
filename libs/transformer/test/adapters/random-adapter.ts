import { GgufWriter, openGguf, TENSOR_TYPES, type GgufModel, type GgufValue } from '@starling/gguf';
import { readFloats } from '../../src/load/read-floats.js';
import { randomModel, type TensorShapes } from '../reference/random-model.js';

/** A LoRA file in memory, and what it changes of each tensor. */
export interface RandomLora {
  readonly file: GgufModel;
  /** scale * B A, (experts, rows, columns) one after another. */
  change(name: string): Promise<Float64Array>;
}

export interface LoraOptions {
  readonly seed: number;
  readonly rank: number;
  readonly alpha?: number;
  readonly metadata?: Readonly<Record<string, GgufValue>>;
}

/** The shapes of the pairs beside tensors: [columns, rank] and [rank, rows]; of the embedding table the first is the other way round. */
export function loraShapes(shapes: TensorShapes, rank: number): Record<string, readonly number[]> {
  return Object.fromEntries(
    Object.entries(shapes).flatMap(([name, shape]) => {
      const [columns, rows, ...experts] = shape as readonly number[];
      const [down, up] =
        name === 'token_embd.weight'
          ? [
              [rank, rows],
              [rank, columns],
            ]
          : [
              [columns, rank, ...experts],
              [rank, rows, ...experts],
            ];
      return [
        [`${name}.lora_a`, down],
        [`${name}.lora_b`, up],
      ] as const;
    }),
  );
}

/** An adapter of a model's tensors (all of two or three dimensions among `shapes`). */
export async function randomLora(
  architecture: string,
  shapes: TensorShapes,
  { seed, rank, alpha, metadata = {} }: LoraOptions,
): Promise<RandomLora> {
  const matrices = Object.fromEntries(
    Object.entries(shapes).filter(([, shape]) => typeof shape !== 'number' && shape.length > 1),
  );
  const file = await rewritten((await randomModel(architecture, {}, loraShapes(matrices, rank), { seed })).file, {
    metadata: {
      'general.type': 'adapter',
      'adapter.type': 'lora',
      ...(alpha !== undefined && { 'adapter.lora.alpha': alpha }),
      ...metadata,
    },
  });
  return {
    file,
    async change(name) {
      const [columns, rows, experts = 1] = matrices[name] as readonly number[];
      const isTable = name === 'token_embd.weight';
      const down = await readFloats(file, file.tensor(`${name}.lora_a`));
      const up = await readFloats(file, file.tensor(`${name}.lora_b`));
      const factor = alpha === undefined ? 1 : alpha / rank;
      const [outer, inner] = isTable ? [down, up] : [up, down];
      const change = new Float64Array(experts * rows * columns);
      for (let at = 0; at < change.length; at++) {
        const column = at % columns;
        const row = Math.floor(at / columns);
        const expert = Math.floor(row / rows);
        for (let i = 0; i < rank; i++)
          change[at] +=
            factor *
            outer[row * rank + i] *
            (isTable ? inner[column * rank + i] : inner[(expert * rank + i) * columns + column]);
      }
      return change;
    },
  };
}

/** A copy of a file with other values: metadata that is added, tensors that are added or changed. All tensors are F32. */
export async function rewritten(
  file: GgufModel,
  {
    metadata = {},
    change,
    added = {},
  }: {
    readonly metadata?: Readonly<Record<string, GgufValue>>;
    readonly change?: (name: string) => Promise<Float64Array | undefined>;
    readonly added?: Readonly<Record<string, Float32Array>>;
  },
): Promise<GgufModel> {
  const chunks: Uint8Array[] = [];
  const writer = new GgufWriter({ write: async (bytes) => void chunks.push(bytes.slice()) });
  for (const [key, value] of file.metadata) writer.setMetadata(key, value, file.metadataTypes.get(key) as 'u32');
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value === 'number') writer.setMetadata(key, value, 'f32');
    else writer.setMetadata(key, value);
  }
  const encoded: Uint8Array[] = [];
  for (const tensor of file.tensors.values()) {
    const values = await readFloats(file, tensor);
    const changed = await change?.(tensor.name);
    encoded.push(new Uint8Array((changed ? values.map((value, i) => value + changed[i]) : values).buffer));
    writer.addTensor(tensor.name, TENSOR_TYPES.F32, tensor.shape);
  }
  for (const [name, values] of Object.entries(added)) {
    encoded.push(new Uint8Array(values.slice().buffer));
    writer.addTensor(name, TENSOR_TYPES.F32, [values.length]);
  }
  for (const bytes of encoded) await writer.write(bytes);
  await writer.finish();
  return openGguf(new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer()));
}

/** A model with adapters merged into its weights. */
export function merged(
  file: GgufModel,
  ...loras: readonly (readonly [RandomLora, scale: number])[]
): Promise<GgufModel> {
  return rewritten(file, {
    async change(name) {
      let sum: Float64Array | undefined;
      for (const [lora, scale] of loras) {
        if (!lora.file.tensors.has(`${name}.lora_a`)) continue;
        const change = await lora.change(name);
        sum = change.map((value, i) => scale * value + (sum?.[i] ?? 0));
      }
      return sum;
    },
  });
}
