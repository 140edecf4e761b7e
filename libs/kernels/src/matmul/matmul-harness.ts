import { dequantize, TENSOR_TYPES } from '@starling/gguf';
import type { KernelBuild } from './dot-mode.js';
import { matmulFormat, type MatmulFormat, type MatmulFormatName } from './format.js';
import { buildMatmulModule } from './matmul-module.js';
import { QUANTIZE_EXPORT } from './format.js';

type Kernels = Record<string, (...args: number[]) => void>;

const PAGES = 96;
/** What memory is filled with, to see stray writes. */
export const UNTOUCHED = 77;

/** Runs the kernels of a format over small matrices, for tests. Places in memory are handed out one after another. */
export class MatmulHarness {
  readonly memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
  readonly bytes = new Uint8Array(this.memory.buffer);
  readonly format: MatmulFormat;
  readonly #kernels: Kernels;
  #next = 64;

  constructor(
    name: MatmulFormatName,
    build: KernelBuild,
    module = new WebAssembly.Module(buildMatmulModule([name], build)),
  ) {
    this.format = matmulFormat(name);
    this.#kernels = new WebAssembly.Instance(module, { env: { memory: this.memory } }).exports as Kernels;
  }

  place(bytes: number): number {
    const at = this.#next;
    this.#next = Math.ceil((at + bytes) / 64) * 64;
    return at;
  }

  floats(at: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, at, count);
  }

  /** Packs file bytes in chunks of `chunk` rows; gives the matrix's address. */
  pack(file: Uint8Array, rows: number, cols: number, chunk = 8): number {
    const rewritten = this.rewrite(file, rows, cols);
    const source = this.place(rewritten.length);
    const matrix = this.place(this.format.packedBytes(rows, cols));
    const rowBytes = rewritten.length / rows;
    this.bytes.set(rewritten, source);
    for (let row = 0; row < rows; row += chunk)
      this.#kernels[this.format.kernels.pack](source + row * rowBytes, matrix, row, Math.min(rows, row + chunk), cols);
    return matrix;
  }

  private rewrite(file: Uint8Array, rows: number, cols: number): Uint8Array {
    const { rewritten } = this.format;
    if (!rewritten) return file;
    const out = new Uint8Array(rows * rewritten.rowBytes(cols));
    rewritten.rewrite(file, out);
    return out;
  }

  unpackRow(matrix: number, row: number, cols: number): Float32Array {
    const out = this.place(4 * cols);
    this.#kernels[this.format.kernels.unpackRow](matrix, row, cols, out);
    return this.floats(out, cols).slice();
  }

  /** Puts rows of floats into memory, in the form that the format wants; gives address and stride. */
  activations(values: Float32Array, cols: number): { at: number; stride: number } {
    const tokens = values.length / cols;
    const input = this.place(4 * values.length);
    this.floats(input, values.length).set(values);
    if (this.format.activation === 'f32') return { at: input, stride: 4 * cols };
    const stride = this.format.activationBytes(cols);
    const at = this.place(stride * tokens);
    this.#kernels[QUANTIZE_EXPORT](input, 4 * cols, at, stride, 0, cols, 0, tokens);
    return { at, stride };
  }

  /**
   * (tokens, outputRows) floats; rows outside of [rowBegin, rowEnd) stay UNTOUCHED.
   */
  matmul(
    matrix: number,
    x: { at: number; stride: number },
    shape: { rowBegin: number; rowEnd: number; tokens: number; cols: number; outputRows: number },
  ): Float32Array {
    const { rowBegin, rowEnd, tokens, cols, outputRows } = shape;
    const out = this.place(4 * outputRows * tokens);
    const scratch = this.place(this.format.scratchBytes(cols));
    const view = this.floats(out, outputRows * tokens).fill(UNTOUCHED);
    this.#kernels[this.format.kernels.matmul](
      matrix,
      x.at,
      out,
      rowBegin,
      rowEnd,
      tokens,
      cols,
      x.stride,
      4 * outputRows,
      scratch,
    );
    return view.slice();
  }
}

/** The rows of a file as floats. */
export function dequantizeRows(name: MatmulFormatName, file: Uint8Array, rows: number, cols: number): Float32Array[] {
  const rowBytes = file.length / rows;
  return Array.from({ length: rows }, (_, row) => {
    const out = new Float32Array(cols);
    dequantize(TENSOR_TYPES[name], file.slice(row * rowBytes, (row + 1) * rowBytes), out);
    return out;
  });
}

/** Numbers in [0, 1) from a seed (xorshift). */
function randomFrom(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/** Places of the f16 factors in a block: any bytes will do for the rest. */
const HALF_PLACES: Partial<Record<MatmulFormatName, readonly number[]>> = {
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q8_0: [0],
  IQ4_NL: [0],
  IQ4_XS: [0],
  Q2_K: [80, 82],
  Q3_K: [108],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
  IQ1_S: [0],
  IQ2_XXS: [0],
  IQ2_XS: [0],
  IQ2_S: [0],
  IQ3_XXS: [0],
  IQ3_S: [0],
  TQ1_0: [52],
  TQ2_0: [64],
  Q1_0: [0],
  Q2_0: [0],
};

/** Random file bytes of a matrix, with factors of sensible size. @param extremes whether some of them are 0 or denormal, which processors are slow with */
export function randomFile(
  name: MatmulFormatName,
  rows: number,
  cols: number,
  seed: number,
  extremes = true,
): Uint8Array {
  const random = randomFrom(seed);
  const { blockSize, blockBytes } = TENSOR_TYPES[name];
  const file = new Uint8Array((rows * cols * blockBytes) / blockSize);
  const view = new DataView(file.buffer);
  if (name === 'F32') for (let i = 0; i < rows * cols; i++) view.setFloat32(4 * i, random() - 0.5, true);
  if (name === 'F16') for (let i = 0; i < rows * cols; i++) view.setUint16(2 * i, randomHalf(random, extremes), true);
  if (name === 'BF16')
    for (let i = 0; i < rows * cols; i++)
      view.setUint16(2 * i, 0x3c00 + Math.floor(random() * 0x200) + (random() < 0.5 ? 0x8000 : 0), true);
  if (blockSize === 1) return file;
  for (let i = 0; i < file.length; i++) file[i] = Math.floor(random() * 256);
  for (let block = 0; block < file.length; block += blockBytes) {
    for (const place of HALF_PLACES[name] ?? []) view.setUint16(block + place, randomHalf(random, extremes), true);
    if (name === 'MXFP4') file[block] = 118 + Math.floor(random() * 6);
    if (name === 'NVFP4') for (let i = 0; i < 4; i++) file[block + i] &= 0x7f;
    // The top bits of four scale words are the factor.
    if (name === 'IQ1_M')
      [0, 0x80, 0x10, 0x20].forEach((bits, i) => (file[block + 49 + 2 * i] = bits | (file[block + 49 + 2 * i] & 15)));
  }
  return file;
}

/** A half float of magnitude 2^-8 to 2^-6, now and then 0 or as small as they get. */
function randomHalf(random: () => number, extremes: boolean): number {
  const sign = random() < 0.5 ? 0x8000 : 0;
  if (extremes && random() < 0.02) return sign + Math.floor(random() * 4);
  return sign + 0x1c00 + Math.floor(random() * 0x800);
}

/** Activations with a few outliers. */
export function randomActivations(count: number, seed: number): Float32Array {
  const random = randomFrom(seed);
  return Float32Array.from({ length: count }, () => (random() - 0.5) * (random() < 0.01 ? 200 : 4));
}
