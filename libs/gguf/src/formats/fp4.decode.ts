import { halfAt, u16At, type BlockDecoder } from './block-bytes.js';
import { FP4_VALUES, IQ4_VALUES, e8m0Half, ue4m3Half } from './fp4.js';

/**
 * 4-bit formats whose values are looked up. Byte j of sixteen holds value j in its low nibble and value j + 16 in its high one
 * (NVFP4: byte j of eight, values j and j + 8).
 *
 * | format | bytes of a block                                                                     | values |
 * |--------|--------------------------------------------------------------------------------------|--------|
 * | IQ4_NL | d 0-1; nibbles 2-17                                                                  | 32     |
 * | IQ4_XS | d 0-1; upper two bits of eight 6-bit scales 2-3; lower four 4-7; nibbles 8-135       | 256    |
 * | MXFP4  | E8M0 scale 0; nibbles 1-16                                                           | 32     |
 * | NVFP4  | E4M3 scale for each 16: 0-3; nibbles 4-35                                            | 64     |
 */

export const decodeIQ4_NL: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 18, to += 32) {
    lookUp(bytes, at + 2, 16, IQ4_VALUES, halfAt(bytes, at), out, to);
  }
};

export const decodeIQ4_XS: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 136) {
    const d = halfAt(bytes, at);
    const high = u16At(bytes, at + 2);
    for (let group = 0; group < 8; group++, to += 32) {
      const low = (bytes[at + 4 + (group >> 1)] >> ((group & 1) * 4)) & 15;
      const scale = d * ((low | (((high >> (2 * group)) & 3) << 4)) - 32);
      lookUp(bytes, at + 8 + group * 16, 16, IQ4_VALUES, scale, out, to);
    }
  }
};

export const decodeMXFP4: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 17, to += 32) {
    lookUp(bytes, at + 1, 16, FP4_VALUES, e8m0Half(bytes[at]), out, to);
  }
};

export const decodeNVFP4: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 36) {
    for (let group = 0; group < 4; group++, to += 16) {
      lookUp(bytes, at + 4 + group * 8, 8, FP4_VALUES, ue4m3Half(bytes[at + group]), out, to);
    }
  }
};

function lookUp(
  bytes: Uint8Array,
  at: number,
  width: number,
  values: Int8Array,
  scale: number,
  out: Float32Array,
  to: number,
): void {
  for (let j = 0; j < width; j++) {
    const q = bytes[at + j];
    out[to + j] = values[q & 15] * scale;
    out[to + width + j] = values[q >> 4] * scale;
  }
}
