import { numberToF16 } from '@starling/core';
import { codebook, evenSigns, type TensorTypeName } from '@starling/gguf';
import { byteBlockLayout } from './byte-block.js';
import { CODEWORD_MAGNITUDES, QUANT_SPECS, type QuantFormatName } from './quant-formats.js';
import type { QuantSpec } from './quant-spec.js';

/** Where the parts of one rewritten block go. */
interface Target {
  readonly factors: DataView;
  readonly scales: Uint8Array;
  readonly codes: Uint8Array;
}

/** Rewrites one block of a file. */
type BlockRewriter = (file: Uint8Array, view: DataView, target: Target) => void;

interface Source {
  /** Values and bytes of a block of the file. */
  readonly values: number;
  readonly bytes: number;
  readonly rewrite: BlockRewriter;
}

/** Numbers of a codebook's values in the order of valueTable: by value plus `shift`, times `factor`. */
function placesOf(magnitudes: readonly number[]): Int8Array {
  const values = [...magnitudes.map((magnitude) => -magnitude).reverse(), ...magnitudes];
  const places = new Int8Array(256).fill(-1);
  values.forEach((value, place) => (places[value + 128] = place));
  return places;
}

const places = {
  iq1: placesOf(CODEWORD_MAGNITUDES.IQ1),
  iq2: placesOf(CODEWORD_MAGNITUDES.IQ2),
  iq3xxs: placesOf(CODEWORD_MAGNITUDES.IQ3_XXS),
  iq3s: placesOf(CODEWORD_MAGNITUDES.IQ3_S),
};

/** Places of a codeword's values with their signs. */
function writeSigned(
  grid: Int8Array,
  from: number,
  width: number,
  signs: number,
  table: Int8Array,
  codes: Uint8Array,
  to: number,
): void {
  for (let j = 0; j < width; j++) {
    const value = grid[from + j];
    codes[to + j] = table[((signs >> j) & 1 ? -value : value) + 128];
  }
}

const iq2xxs: BlockRewriter = (_, view, { factors, scales, codes }) => {
  factors.setUint16(0, view.getUint16(0, true), true);
  for (let group = 0; group < 8; group++) {
    const from = 2 + 8 * group;
    const rest = view.getUint32(from + 4, true);
    scales[group] = 2 * (rest >>> 28) + 1;
    for (let k = 0; k < 4; k++)
      writeSigned(
        codebook('iq2xxs'),
        view.getUint8(from + k) * 8,
        8,
        evenSigns((rest >>> (7 * k)) & 127),
        places.iq2,
        codes,
        32 * group + 8 * k,
      );
  }
};

/** IQ2_XS and IQ2_S: 4-bit scales of 16 values, two in a byte. */
function oddNibbles(file: Uint8Array, at: number, scales: Uint8Array): void {
  for (let sub = 0; sub < 16; sub++) scales[sub] = 2 * ((file[at + (sub >> 1)] >> (4 * (sub & 1))) & 15) + 1;
}

const iq2xs: BlockRewriter = (file, view, { factors, scales, codes }) => {
  factors.setUint16(0, view.getUint16(0, true), true);
  oddNibbles(file, 66, scales);
  for (let k = 0; k < 32; k++) {
    const code = view.getUint16(2 + 2 * k, true);
    writeSigned(codebook('iq2xs'), (code & 511) * 8, 8, evenSigns(code >> 9), places.iq2, codes, 8 * k);
  }
};

const iq2s: BlockRewriter = (file, view, { factors, scales, codes }) => {
  factors.setUint16(0, view.getUint16(0, true), true);
  oddNibbles(file, 74, scales);
  for (let k = 0; k < 32; k++) {
    const upper = (file[66 + (k >> 2)] >> (2 * (k & 3))) & 3;
    writeSigned(codebook('iq2s'), (file[2 + k] | (upper << 8)) * 8, 8, file[34 + k], places.iq2, codes, 8 * k);
  }
};

const iq3xxs: BlockRewriter = (file, view, { factors, scales, codes }) => {
  factors.setUint16(0, view.getUint16(0, true), true);
  for (let group = 0; group < 8; group++) {
    const rest = view.getUint32(66 + 4 * group, true);
    scales[group] = 2 * (rest >>> 28) + 1;
    for (let k = 0; k < 8; k++) {
      const signs = evenSigns((rest >>> (7 * (k >> 1))) & 127) >> (4 * (k & 1));
      writeSigned(codebook('iq3xxs'), file[2 + 8 * group + k] * 4, 4, signs, places.iq3xxs, codes, 32 * group + 4 * k);
    }
  }
};

const iq3s: BlockRewriter = (file, view, { factors, scales, codes }) => {
  factors.setUint16(0, view.getUint16(0, true), true);
  for (let group = 0; group < 8; group++)
    scales[group] = 2 * ((file[106 + (group >> 1)] >> (4 * (group & 1))) & 15) + 1;
  for (let k = 0; k < 64; k++) {
    const ninth = (file[66 + (k >> 3)] >> (k & 7)) & 1;
    writeSigned(
      codebook('iq3s'),
      (file[2 + k] | (ninth << 8)) * 4,
      4,
      file[74 + (k >> 1)] >> (4 * (k & 1)),
      places.iq3s,
      codes,
      4 * k,
    );
  }
};

/** Places of a codeword of IQ1: 8 times its values, and 1 up or down. */
function writeShifted(from: number, shift: number, codes: Uint8Array, to: number): void {
  const grid = codebook('iq1s');
  for (let j = 0; j < 8; j++) codes[to + j] = places.iq1[8 * grid[from + j] + shift + 128];
}

const iq1s: BlockRewriter = (file, view, { factors, scales, codes }) => {
  factors.setUint16(0, view.getUint16(0, true), true);
  for (let group = 0; group < 8; group++) {
    const rest = view.getUint16(34 + 2 * group, true);
    scales[group] = 2 * ((rest >> 12) & 7) + 1;
    for (let k = 0; k < 4; k++) {
      const from = file[2 + 4 * group + k] | (((rest >> (3 * k)) & 7) << 8);
      writeShifted(8 * from, rest & 0x8000 ? -1 : 1, codes, 32 * group + 8 * k);
    }
  }
};

const iq1m: BlockRewriter = (file, view, { factors, scales, codes }) => {
  let factor = 0;
  for (let j = 0; j < 4; j++) factor |= (file[49 + 2 * j] >> 4) << (4 * j);
  factors.setUint16(0, factor, true);
  for (let sub = 0; sub < 16; sub++)
    scales[sub] = 2 * ((view.getUint16(48 + 2 * (sub >> 2), true) >> (3 * (sub & 3))) & 7) + 1;
  for (let k = 0; k < 32; k++) {
    const rest = file[32 + (k >> 1)] >> (4 * (k & 1));
    writeShifted(8 * (file[k] | ((rest & 7) << 8)), rest & 8 ? -1 : 1, codes, 8 * k);
  }
};

const tq1: BlockRewriter = (file, view, { factors, scales, codes }) => {
  factors.setUint16(0, view.getUint16(52, true), true);
  scales.fill(1);
  let to = 0;
  for (const [at, width, digits] of [
    [0, 32, 5],
    [32, 16, 5],
    [48, 4, 4],
  ]) {
    for (let digit = 0, power = 1; digit < digits; digit++, power *= 3) {
      for (let j = 0; j < width; j++) codes[to++] = (((file[at + j] * power) & 255) * 3) >> 8;
    }
  }
};

const tq2: BlockRewriter = (file, view, { factors, scales, codes }) => {
  factors.setUint16(0, view.getUint16(64, true), true);
  scales.fill(1);
  for (let i = 0; i < 256; i++) codes[i] = (file[32 * (i >> 7) + (i & 31)] >> (2 * ((i >> 5) & 3))) & 3;
};

/** E4M3 scales without their sign, halved because the codes are doubled: half floats hold them. */
function halfE4m3(bits: number): number {
  if (bits === 0x7f) return 0;
  const fraction = bits & 7;
  const exponent = (bits >> 3) & 15;
  return numberToF16(exponent === 0 ? fraction * 2 ** -10 : (8 + fraction) * 2 ** (exponent - 11));
}

/** A rewriter of blocks of 32 out of a part of a larger block. */
const nvfp4: BlockRewriter = (file, _, { factors, codes }) => {
  for (let sub = 0; sub < 4; sub++) {
    factors.setUint16(byteBlockLayout(QUANT_SPECS.NVFP4).bytes * (sub >> 1) + 2 * (sub & 1), halfE4m3(file[sub]), true);
    const to = byteBlockLayout(QUANT_SPECS.NVFP4).bytes * (sub >> 1) + 16 * (sub & 1);
    for (let j = 0; j < 8; j++) {
      codes[to + j] = file[4 + 8 * sub + j] & 15;
      codes[to + 8 + j] = file[4 + 8 * sub + j] >> 4;
    }
  }
};

/** Formats of a few bits with one factor for several blocks of 32. */
const fewBits = (spec: QuantSpec, values: number, codeAt: (file: Uint8Array, i: number) => number): BlockRewriter => {
  const { bytes } = byteBlockLayout(spec);
  return (file, view, { factors, codes }) => {
    for (let i = 0; i < values; i++) {
      if (i % 32 === 0) factors.setUint16(bytes * (i >> 5), view.getUint16(0, true), true);
      codes[bytes * (i >> 5) + (i & 31)] = codeAt(file, i);
    }
  };
};

const SOURCES = {
  IQ1_S: { values: 256, bytes: 50, rewrite: iq1s },
  IQ1_M: { values: 256, bytes: 56, rewrite: iq1m },
  IQ2_XXS: { values: 256, bytes: 66, rewrite: iq2xxs },
  IQ2_XS: { values: 256, bytes: 74, rewrite: iq2xs },
  IQ2_S: { values: 256, bytes: 82, rewrite: iq2s },
  IQ3_XXS: { values: 256, bytes: 98, rewrite: iq3xxs },
  IQ3_S: { values: 256, bytes: 110, rewrite: iq3s },
  TQ1_0: { values: 256, bytes: 54, rewrite: tq1 },
  TQ2_0: { values: 256, bytes: 66, rewrite: tq2 },
  NVFP4: { values: 64, bytes: 36, rewrite: nvfp4 },
  Q1_0: {
    values: 128,
    bytes: 18,
    rewrite: fewBits(QUANT_SPECS.Q1_0, 128, (file, i) => 2 * ((file[2 + (i >> 3)] >> (i & 7)) & 1)),
  },
  Q2_0: {
    values: 64,
    bytes: 18,
    rewrite: fewBits(QUANT_SPECS.Q2_0, 64, (file, i) => (file[2 + (i >> 2)] >> (2 * (i & 3))) & 3),
  },
} as const satisfies Partial<Record<QuantFormatName & TensorTypeName, Source>>;

/** Types whose bytes in a file are rewritten before they are packed. */
export type RewrittenName = keyof typeof SOURCES;

export function isRewritten(name: string): name is RewrittenName {
  return Object.hasOwn(SOURCES, name);
}

/** Bytes of `values` values once rewritten. */
export function rewrittenBytes(name: RewrittenName, values: number): number {
  const spec: QuantSpec = QUANT_SPECS[name];
  return (values / spec.blockValues) * byteBlockLayout(spec).bytes;
}

/** Rewrites whole blocks of a file in the form that is packed. @param out `rewrittenBytes` bytes */
export function rewriteBlocks(name: RewrittenName, file: Uint8Array, out: Uint8Array): void {
  const { values, bytes, rewrite }: Source = SOURCES[name];
  const layout = byteBlockLayout(QUANT_SPECS[name]);
  const blockBytes = rewrittenBytes(name, values);
  for (let from = 0, to = 0; from < file.length; from += bytes, to += blockBytes) {
    const block = file.subarray(from, from + bytes);
    rewrite(block, new DataView(file.buffer, file.byteOffset + from, bytes), {
      factors: new DataView(out.buffer, out.byteOffset + to, blockBytes),
      scales: out.subarray(to + layout.scales, to + layout.codes),
      codes: out.subarray(to + layout.codes, to + blockBytes),
    });
  }
}
