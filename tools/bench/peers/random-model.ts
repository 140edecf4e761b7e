import fs from 'node:fs';
import path from 'node:path';
import {
  FILE_TYPES,
  GgufWriter,
  TENSOR_TYPES,
  bytesOfValues,
  chooseTensorTypes,
  openGguf,
  quantize,
  type FileTypeName,
  type GgufModel,
  type TensorType,
} from '@starling/gguf';
import { writeFileWhole } from '@starling/gguf/node';
import { SHAPES, type Shape, type ShapeName } from './shapes.js';

/** Rows that are made and quantized; larger matrices repeat them, which no kernel can tell. */
const POOL_ROWS = 512;

/** Single characters of the vocabulary: those of ASCII that can be seen, the space and the line's end. */
const SINGLE = 96;
const characterOf = (i: number): string => (i < 94 ? String.fromCharCode(33 + i) : ['\u0120', '\u010a'][i - 94]);

/** Kinds of tokens, as files number them. */
const [NORMAL, CONTROL] = [1, 3];

/** Tensors of a llama-architecture model: name and shape, rows innermost. */
function tensorsOf(shape: Shape): [name: string, shape: readonly number[]][] {
  const { width, ffn, heads, kvHeads } = shape;
  const kvWidth = (width / heads) * kvHeads;
  const tensors: [string, readonly number[]][] = [
    ['token_embd.weight', [width, shape.vocabulary]],
    ['output_norm.weight', [width]],
  ];
  if (!shape.tied) tensors.push(['output.weight', [width, shape.vocabulary]]);
  for (let layer = 0; layer < shape.layers; layer++) {
    const block = (name: string, ...dimensions: number[]): void =>
      void tensors.push([`blk.${layer}.${name}.weight`, dimensions]);
    block('attn_norm', width);
    block('attn_q', width, width);
    block('attn_k', width, kvWidth);
    block('attn_v', width, kvWidth);
    block('attn_output', width, width);
    block('ffn_norm', width);
    block('ffn_gate', width, ffn);
    block('ffn_up', width, ffn);
    block('ffn_down', ffn, width);
  }
  return tensors;
}

function setMetadata(writer: GgufWriter, shape: Shape, fileType: FileTypeName): void {
  const set = (key: string, value: Parameters<GgufWriter['setMetadata']>[1]): void => writer.setMetadata(key, value);
  set('general.architecture', 'llama');
  set('general.name', 'random');
  writer.setMetadata('general.file_type', FILE_TYPES[fileType].id, 'u32');
  for (const [key, value] of [
    ['block_count', shape.layers],
    ['context_length', 8192],
    ['embedding_length', shape.width],
    ['feed_forward_length', shape.ffn],
    ['attention.head_count', shape.heads],
    ['attention.head_count_kv', shape.kvHeads],
    ['vocab_size', shape.vocabulary],
    ['rope.dimension_count', shape.width / shape.heads],
  ] as const) {
    writer.setMetadata(`llama.${key}`, value, 'u32');
  }
  writer.setMetadata('llama.attention.layer_norm_rms_epsilon', 1e-5, 'f32');
  writer.setMetadata('llama.rope.freq_base', 500_000, 'f32');
  // A byte-level vocabulary: single characters first, then words that no text holds, then the control tokens of ChatML.
  const control = ['<|im_start|>', '<|im_end|>'];
  const words = shape.vocabulary - control.length;
  const tokens = Array.from({ length: shape.vocabulary }, (_, i) =>
    i < SINGLE ? characterOf(i) : i < words ? `filler${i};` : control[i - words],
  );
  set('tokenizer.ggml.model', 'gpt2');
  set('tokenizer.ggml.pre', 'llama-bpe');
  writer.setMetadata('tokenizer.ggml.tokens', tokens, { array: 'string' });
  writer.setMetadata(
    'tokenizer.ggml.token_type',
    Int32Array.from(tokens, (_, i) => (i < words ? NORMAL : CONTROL)),
    { array: 'i32' },
  );
  writer.setMetadata('tokenizer.ggml.merges', ['a b'], { array: 'string' });
  for (const name of ['bos', 'eos']) writer.setMetadata(`tokenizer.ggml.${name}_token_id`, shape.vocabulary - 1, 'u32');
}

/** A model that has a header alone: what chooses the types of a mix looks no further. */
async function headerOnly(shape: Shape, fileType: FileTypeName): Promise<GgufModel> {
  let header = new Uint8Array(0);
  const writer = new GgufWriter({ write: async (bytes) => void (header = bytes.slice()) });
  setMetadata(writer, shape, fileType);
  for (const [name, dimensions] of tensorsOf(shape)) writer.addTensor(name, TENSOR_TYPES.F32, dimensions);
  await writer.write(new Uint8Array(0));
  return openGguf({
    name: 'header',
    size: 2 ** 40,
    read: async (offset, into) => into.set(header.subarray(offset, offset + into.length)),
    close: async () => undefined,
  });
}

/** Normal deviates with the spread that keeps activations in range (Box and Muller 1958), seeded: the same file each time. */
function normalRows(rows: number, rowLength: number): Float32Array {
  let state = 12345;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 1) / 4294967297;
  };
  const spread = 1 / Math.sqrt(rowLength);
  return Float32Array.from(
    { length: rows * rowLength },
    () => spread * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

const pools = new Map<string, Uint8Array>();

/** Quantized random rows, made once for each type and length. */
function pool(type: TensorType, rowLength: number): Uint8Array {
  const key = `${type.name}:${rowLength}`;
  let bytes = pools.get(key);
  if (!bytes) {
    const values = normalRows(POOL_ROWS, rowLength);
    bytes = new Uint8Array(bytesOfValues(type, values.length));
    if (type.name === 'F32') new Float32Array(bytes.buffer).set(values);
    else quantize(type, values, rowLength, bytes);
    pools.set(key, bytes);
  }
  return bytes;
}

/** Makes the model file if it is not there yet; gives its path. */
export async function makeModel(folder: string, shapeName: ShapeName, fileType: string): Promise<string> {
  const file = path.join(folder, `${shapeName}-${fileType}-chatml.gguf`);
  if (fs.existsSync(file)) return file;
  console.error(`making ${file} ...`);
  const shape = SHAPES[shapeName];
  const types = chooseTensorTypes(await headerOnly(shape, fileType as FileTypeName), fileType as FileTypeName);
  await writeFileWhole(file, async (sink) => {
    const writer = new GgufWriter(sink);
    setMetadata(writer, shape, fileType as FileTypeName);
    const tensors = tensorsOf(shape);
    for (const [name, dimensions] of tensors) writer.addTensor(name, types.get(name)!, dimensions);
    for (const [name, [rowLength, rows = 1]] of tensors) {
      const type = types.get(name)!;
      if (rows === 1) {
        await writer.write(new Uint8Array(new Float32Array(rowLength).fill(1).buffer));
        continue;
      }
      const source = pool(type, rowLength);
      const rowBytes = source.length / POOL_ROWS;
      for (let row = 0; row < rows; row += POOL_ROWS)
        await writer.write(source.subarray(0, Math.min(POOL_ROWS, rows - row) * rowBytes));
    }
    await writer.finish();
  });
  return file;
}
