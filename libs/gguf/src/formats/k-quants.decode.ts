import { halfAt, i8At, type BlockDecoder } from './block-bytes.js';
import { unpackScales3, unpackScalesAndMins } from './k-scales.js';

/**
 * Formats of 256 values with scales that are quantized themselves. Values come in halves of 128 (Q2_K, Q3_K, Q6_K) or quarters of 64
 * (Q4_K, Q5_K); within them, the bits of values 32 apart share a byte.
 *
 * | format | bytes of a block                                                                     | value                    |
 * |--------|--------------------------------------------------------------------------------------|--------------------------|
 * | Q2_K   | 4-bit scale, 4-bit min for each 16: 0-15; 2 bits 16-79; d 80-81; dmin 82-83          | d * s * q - dmin * m     |
 * | Q3_K   | third bits 0-31; 2 bits 32-95; 6-bit scales for each 16: 96-107; d 108-109           | d * (s - 32) * (q - 4)   |
 * | Q4_K   | d 0-1; dmin 2-3; 6-bit scale and min for each 32: 4-15; nibbles 16-143               | d * s * q - dmin * m     |
 * | Q5_K   | d 0-1; dmin 2-3; 6-bit scale and min for each 32: 4-15; fifth bits 16-47; nibbles 48-175 | d * s * q - dmin * m |
 * | Q6_K   | nibbles 0-127; 2 bits 128-191; signed scale for each 16: 192-207; d 208-209          | d * s * (q - 32)         |
 */

export const decodeQ2_K: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 84) {
    const d = halfAt(bytes, at + 80);
    const dmin = halfAt(bytes, at + 82);
    for (let group = 0; group < 16; group++) {
      const scale = d * (bytes[at + group] & 15);
      const min = dmin * (bytes[at + group] >> 4);
      const from = at + 16 + (group >> 3) * 32 + (group & 1) * 16;
      const shift = group & 6;
      for (let j = 0; j < 16; j++) out[to++] = scale * ((bytes[from + j] >> shift) & 3) - min;
    }
  }
};

export const decodeQ3_K: BlockDecoder = (bytes, count, out) => {
  const scales = new Uint8Array(16);
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 110) {
    const d = halfAt(bytes, at + 108);
    unpackScales3(bytes, at + 96, scales);
    for (let group = 0; group < 16; group++) {
      const scale = d * (scales[group] - 32);
      const half = (group & 1) * 16;
      const low = at + 32 + (group >> 3) * 32 + half;
      const high = at + half;
      const shift = group & 6;
      const bit = group >> 1;
      for (let j = 0; j < 16; j++)
        out[to++] = scale * (((bytes[low + j] >> shift) & 3) + ((bytes[high + j] >> bit) & 1) * 4 - 4);
    }
  }
};

export const decodeQ4_K: BlockDecoder = (bytes, count, out) => {
  const scales = new Uint8Array(8);
  const mins = new Uint8Array(8);
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 144) {
    const d = halfAt(bytes, at);
    const dmin = halfAt(bytes, at + 2);
    unpackScalesAndMins(bytes, at + 4, scales, mins);
    for (let group = 0; group < 8; group++) {
      const scale = d * scales[group];
      const min = dmin * mins[group];
      const from = at + 16 + (group >> 1) * 32;
      const shift = (group & 1) * 4;
      for (let j = 0; j < 32; j++) out[to++] = scale * ((bytes[from + j] >> shift) & 15) - min;
    }
  }
};

export const decodeQ5_K: BlockDecoder = (bytes, count, out) => {
  const scales = new Uint8Array(8);
  const mins = new Uint8Array(8);
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 176) {
    const d = halfAt(bytes, at);
    const dmin = halfAt(bytes, at + 2);
    unpackScalesAndMins(bytes, at + 4, scales, mins);
    for (let group = 0; group < 8; group++) {
      const scale = d * scales[group];
      const min = dmin * mins[group];
      const from = at + 48 + (group >> 1) * 32;
      const high = at + 16;
      const shift = (group & 1) * 4;
      for (let j = 0; j < 32; j++)
        out[to++] = scale * (((bytes[from + j] >> shift) & 15) + ((bytes[high + j] >> group) & 1) * 16) - min;
    }
  }
};

export const decodeQ6_K: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 210) {
    const d = halfAt(bytes, at + 208);
    for (let group = 0; group < 16; group++) {
      const scale = d * i8At(bytes, at + 192 + group);
      const half = group >> 3;
      const column = (group & 1) * 16;
      const low = at + half * 64 + ((group >> 1) & 1) * 32 + column;
      const high = at + 128 + half * 32 + column;
      const lowShift = group & 4;
      const highShift = group & 6;
      for (let j = 0; j < 16; j++) {
        out[to++] = scale * ((((bytes[low + j] >> lowShift) & 15) | (((bytes[high + j] >> highShift) & 3) << 4)) - 32);
      }
    }
  }
};
