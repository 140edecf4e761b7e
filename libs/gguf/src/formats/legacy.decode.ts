import { halfAt, i8At, u32At, type BlockDecoder } from './block-bytes.js';

/**
 * Formats with one f16 scale for a block of 32 (Q1_0: 128, Q2_0: 64). In the 4- and 5-bit formats byte j of the low bits holds
 * value j in its low nibble and value j + 16 in its high one.
 *
 * | format | bytes of a block                                   | value                  |
 * |--------|----------------------------------------------------|------------------------|
 * | Q1_0   | d 0-1, one bit a value 2-17                        | d or -d                |
 * | Q2_0   | d 0-1, two bits a value 2-17                       | d * (q - 1)            |
 * | Q4_0   | d 0-1, nibbles 2-17                                | d * (q - 8)            |
 * | Q4_1   | d 0-1, m 2-3, nibbles 4-19                         | d * q + m              |
 * | Q5_0   | d 0-1, fifth bits 2-5, nibbles 6-21                | d * (q - 16)           |
 * | Q5_1   | d 0-1, m 2-3, fifth bits 4-7, nibbles 8-23         | d * q + m              |
 * | Q8_0   | d 0-1, signed bytes 2-33                           | d * q                  |
 * | Q8_1   | d 0-1, d * sum of q 2-3, signed bytes 4-35         | d * q                  |
 * | Q8_K   | d (f32) 0-3, signed bytes 4-259, sums 260-291      | d * q (blocks of 256)  |
 */

export const decodeQ1_0: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 18, to += 128) {
    const d = halfAt(bytes, at);
    for (let j = 0; j < 128; j++) out[to + j] = (bytes[at + 2 + (j >> 3)] >> (j & 7)) & 1 ? d : -d;
  }
};

export const decodeQ2_0: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 18, to += 64) {
    const d = halfAt(bytes, at);
    for (let j = 0; j < 64; j++) out[to + j] = (((bytes[at + 2 + (j >> 2)] >> (2 * (j & 3))) & 3) - 1) * d;
  }
};

export const decodeQ4_0: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 18, to += 32) {
    const d = halfAt(bytes, at);
    for (let j = 0; j < 16; j++) {
      const q = bytes[at + 2 + j];
      out[to + j] = ((q & 15) - 8) * d;
      out[to + 16 + j] = ((q >> 4) - 8) * d;
    }
  }
};

export const decodeQ4_1: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 20, to += 32) {
    const d = halfAt(bytes, at);
    const m = halfAt(bytes, at + 2);
    for (let j = 0; j < 16; j++) {
      const q = bytes[at + 4 + j];
      out[to + j] = (q & 15) * d + m;
      out[to + 16 + j] = (q >> 4) * d + m;
    }
  }
};

export const decodeQ5_0: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 22, to += 32) {
    const d = halfAt(bytes, at);
    const high = u32At(bytes, at + 2);
    for (let j = 0; j < 16; j++) {
      const q = bytes[at + 6 + j];
      out[to + j] = (((q & 15) | (((high >>> j) & 1) << 4)) - 16) * d;
      out[to + 16 + j] = (((q >> 4) | (((high >>> (j + 16)) & 1) << 4)) - 16) * d;
    }
  }
};

export const decodeQ5_1: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 24, to += 32) {
    const d = halfAt(bytes, at);
    const m = halfAt(bytes, at + 2);
    const high = u32At(bytes, at + 4);
    for (let j = 0; j < 16; j++) {
      const q = bytes[at + 8 + j];
      out[to + j] = ((q & 15) | (((high >>> j) & 1) << 4)) * d + m;
      out[to + 16 + j] = ((q >> 4) | (((high >>> (j + 16)) & 1) << 4)) * d + m;
    }
  }
};

export const decodeQ8_0: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 34, to += 32) {
    const d = halfAt(bytes, at);
    for (let j = 0; j < 32; j++) out[to + j] = i8At(bytes, at + 2 + j) * d;
  }
};

export const decodeQ8_1: BlockDecoder = (bytes, count, out) => {
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 36, to += 32) {
    const d = halfAt(bytes, at);
    for (let j = 0; j < 32; j++) out[to + j] = i8At(bytes, at + 4 + j) * d;
  }
};

export const decodeQ8_K: BlockDecoder = (bytes, count, out) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let block = 0, at = 0, to = 0; block < count; block++, at += 292, to += 256) {
    const d = view.getFloat32(at, true);
    for (let j = 0; j < 256; j++) out[to + j] = i8At(bytes, at + 4 + j) * d;
  }
};
