import { StarlingError } from '@starling/core';

/**
 * SentencePiece's precompiled normalization: a map from byte strings to replacements, as a double array. The file has the length of the
 * array in bytes (u32), the array, then the replacements, each ended by a zero byte. A unit of the array has its label in bits 0 to 7
 * (with bit 31), "a replacement ends here" in bit 8, and the base in bits 10 to 30, scaled by 256 if bit 9 is set.
 */
export class CharsMap {
  private readonly units: Uint32Array;
  readonly replacements: Uint8Array;
  /** Where the replacement of the last match starts in `replacements`, and where it ends. */
  replacementStart = 0;
  replacementEnd = 0;

  constructor(map: Uint8Array) {
    const length = map.length < 4 ? Infinity : new DataView(map.buffer, map.byteOffset).getUint32(0, true);
    if (length + 4 >= map.length)
      throw broken(`it says ${length} bytes of table, but has ${Math.max(0, map.length - 4)} bytes in all`);
    this.units = new Uint32Array(length >> 2);
    const view = new DataView(map.buffer, map.byteOffset + 4, length);
    for (let i = 0; i < this.units.length; i++) this.units[i] = view.getUint32(i * 4, true);
    this.replacements = map.subarray(4 + length);
  }

  /** How many bytes at `at` are replaced (the longest match), or 0. */
  match(bytes: Uint8Array, at: number, end: number): number {
    let length = 0;
    let index = base(this.unit(0));
    for (let i = at; i < end && bytes[i] !== 0; i++) {
      index ^= bytes[i];
      const unit = this.unit(index);
      if ((unit & 0x800000ff) >>> 0 !== bytes[i]) break;
      index ^= base(unit);
      if ((unit & 0x100) === 0) continue;
      length = i - at + 1;
      this.replacementStart = this.unit(index) & 0x7fffffff;
    }
    if (length === 0) return 0;
    this.replacementEnd = this.replacements.indexOf(0, this.replacementStart);
    if (this.replacementEnd < 0) throw broken(`the replacement at ${this.replacementStart} has no end`);
    return length;
  }

  private unit(index: number): number {
    if (index >= 0 && index < this.units.length) return this.units[index];
    throw broken(`unit ${index} is outside of the table, which has ${this.units.length}`);
  }
}

function base(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function broken(reason: string): StarlingError {
  return new StarlingError('invalid_vocabulary', `the precompiled character map is broken: ${reason}`, {
    details: { reason },
  });
}
