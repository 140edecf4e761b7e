import { alignUp, StarlingError } from '@starling/core';
import { TENSOR_TYPES, type TensorTypeName } from '@starling/gguf';
import { activationRowBytes } from './activation-layout.js';
import { MAX_STREAMS } from './emit-driver.js';
import { floatPanelBytes, floatScratchBytes, type FloatFormatName } from './float-panels.js';
import { quantScratchBytes } from './quant-scratch.js';
import { QUANT_SPECS, type QuantFormatName } from './quant-formats.js';
import { PANEL_ROWS, panelBytes, type QuantSpec } from './quant-spec.js';
import { isRewritten, rewriteBlocks, rewrittenBytes } from './rewrite.js';

/** Formats that have kernels. Tensors of other types are converted to one of them at load, see `formatForType`. */
export type MatmulFormatName = FloatFormatName | QuantFormatName;

/** What the rows of input must be: floats as they are, or quantized once per row by the export `quantize`. */
export type ActivationKind = 'f32' | 'q8';

/**
 * A weight format: how large a packed matrix is, and the names of its kernels in the module of `buildMatmulModule`.
 * All addresses, strides and sizes are in bytes and in one memory; matrices start at multiples of 64.
 *
 * Exports of the module, all parameters i32:
 *
 * - `pack.NAME (source, destination, rowBegin, rowEnd, cols)`: puts the file's bytes of the rows [rowBegin, rowEnd), which lie at
 *   `source`, into the packed matrix at `destination` (the address of the whole matrix). rowBegin is a multiple of 8; rowEnd too, or
 *   the matrix's number of rows. Source and destination must not overlap. Chunks of rows can be packed in parallel.
 * - `unpackRow.NAME (matrix, row, cols, output)`: one row as floats, bit for bit the dequantized file.
 * - `matmul.NAME (matrix, activations, output, rowBegin, rowEnd, tokens, cols, activationStride, outputStride, scratch)`:
 *   f32 output[t][row] = matrix[row] . activations[t] for rowBegin <= row < rowEnd and 0 <= t < tokens. `output` is the address of
 *   row 0 of token 0. rowBegin is a multiple of 8, rowEnd too or the number of rows; nothing is written outside of these rows. Each
 *   element is summed in one order: its bits depend neither on the range of rows nor on the number of tokens.
 *   `scratch`: `scratchBytes(cols)` bytes of the calling worker's own, aligned to 16.
 * - `quantize (input, inputStride, output, outputStride, colBegin, colEnd, rowBegin, rowEnd)`: rows of floats to `q8` activations, of
 *   `activationBytes(cols)` a row; columns are multiples of 32, so that a long row can be cut among workers.
 */
export interface MatmulFormat {
  readonly name: MatmulFormatName;
  readonly activation: ActivationKind;
  /** Columns must be a multiple of this. */
  readonly colGranularity: number;
  readonly kernels: { readonly matmul: string; readonly pack: string; readonly unpackRow: string };
  /** Bytes of a packed matrix: a multiple of 64, so that expert e of several lies at e * packedBytes. */
  packedBytes(rows: number, cols: number): number;
  /** Bytes of one row of activations, a multiple of 16. */
  activationBytes(cols: number): number;
  /** Bytes of scratch that one worker needs for a product with several tokens. */
  scratchBytes(cols: number): number;
  /** For types whose bytes in a file cannot be packed as they are: what must be done to them first. What `pack` takes is its result. */
  readonly rewritten?: {
    /** Bytes of a row once rewritten. */
    rowBytes(cols: number): number;
    /** Rewrites whole rows of a file, losing nothing. Plain TypeScript, some 100 MB/s. */
    rewrite(file: Uint8Array, out: Uint8Array): void;
  };
}

/** rowBegin (and rowEnd, but at the end of a matrix) of all kernels are multiples of this. */
export const ROW_GRANULARITY = PANEL_ROWS;

/** The export that quantizes activations. */
export const QUANTIZE_EXPORT = 'quantize';

const ALIGNMENT = 64;
/** Bytes of weights that a chunk of work has at best. */
const CHUNK_BYTES = 1536 * 1024;
/** A panel for each stream of the matrix-vector kernels. */
const CHUNK_GRANULARITY = MAX_STREAMS * PANEL_ROWS;

const kernelNames = (name: string): MatmulFormat['kernels'] => ({
  matmul: `matmul.${name}`,
  pack: `pack.${name}`,
  unpackRow: `unpackRow.${name}`,
});

const panels = (rows: number): number => Math.ceil(rows / PANEL_ROWS);

function floatFormat(name: FloatFormatName): MatmulFormat {
  return {
    name,
    activation: 'f32',
    colGranularity: 1,
    kernels: kernelNames(name),
    packedBytes: (rows, cols) => alignUp(panels(rows) * floatPanelBytes(name, cols), ALIGNMENT),
    activationBytes: (cols) => alignUp(4 * cols, 16),
    scratchBytes: () => floatScratchBytes(name),
  };
}

function quantFormat(name: QuantFormatName): MatmulFormat {
  const spec: QuantSpec = QUANT_SPECS[name];
  return {
    name,
    activation: 'q8',
    colGranularity: TENSOR_TYPES[name].blockSize,
    kernels: kernelNames(name),
    packedBytes: (rows, cols) => alignUp(panels(rows) * panelBytes(spec, cols), ALIGNMENT),
    activationBytes: activationRowBytes,
    scratchBytes: () => quantScratchBytes(spec),
    ...(isRewritten(name)
      ? {
          rewritten: {
            rowBytes: (cols) => rewrittenBytes(name, cols),
            rewrite: (file, out) => rewriteBlocks(name, file, out),
          },
        }
      : {}),
  };
}

const formats = new Map<MatmulFormatName, MatmulFormat>([
  ...(['F32', 'F16', 'BF16'] as const).map((name) => [name, floatFormat(name)] as const),
  ...(Object.keys(QUANT_SPECS) as QuantFormatName[]).map((name) => [name, quantFormat(name)] as const),
]);

/** Formats whose bytes are packed as they lie in a file. */
export const MATMUL_FORMATS: readonly MatmulFormat[] = [...formats.values()].filter(({ rewritten }) => !rewritten);

/** Formats whose bytes are rewritten first. */
export const REWRITTEN_FORMATS: readonly MatmulFormat[] = [...formats.values()].filter(({ rewritten }) => rewritten);

/** The format of that name. */
export function matmulFormat(name: MatmulFormatName): MatmulFormat {
  const format = formats.get(name);
  if (!format)
    throw new StarlingError('unsupported_model', `There is no kernel for weights in ${name}.`, {
      details: { format: name },
    });
  return format;
}

/**
 * The format in which weights of a tensor type are kept in memory.
 * @throws StarlingError `unsupported_model` for types that no weights have (I8, F64, Q8_K, ...)
 */
export function formatForType(type: TensorTypeName): MatmulFormat {
  return matmulFormat(type as MatmulFormatName);
}

/**
 * A good number of rows for one chunk of work with one token. A matrix-vector product is the faster the longer the runs of memory are that it walks
 * (half a megabyte: 80 % of the speed of two), so small matrices are cut just once for each thread, large ones in pieces of a
 * megabyte or two that leave room for balance.
 */
export function chunkRows(format: MatmulFormat, rows: number, cols: number, threads: number): number {
  const rowBytes = format.packedBytes(CHUNK_GRANULARITY, cols) / CHUNK_GRANULARITY;
  const pieces = Math.max(1, Math.round((rows * rowBytes) / (threads * CHUNK_BYTES)));
  return Math.max(CHUNK_GRANULARITY, alignUp(Math.ceil(rows / (threads * pieces)), CHUNK_GRANULARITY));
}

/** Chunks of a matrix that each thread gets on average with several tokens, and the fewest and most rows of one. */
const BATCH_CHUNKS = 8;
const BATCH_ROWS = { least: 64, most: 512 } as const;

/**
 * The same with several tokens, where computing takes longer than reading: small chunks, so that threads end together although the
 * system and the machine's other guests leave them unequal time.
 */
export function batchChunkRows(rows: number, threads: number): number {
  const even = alignUp(Math.ceil(rows / (threads * BATCH_CHUNKS)), CHUNK_GRANULARITY);
  return Math.min(BATCH_ROWS.most, Math.max(BATCH_ROWS.least, even));
}
