const encoder = new TextEncoder();

/** Builds GGUF files byte by byte for tests, whatever the format allows or not; it shares no code with the writer. */
export class GgufBytes {
  #bytes = new Uint8Array(256);
  #length = 0;

  constructor(
    readonly littleEndian = true,
    readonly sizeBytes: 4 | 8 = 8,
  ) {}

  /** Magic, version and the two counts. */
  static header(
    counts: { tensors: number | bigint; entries: number | bigint },
    options: { version?: number; littleEndian?: boolean } = {},
  ): GgufBytes {
    const version = options.version ?? 3;
    const file = new GgufBytes(options.littleEndian ?? true, version === 1 ? 4 : 8);
    return file.raw('GGUF').u32(version).size(counts.tensors).size(counts.entries);
  }

  raw(text: string): this {
    return this.bytes(encoder.encode(text));
  }

  bytes(bytes: ArrayLike<number>): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    for (let i = 0; i < 4; i++) this.#bytes[this.#length++] = value >>> (this.littleEndian ? 8 * i : 24 - 8 * i);
    return this;
  }

  u64(value: number | bigint): this {
    const wide = BigInt(value);
    const [low, high] = [Number(wide & 0xffffffffn), Number(wide >> 32n)];
    return this.littleEndian ? this.u32(low).u32(high) : this.u32(high).u32(low);
  }

  size(value: number | bigint): this {
    return this.sizeBytes === 8 ? this.u64(value) : this.u32(Number(BigInt(value) & 0xffffffffn));
  }

  string(text: string): this {
    const bytes = encoder.encode(text);
    return this.size(bytes.length).bytes(bytes);
  }

  /** A metadata entry up to its value. */
  key(name: string, type: number): this {
    return this.string(name).u32(type);
  }

  /** A row of the tensor table. */
  tensor(name: string, shape: readonly (number | bigint)[], type: number, offset: number | bigint): this {
    this.string(name).u32(shape.length);
    for (const dimension of shape) this.size(dimension);
    return this.u32(type).u64(offset);
  }

  align(alignment = 32): this {
    return this.zeros(Math.ceil(this.#length / alignment) * alignment - this.#length);
  }

  zeros(count: number): this {
    this.#reserve(count);
    this.#length += count;
    return this;
  }

  build(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#length + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

/** Ids of metadata types. */
export const TYPE = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
} as const;

/** A small valid file with a bit of everything, for mutating. */
export function smallFile(): Uint8Array {
  const file = GgufBytes.header({ tensors: 3, entries: 7 });
  file.key('general.architecture', TYPE.string).string('llama');
  file.key('llama.block_count', TYPE.u32).u32(2);
  file.key('tokens', TYPE.array).u32(TYPE.string).size(4).string('a').string('bc').string('').string('déf');
  file.key('scores', TYPE.array).u32(TYPE.f32).size(2).u32(0x3f800000).u32(0x40000000);
  file.key('flags', TYPE.array).u32(TYPE.bool).size(3).u8(1).u8(0).u8(1);
  file
    .key('nested', TYPE.array)
    .u32(TYPE.array)
    .size(2)
    .u32(TYPE.u8)
    .size(1)
    .u8(7)
    .u32(TYPE.string)
    .size(1)
    .string('in');
  file.key('big', TYPE.u64).u64(2n ** 60n);
  file.tensor('one', [4, 2], 0, 0).tensor('two', [32, 3], 2, 32).tensor('three', [], 24, 96);
  return file.align().zeros(128).build();
}
