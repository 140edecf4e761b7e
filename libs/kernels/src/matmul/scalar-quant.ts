import { f16ToNumber } from '@starling/core';
import { ACTIVATION_BLOCK } from './activation-layout.js';
import { BIT_LAYOUTS } from './bit-layout.js';
import { DROPPED_BITS } from './emit-quantize.js';
import {
  blockLayout,
  GROUP_VALUES,
  groupBytes,
  PAIR_BYTES,
  PANEL_ROWS,
  STEP_VALUES,
  type BlockLayout,
  type QuantSpec,
} from './quant-spec.js';

/*
 * Scalar twins of the quantized kernels: the same layouts, the same order of sums. The plain SIMD build gives the same bits.
 */

const { fround } = Math;

/** Reads single weights of a packed matrix. */
export class PackedWeights {
  readonly #view: DataView;
  readonly #layout: BlockLayout;
  /** Codes of the rows that were asked for: each is multiplied with many tokens. */
  readonly #codes = new Map<number, Int16Array>();

  /** @param bytes the packed matrix, (panels, blocks) of `cols` columns */
  constructor(
    readonly spec: QuantSpec,
    readonly cols: number,
    bytes: Uint8Array,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#layout = blockLayout(spec);
  }

  /** The codes of a row less the offset: what is multiplied. */
  codes(row: number): Int16Array {
    let codes = this.#codes.get(row);
    if (codes === undefined) this.#codes.set(row, (codes = this.#readCodes(row)));
    return codes;
  }

  /** The scale of a weight (f32). */
  scale(row: number, col: number): number {
    const { spec } = this;
    const at = this.#block(row, col);
    if (spec.scale === 'e8m0') {
      const exponent = this.#view.getUint8(at + (row % PANEL_ROWS));
      return exponent === 0 ? 0 : 2 ** (exponent - 127);
    }
    if (spec.scale === 'f16') {
      const sub = Math.floor((col % spec.blockValues) / spec.subValues);
      return f16ToNumber(this.#view.getUint16(at + 2 * (PANEL_ROWS * sub + (row % PANEL_ROWS)), true));
    }
    const factor = this.#view.getFloat32(at + 4 * (row % PANEL_ROWS), true);
    const place = this.#subPlace(row, col) + this.#layout.subScales;
    return fround(factor * (spec.signedScales ? this.#view.getInt8(place) : this.#view.getUint8(place)));
  }

  /** What is added to a weight (f32), 0 for formats without minima. */
  minimum(row: number, col: number): number {
    const { spec } = this;
    if (!spec.minimum) return 0;
    const at = this.#block(row, col) + this.#layout.minimumFactor;
    if (spec.scale === 'f16') return f16ToNumber(this.#view.getUint16(at + 2 * (row % PANEL_ROWS), true));
    return fround(
      this.#view.getFloat32(at + 4 * (row % PANEL_ROWS), true) *
        this.#view.getUint8(this.#subPlace(row, col) + this.#layout.subMinima),
    );
  }

  #readCodes(row: number): Int16Array {
    const { spec } = this;
    const steps = BIT_LAYOUTS[spec.bits].flatMap((layout) => layout.steps);
    return Int16Array.from({ length: this.cols }, (_, col) => {
      const inBlock = col % spec.blockValues;
      const inGroup = inBlock % GROUP_VALUES;
      const group = this.#block(row, col) + this.#layout.codes + Math.floor(inBlock / GROUP_VALUES) * groupBytes(spec);
      const byteInPair = STEP_VALUES * (row % PANEL_ROWS) + (inGroup % STEP_VALUES);
      let bits = 0;
      for (const { vector, shift, mask } of steps[Math.floor(inGroup / STEP_VALUES)])
        bits |= (this.#view.getUint8(group + PAIR_BYTES * vector + byteInPair) >> shift) & mask;
      return (spec.table ? spec.table[bits] : bits) - spec.offset;
    });
  }

  #block(row: number, col: number): number {
    const blocks = this.cols / this.spec.blockValues;
    return (Math.floor(row / PANEL_ROWS) * blocks + Math.floor(col / this.spec.blockValues)) * this.#layout.bytes;
  }

  #subPlace(row: number, col: number): number {
    const sub = Math.floor((col % this.spec.blockValues) / this.spec.subValues);
    return this.#block(row, col) + PAIR_BYTES * (sub >> 2) + 4 * (row % PANEL_ROWS) + (sub & 3);
  }
}

/** One row of a packed matrix as floats. Twin of `unpackRow`. */
export function scalarUnpackRow(weights: PackedWeights, row: number): Float32Array {
  const codes = weights.codes(row);
  return Float32Array.from(
    { length: weights.cols },
    (_, col) => fround(codes[col] * weights.scale(row, col)) + weights.minimum(row, col),
  );
}

/** One output: row `row` of the matrix times a row of quantized activations. Twin of `matmul` in the plain build. */
export function scalarDot(weights: PackedWeights, row: number, activations: Uint8Array): number {
  const { spec, cols } = weights;
  const codes = weights.codes(row);
  const view = new DataView(activations.buffer, activations.byteOffset, activations.byteLength);
  let sum = 0;
  for (let begin = 0; begin < cols; begin += spec.subValues) {
    const block = Math.floor(begin / GROUP_VALUES) * ACTIVATION_BLOCK.bytes;
    let dot = 0;
    let total = 0;
    for (let col = begin; col < begin + spec.subValues; col++) {
      const x = view.getInt8(block + (col % GROUP_VALUES));
      dot += codes[col] * x;
      total += x;
    }
    const scale = view.getFloat32(block + ACTIVATION_BLOCK.scale, true);
    sum = fround(sum + fround(dot * fround(weights.scale(row, begin) * scale)));
    const scaledSum =
      spec.subValues === GROUP_VALUES
        ? view.getFloat32(block + ACTIVATION_BLOCK.scaledSum, true)
        : fround(scale * total);
    if (spec.minimum) sum = fround(sum + fround(weights.minimum(row, begin) * scaledSum));
  }
  return sum;
}

/** A row of floats as quantized activations. Twin of `quantize`. */
export function scalarQuantize(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array((values.length / GROUP_VALUES) * ACTIVATION_BLOCK.bytes);
  const view = new DataView(bytes.buffer);
  for (let begin = 0, at = 0; begin < values.length; begin += GROUP_VALUES, at += ACTIVATION_BLOCK.bytes) {
    const block = values.subarray(begin, begin + GROUP_VALUES);
    const largest = block.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0);
    const exactScale = fround(largest / 127);
    const inverse = largest < 2 ** -120 ? 0 : fround(127 / largest);
    let [first, total] = [0, 0];
    block.forEach((value, i) => {
      const code = roundHalfToEven(fround(value * inverse));
      view.setInt8(at + i, code);
      total += code;
      if (i < GROUP_VALUES / 2) first += code;
    });
    view.setFloat32(at + ACTIVATION_BLOCK.scale, roundScale(exactScale), true);
    view.setInt32(at + ACTIVATION_BLOCK.sum, -total, true);
    view.setInt16(at + ACTIVATION_BLOCK.halfSums, -first, true);
    view.setInt16(at + ACTIVATION_BLOCK.halfSums + 2, first - total, true);
    view.setFloat32(at + ACTIVATION_BLOCK.scaledSum, roundScale(fround(exactScale * total)), true);
  }
  return bytes;
}

/** Rounds to 11 significant bits, half to even. */
function roundScale(scale: number): number {
  const bits = new Uint32Array(new Float32Array([scale]).buffer);
  bits[0] += ((bits[0] >>> DROPPED_BITS) & 1) + 2 ** (DROPPED_BITS - 1) - 1;
  bits[0] &= -(2 ** DROPPED_BITS);
  return new Float32Array(bits.buffer)[0];
}

function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
