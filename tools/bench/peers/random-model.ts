import fs from 'node:fs';
import path from 'node:path';
import { numberToF16 } from '@starling/core';
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
import { openGgufFile, writeFileWhole } from '@starling/gguf/node';
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
    if (shape.experts) {
      const { count } = shape.experts;
      block('ffn_gate_inp', width, count);
      block('ffn_gate_exps', width, ffn, count);
      block('ffn_up_exps', width, ffn, count);
      block('ffn_down_exps', ffn, width, count);
      continue;
    }
    block('ffn_gate', width, ffn);
    block('ffn_up', width, ffn);
    block('ffn_down', ffn, width);
  }
  return tensors;
}

/** What random files are made in: a mix that can be made, or a type that can only be read, whose blocks are random bytes. */
type RandomType = FileTypeName | keyof typeof READ_ONLY;

/**
 * Types whose blocks mean something whatever their bits are, behind a scale of two bytes: the number that files have for mixes of them, and what a
 * block's scale is multiplied by in its values, about.
 */
const READ_ONLY = { IQ2_XXS: { id: 19, gain: 40 }, IQ3_S: { id: 26, gain: 110 } } as const;

const isReadOnly = (type: string): type is keyof typeof READ_ONLY => Object.hasOwn(READ_ONLY, type);

const fileTypeId = (type: RandomType): number => (isReadOnly(type) ? READ_ONLY[type].id : FILE_TYPES[type].id);

function setMetadata(writer: GgufWriter, shape: Shape, fileType: RandomType): void {
  const set = (key: string, value: Parameters<GgufWriter['setMetadata']>[1]): void => writer.setMetadata(key, value);
  set('general.architecture', 'llama');
  set('general.name', 'random');
  writer.setMetadata('general.file_type', fileTypeId(fileType), 'u32');
  for (const [key, value] of [
    ['block_count', shape.layers],
    ['context_length', 32_768],
    ['embedding_length', shape.width],
    ['feed_forward_length', shape.ffn],
    ['attention.head_count', shape.heads],
    ['attention.head_count_kv', shape.kvHeads],
    ['vocab_size', shape.vocabulary],
    ['rope.dimension_count', shape.width / shape.heads],
    ...(shape.experts
      ? ([
          ['expert_count', shape.experts.count],
          ['expert_used_count', shape.experts.used],
        ] as const)
      : []),
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
async function headerOnly(shape: Shape, fileType: RandomType): Promise<GgufModel> {
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

/** Blocks of random bits. Their scales give values of the spread that a row of this length wants. */
function randomBlocks(type: TensorType & { readonly name: keyof typeof READ_ONLY }, rowLength: number): Uint8Array {
  let state = 54321;
  const bytes = Uint8Array.from({ length: bytesOfValues(type, POOL_ROWS * rowLength) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
  const scale = numberToF16(1 / (Math.sqrt(rowLength) * READ_ONLY[type.name].gain));
  for (let at = 0; at < bytes.length; at += type.blockBytes) {
    bytes[at] = scale & 255;
    bytes[at + 1] = scale >> 8;
  }
  return bytes;
}

/** The types of all tensors: those of a mix, or one type that can only be read, beside an embedding of Q6_K. */
async function typesOf(shape: Shape, fileType: RandomType): Promise<Map<string, TensorType>> {
  const model = await headerOnly(shape, fileType);
  if (!isReadOnly(fileType)) return chooseTensorTypes(model, fileType);
  return chooseTensorTypes(model, 'Q6_K', {
    override: ({ name, rowLength }) => {
      if (!name.startsWith('blk.')) return undefined;
      return TENSOR_TYPES[rowLength % TENSOR_TYPES[fileType].blockSize === 0 ? fileType : 'IQ4_NL'];
    },
  });
}

const pools = new Map<string, Uint8Array>();

function quantizedRows(type: TensorType, rowLength: number): Uint8Array {
  const values = normalRows(POOL_ROWS, rowLength);
  const bytes = new Uint8Array(bytesOfValues(type, values.length));
  if (type.name === 'F32') new Float32Array(bytes.buffer).set(values);
  else quantize(type, values, rowLength, bytes);
  return bytes;
}

/** Random rows of a type, made once for each type and length. */
function pool(type: TensorType, rowLength: number): Uint8Array {
  const key = `${type.name}:${rowLength}`;
  let bytes = pools.get(key);
  if (!bytes) {
    bytes = isReadOnly(type.name)
      ? randomBlocks({ ...type, name: type.name }, rowLength)
      : quantizedRows(type, rowLength);
    pools.set(key, bytes);
  }
  return bytes;
}

/** Bytes of a model that decoding a token reads, where it reads all matrices: a table that is not the output matrix too is left out. */
export async function bytesToDecode(folder: string, shapeName: ShapeName, fileType: string): Promise<number> {
  const file = await openGgufFile(await makeModel(folder, shapeName, fileType));
  await file.close();
  const isRead = (name: string): boolean => SHAPES[shapeName].tied || name !== 'token_embd.weight';
  return Array.from(file.tensors.values()).reduce(
    (sum, { name, byteLength }) => sum + (isRead(name) ? byteLength : 0),
    0,
  );
}

/** Makes the model file if it is not there yet; gives its path. */
export async function makeModel(folder: string, shapeName: ShapeName, fileType: string): Promise<string> {
  const file = path.join(folder, `${shapeName}-${fileType}-32k.gguf`);
  if (fs.existsSync(file)) return file;
  console.error(`making ${file} ...`);
  const shape: Shape = SHAPES[shapeName];
  const types = await typesOf(shape, fileType as RandomType);
  await writeFileWhole(file, async (sink) => {
    const writer = new GgufWriter(sink);
    setMetadata(writer, shape, fileType as RandomType);
    const tensors = tensorsOf(shape);
    for (const [name, dimensions] of tensors) writer.addTensor(name, types.get(name)!, dimensions);
    for (const [name, [rowLength, ...counts]] of tensors) {
      const type = types.get(name)!;
      if (counts.length === 0) {
        await writer.write(new Uint8Array(new Float32Array(rowLength).fill(1).buffer));
        continue;
      }
      const rows = counts.reduce((product, count) => product * count, 1);
      const source = pool(type, rowLength);
      const rowBytes = source.length / POOL_ROWS;
      for (let row = 0; row < rows; row += POOL_ROWS)
        await writer.write(source.subarray(0, Math.min(POOL_ROWS, rows - row) * rowBytes));
    }
    await writer.finish();
  });
  return file;
}
