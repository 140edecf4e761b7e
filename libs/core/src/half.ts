/**
 * IEEE 754 binary16 ("f16") and bfloat16 ("bf16") as 16-bit integers, converted to and from numbers.
 * Rounding is to nearest, ties to even, as IEEE 754-2019 section 4.3.1 defines.
 */

const scratch = new DataView(new ArrayBuffer(4));

const bitsOf = (value: number): number => {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
};

const fromBits = (bits: number): number => {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
};

/** The number that the 16 bits of an f16 stand for. Subnormals, infinities and NaN included. */
export function f16ToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The f16 nearest to a number (after rounding it to f32), as 16 bits. Too large becomes infinity. */
export function numberToF16(value: number): number {
  const bits = bitsOf(value);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 255) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200 | (fraction >> 13));
  const shifted = exponent - 112;
  if (shifted >= 31) return sign | 0x7c00;
  if (shifted <= 0) {
    if (shifted < -10) return sign;
    const significand = fraction | 0x800000;
    const shift = 14 - shifted;
    const floor = significand >> shift;
    const rest = significand & ((1 << shift) - 1);
    const half = 1 << (shift - 1);
    return sign | (floor + (rest > half || (rest === half && (floor & 1) === 1) ? 1 : 0));
  }
  const floor = (shifted << 10) | (fraction >> 13);
  const rest = fraction & 0x1fff;
  return sign | (floor + (rest > 0x1000 || (rest === 0x1000 && (floor & 1) === 1) ? 1 : 0));
}

/** The number that the 16 bits of a bf16 stand for. */
export function bf16ToNumber(brain: number): number {
  return fromBits(((brain & 0xffff) << 16) >>> 0);
}

/** The bf16 nearest to a number (after rounding it to f32), as 16 bits; NaN stays a (quiet) NaN. */
export function numberToBf16(value: number): number {
  const bits = bitsOf(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) | 0x40) & 0xffff;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

let f16Values: Float32Array | undefined;

/** All 65,536 f16 values as f32, indexed by their bits: for converting many at once. Made at first use, then shared. */
export function f16Table(): Float32Array {
  if (!f16Values) {
    const table = new Float32Array(65536);
    for (let bits = 0; bits < 65536; bits++) table[bits] = f16ToNumber(bits);
    f16Values = table;
  }
  return f16Values;
}
