/**
 * The packed 6-bit scales of the K formats, both twelve bytes.
 *
 * Q4_K and Q5_K, eight scales and eight mins: bytes 0-3 hold scales 0-3 in their low six bits, bytes 4-7 mins 0-3; bytes 8-11 hold the
 * low four bits of scales 4-7 (low nibble) and mins 4-7 (high nibble), whose upper two bits are the top bits of bytes 0-3 and 4-7.
 *
 * Q3_K, sixteen scales: bytes 0-7 hold the low four bits of scales 0-7 (low nibble) and 8-15 (high nibble); bytes 8-11 the upper two
 * bits: byte 8 + j those of scales j, j + 4, j + 8, j + 12, lowest first.
 */

/** Unpacks eight scales and eight mins from the twelve bytes at `at`. */
export function unpackScalesAndMins(bytes: Uint8Array, at: number, scales: Uint8Array, mins: Uint8Array): void {
  for (let j = 0; j < 4; j++) {
    const first = bytes[at + j];
    const second = bytes[at + 4 + j];
    const third = bytes[at + 8 + j];
    scales[j] = first & 63;
    mins[j] = second & 63;
    scales[j + 4] = (third & 15) | ((first >> 6) << 4);
    mins[j + 4] = (third >> 4) | ((second >> 6) << 4);
  }
}

/** Packs eight scales and eight mins of six bits into the twelve bytes at `at`. */
export function packScalesAndMins(scales: Uint8Array, mins: Uint8Array, bytes: Uint8Array, at: number): void {
  for (let j = 0; j < 4; j++) {
    bytes[at + j] = scales[j] | ((scales[j + 4] >> 4) << 6);
    bytes[at + 4 + j] = mins[j] | ((mins[j + 4] >> 4) << 6);
    bytes[at + 8 + j] = (scales[j + 4] & 15) | ((mins[j + 4] & 15) << 4);
  }
}

/** Unpacks sixteen scales of six bits (offset by 32) from the twelve bytes at `at`. */
export function unpackScales3(bytes: Uint8Array, at: number, scales: Uint8Array): void {
  for (let j = 0; j < 16; j++) {
    const low = (bytes[at + (j & 7)] >> ((j >> 3) * 4)) & 15;
    const high = (bytes[at + 8 + (j & 3)] >> ((j >> 2) * 2)) & 3;
    scales[j] = low | (high << 4);
  }
}

/** Packs sixteen scales of six bits (offset by 32) into the twelve bytes at `at`. */
export function packScales3(scales: Uint8Array, bytes: Uint8Array, at: number): void {
  bytes.fill(0, at, at + 12);
  for (let j = 0; j < 16; j++) {
    bytes[at + (j & 7)] |= (scales[j] & 15) << ((j >> 3) * 4);
    bytes[at + 8 + (j & 3)] |= (scales[j] >> 4) << ((j >> 2) * 2);
  }
}
