/** A growing byte string with the number encodings of the WebAssembly binary format. */
export class ByteSink {
  readonly bytes: number[] = [];

  /** Appends one byte. */
  u8(value: number): this {
    this.bytes.push(value & 0xff);
    return this;
  }

  /** Appends bytes as they are. */
  raw(bytes: ArrayLike<number>): this {
    for (let i = 0; i < bytes.length; i++) this.bytes.push(bytes[i]);
    return this;
  }

  /** Unsigned LEB128, 0..2^53. */
  u32(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.bytes.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.bytes.push(rest);
    return this;
  }

  /** Signed LEB128 of 32 or 64 bits; an unsigned value above the signed range is taken modulo 2^`bits`. */
  signed(value: bigint, bits: 32 | 64): this {
    let rest = BigInt.asIntN(bits, value);
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      if ((rest === 0n && low < 0x40) || (rest === -1n && low >= 0x40)) return this.u8(low);
      this.u8(low | 0x80);
    }
  }

  /** Little-endian float of 4 bytes. */
  f32(value: number): this {
    return this.raw(new Uint8Array(new Float32Array([value]).buffer));
  }

  /** Little-endian float of 8 bytes. */
  f64(value: number): this {
    return this.raw(new Uint8Array(new Float64Array([value]).buffer));
  }

  /** Length-prefixed UTF-8. */
  text(value: string): this {
    return this.block(new TextEncoder().encode(value));
  }

  /** Length-prefixed bytes. */
  block(bytes: ArrayLike<number>): this {
    return this.u32(bytes.length).raw(bytes);
  }
}
