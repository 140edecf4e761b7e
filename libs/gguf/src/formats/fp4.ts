/** The values of the 4-bit formats that look their values up, and the scales of the 4-bit floats. */

/** IQ4_NL and IQ4_XS: sixteen uneven steps. */
export const IQ4_VALUES = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

/** MXFP4 and NVFP4: twice the value of an E2M1 float (sign, two bits of exponent, one of fraction). */
export const FP4_VALUES = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

/** Half the value of an E8M0 scale (a power of two), as the values above are doubled. */
export function e8m0Half(exponent: number): number {
  return 2 ** (exponent - 128);
}

/** Half the value of an unsigned E4M3 scale (bias 7; all ones is taken as 0), as the values above are doubled. */
export function ue4m3Half(bits: number): number {
  if (bits === 0x7f) return 0;
  const exponent = (bits >> 3) & 15;
  const fraction = bits & 7;
  return exponent === 0 ? fraction * 2 ** -10 : (8 + fraction) * 2 ** (exponent - 11);
}
