import {
  GgufWriter,
  TENSOR_TYPES,
  bytesOfValues,
  dequantize,
  openGguf,
  quantize,
  type GgufModel,
  type GgufValue,
  type TensorType,
} from '@starling/gguf';
import type { Matrix, Row } from './scalar-math.js';

/** Names and shapes of tensors: a length, or [columns, rows] or [columns, rows, experts], as the file has them. */
export type TensorShapes = Readonly<Record<string, number | readonly number[]>>;

/** A small random model: the file, and its weights for the reference. */
export interface RandomModel {
  readonly file: GgufModel;
  /** A tensor of one dimension; undefined if the model has none of this name. */
  vector(name: string): Row;
  optionalVector(name: string): Row | undefined;
  /** A tensor of two dimensions, by rows. */
  matrix(name: string): Matrix;
  /** A tensor of three dimensions, by its last one. */
  matrices(name: string): Matrix[];
}

export interface RandomModelOptions {
  readonly seed?: number;
  /** What matrices are written as where their rows allow it; the reference gets the values that come out of it. */
  readonly type?: 'F32' | 'Q8_0';
  /** Keys without the architecture's name. */
  readonly shared?: Readonly<Record<string, GgufValue>>;
}

/**
 * Makes a model file in memory with F32 weights from a fixed seed. Norm weights lie near 1, everything else is spread so that
 * mistakes show.
 * @param metadata keys below the architecture's name; whole numbers are written as u32, others as f32
 */
export async function randomModel(
  architecture: string,
  metadata: Readonly<Record<string, GgufValue>>,
  shapes: TensorShapes,
  { seed = 1, type = 'F32', shared = {} }: RandomModelOptions = {},
): Promise<RandomModel> {
  const chunks: Uint8Array[] = [];
  const writer = new GgufWriter({ write: async (bytes) => void chunks.push(bytes.slice()) });
  writer.setMetadata('general.architecture', architecture);
  const own = Object.entries(metadata).map(([key, value]) => [`${architecture}.${key}`, value] as const);
  for (const [key, value] of [...own, ...Object.entries(shared)]) {
    if (typeof value === 'number') writer.setMetadata(key, value, Number.isInteger(value) ? 'u32' : 'f32');
    else writer.setMetadata(key, value);
  }
  const random = uniform(seed);
  const encoded: Uint8Array[] = [];
  const values = new Map<string, { dimensions: readonly number[]; data: Float32Array }>();
  for (const [name, shape] of Object.entries(shapes)) {
    const dimensions = typeof shape === 'number' ? [shape] : shape;
    const isNorm = /norm[^.]*\.weight$/.test(name);
    const spread = dimensions.length === 1 ? 0.3 : 1.5 / Math.sqrt(dimensions[0]);
    const data = Float32Array.from(
      { length: dimensions.reduce((a, b) => a * b, 1) },
      () => (isNorm ? 1 : 0) + spread * (2 * random() - 1) * Math.sqrt(3),
    );
    // Rates of forgetting are negative.
    if (name.endsWith('ssm_a')) data.forEach((value, i) => (data[i] = -Math.abs(value)));
    values.set(name, { dimensions, data });
    const isQuantized = type !== 'F32' && dimensions.length > 1 && dimensions[0] % TENSOR_TYPES[type].blockSize === 0;
    const bytes = isQuantized ? quantized(TENSOR_TYPES[type], data, dimensions[0]) : new Uint8Array(data.buffer);
    encoded.push(bytes);
    writer.addTensor(name, isQuantized ? TENSOR_TYPES[type] : TENSOR_TYPES.F32, dimensions);
  }
  for (const bytes of encoded) await writer.write(bytes);
  await writer.finish();

  const get = (name: string): { dimensions: readonly number[]; data: Float32Array } => {
    const tensor = values.get(name);
    if (!tensor) throw new RangeError(`the reference reads ${name}, which the model does not have`);
    return tensor;
  };
  const rowsOf = (data: Float32Array, columns: number): Matrix =>
    Array.from({ length: data.length / columns }, (_, i) => [...data.subarray(i * columns, (i + 1) * columns)]);
  return {
    file: await openGguf(new Uint8Array(await new Blob(chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer())),
    vector: (name) => [...get(name).data],
    optionalVector: (name) => (values.has(name) ? [...get(name).data] : undefined),
    matrix: (name) => rowsOf(get(name).data, get(name).dimensions[0]),
    matrices: (name) => {
      const { dimensions, data } = get(name);
      const size = dimensions[0] * dimensions[1];
      return Array.from({ length: dimensions[2] }, (_, i) =>
        rowsOf(data.subarray(i * size, (i + 1) * size), dimensions[0]),
      );
    },
  };
}

/** The values in a block format; they are replaced by what the format makes of them. */
function quantized(type: TensorType, values: Float32Array, rowLength: number): Uint8Array {
  const bytes = new Uint8Array(bytesOfValues(type, values.length));
  quantize(type, values, rowLength, bytes);
  dequantize(type, bytes, values);
  return bytes;
}

/** Uniform numbers in [0, 1) (xorshift, Marsaglia 2003). */
function uniform(seed: number): () => number {
  let state = seed * 2654435761 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}
