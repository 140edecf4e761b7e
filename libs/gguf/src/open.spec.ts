import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { golden } from '../../../tools/fixtures/fixtures.js';
import { GgufBytes, TYPE, smallFile } from '../test/gguf-bytes.js';
import { memorySource, type ByteSource } from './byte-source.js';
import { openFileSource } from './file-source.node.js';
import { openGguf } from './open.js';
import { openGgufFile } from './open.node.js';

describe.each([
  { version: 1, littleEndian: true },
  { version: 2, littleEndian: true },
  { version: 3, littleEndian: true },
  { version: 1, littleEndian: false },
  { version: 2, littleEndian: false },
  { version: 3, littleEndian: false },
])('a file of version $version, little endian: $littleEndian', (format) => {
  const file = GgufBytes.header({ tensors: 2, entries: 15 }, format);
  file.key('general.architecture', TYPE.string).string('llama');
  file.key('u8', TYPE.u8).u8(200).key('i8', TYPE.i8).u8(200);
  file.key('u32', TYPE.u32).u32(0xfffffffe).key('i32', TYPE.i32).u32(0xfffffffe);
  file.key('f32', TYPE.f32).u32(0x3fc00000).key('yes', TYPE.bool).u8(1);
  file
    .key('u64', TYPE.u64)
    .u64(2n ** 53n - 1n)
    .key('i64', TYPE.i64)
    .u64(2n ** 64n - 3n)
    .key('u64 unsafe', TYPE.u64)
    .u64(2n ** 63n);
  file.key('strings', TYPE.array).u32(TYPE.string).size(3).string('α').string('').string('bc');
  file.key('i32s', TYPE.array).u32(TYPE.i32).size(2).u32(1).u32(0xffffffff);
  file
    .key('u64s', TYPE.array)
    .u32(TYPE.u64)
    .size(1)
    .u64(2n ** 40n);
  file.key('bools', TYPE.array).u32(TYPE.bool).size(2).u8(0).u8(1);
  file
    .key('nested', TYPE.array)
    .u32(TYPE.array)
    .size(2)
    .u32(TYPE.i32)
    .size(1)
    .u32(5)
    .u32(TYPE.string)
    .size(1)
    .string('x');
  file.tensor('a', [2, 3], 0, 0).tensor('b', [2], 25, 32);
  file.align();
  for (let i = 0; i < 6; i++) file.u32(0x3f800000 + i);
  file.align();
  const two = format.littleEndian ? [1, 2, 3, 4] : [2, 1, 4, 3];
  const bytes = file.bytes(two).align().build();

  it('gives its metadata', async () => {
    const model = await openGguf(bytes);
    expect(model).toMatchObject({
      version: format.version,
      littleEndian: format.littleEndian,
      architecture: 'llama',
      parts: 1,
      alignment: 32,
    });
    expect(model.number('u8')).toBe(200);
    expect(model.number('i8')).toBe(-56);
    expect(model.number('u32')).toBe(0xfffffffe);
    expect(model.number('i32')).toBe(-2);
    expect(model.number('f32')).toBe(1.5);
    expect(model.boolean('yes')).toBe(true);
    expect(model.number('u64')).toBe(Number.MAX_SAFE_INTEGER);
    expect(model.number('i64')).toBe(-3);
    expect(model.metadata.get('u64 unsafe')).toBe(2n ** 63n);
    expect(model.strings('strings')?.toArray()).toEqual(['α', '', 'bc']);
    expect(model.numbers('i32s')).toEqual(Int32Array.of(1, -1));
    expect(model.numbers('u64s')).toEqual(Float64Array.of(2 ** 40));
    expect(model.booleans('bools')).toEqual([false, true]);
    expect(model.metadata.get('nested')).toMatchObject([Int32Array.of(5), { length: 1 }]);
    expect(model.metadataTypes.get('nested')).toEqual({ arrays: [{ array: 'i32' }, { array: 'string' }] });
    expect(model.number('absent')).toBeUndefined();
  });

  it('gives its tensors little-endian', async () => {
    const model = await openGguf(bytes);
    const a = model.tensor('a');
    expect(a).toMatchObject({ shape: [2, 3], rowLength: 2, rowCount: 3, byteLength: 24, part: 0 });
    const words = new Uint32Array(6);
    await model.readTensor(a, new Uint8Array(words.buffer));
    expect(Array.from(words)).toEqual([0, 1, 2, 3, 4, 5].map((i) => 0x3f800000 + i));
    const row = new Uint32Array(2);
    await model.readTensor(a, new Uint8Array(row.buffer), { rowStart: 1, rowEnd: 2 });
    expect(Array.from(row)).toEqual([0x3f800002, 0x3f800003]);
    const b = new Uint8Array(4);
    await model.readTensor(model.tensor('b'), b);
    expect(Array.from(b)).toEqual([1, 2, 3, 4]);
  });
});

describe('sources of a model', () => {
  let folder: string;
  beforeAll(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'gguf-'))));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  it('opens an ArrayBuffer, a view, a Blob and a file alike', async () => {
    const bytes = smallFile();
    const file = path.join(folder, 'small.gguf');
    fs.writeFileSync(file, bytes);
    const inputs = [
      bytes,
      bytes.buffer.slice(0) as ArrayBuffer,
      new Blob([bytes as Uint8Array<ArrayBuffer>]),
      await openFileSource(file),
    ];
    for (const input of inputs) {
      const model = await openGguf(input);
      expect(model.strings('tokens')?.toArray()).toEqual(['a', 'bc', '', 'déf']);
      const row = new Uint8Array(18);
      await model.readTensor(model.tensor('two'), row, { rowStart: 2, rowEnd: 3 });
      await model.close();
    }
  });

  it('reads straight into shared and WebAssembly memory', async () => {
    const bytes = smallFile();
    bytes.fill(9, bytes.length - 128);
    const file = path.join(folder, 'shared.gguf');
    fs.writeFileSync(file, bytes);
    const model = await openGgufFile(file);
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
    for (const buffer of [new SharedArrayBuffer(200), memory.buffer]) {
      const view = new Uint8Array(buffer, 64, 54);
      await model.readTensor(model.tensor('two'), view);
      expect(Array.from(view)).toEqual(new Array(54).fill(9));
      expect(new Uint8Array(buffer)[63]).toBe(0);
      expect(new Uint8Array(buffer)[118]).toBe(0);
    }
    await model.close();
    await expect(model.readTensor(model.tensor('two'), new Uint8Array(54))).rejects.toMatchObject({ code: 'closed' });
  });

  it('says of a file that is not there, or is none', async () => {
    await expect(openGgufFile(path.join(folder, 'absent.gguf'))).rejects.toMatchObject({ code: 'file_not_found' });
    await expect(openGgufFile(folder)).rejects.toMatchObject({ code: 'invalid_model_file' });
  });

  it('refuses a buffer that does not fit the rows', async () => {
    const model = await openGguf(smallFile());
    const two = model.tensor('two');
    await expect(model.readTensor(two, new Uint8Array(53))).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(model.readTensor(two, new Uint8Array(18), { rowStart: 3, rowEnd: 4 })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  it('refuses a value of another type than asked for, and names the key', async () => {
    const model = await openGguf(smallFile());
    expect(() => model.string('llama.block_count')).toThrow(/"llama\.block_count" should be a string, but is u32/);
    expect(() => model.number('big')).toThrow(/1152921504606846976/);
    expect(() => model.strings('scores')).toThrow(/array of f32/);
    expect(() => model.tensor('four')).toThrow(/no tensor "four"/);
  });
});

describe('a real model', () => {
  it('is read from its file', async () => {
    const model = await openGgufFile(golden.demoModel);
    expect(model.architecture).toBe('llama');
    const tokens = model.strings('tokenizer.ggml.tokens');
    expect(tokens?.length).toBe(1536);
    expect(model.tensor('token_embd.weight').shape).toEqual([model.number('llama.embedding_length'), 1536]);
    await model.close();
  });

  it('is read in few and long pieces, however many tokens and merges it has', async () => {
    const file = GgufBytes.header({ tensors: 0, entries: 2 });
    file.key('tokenizer.ggml.tokens', TYPE.array).u32(TYPE.string).size(128_256);
    for (let i = 0; i < 128_256; i++) file.string(`t${i}`);
    file.key('tokenizer.ggml.merges', TYPE.array).u32(TYPE.string).size(280_147);
    for (let i = 0; i < 280_147; i++) file.string(`a b${i}`);
    const source = memorySource(file.build());
    let reads = 0;
    let bytes = 0;
    const counting: ByteSource = {
      ...source,
      size: source.size,
      read: (offset: number, into: Uint8Array, ...rest: []) => {
        reads++;
        bytes += into.length;
        return source.read(offset, into, ...rest);
      },
    };
    const model = await openGguf(counting);
    expect(model.strings('tokenizer.ggml.tokens')?.at(128_000)).toBe('t128000');
    expect(model.strings('tokenizer.ggml.merges')?.at(280_146)).toBe('a b280146');
    expect(reads).toBeLessThan(40);
    expect(bytes).toBeLessThan(2 * source.size);
  });
});
