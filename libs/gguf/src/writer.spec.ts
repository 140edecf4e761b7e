import fc from 'fast-check';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PackedStrings } from '@starling/core';
import { golden } from '../../../tools/fixtures/fixtures.js';
import { MemorySink } from '../test/fixture-tensors.js';
import { smallFile } from '../test/gguf-bytes.js';
import type { MetadataEntry } from './encode-header.js';
import { writeFileWhole } from './file-sink.node.js';
import type { GgufModel } from './model.js';
import { openGguf } from './open.js';
import { openGgufFile } from './open.node.js';
import { TENSOR_TYPES, bytesOfValues, type TensorType } from './tensor-types.js';
import { writeModel } from './write-model.js';
import { GgufWriter } from './writer.js';

async function contents(model: GgufModel): Promise<Map<string, Uint8Array>> {
  const all = new Map<string, Uint8Array>();
  for (const tensor of model.tensors.values()) {
    const bytes = new Uint8Array(tensor.byteLength);
    await model.readTensor(tensor, bytes);
    all.set(tensor.name, bytes);
  }
  return all;
}

const finite = fc.float({ noNaN: true });
const scalar = fc.oneof(
  fc.record({ type: fc.constant('u8' as const), value: fc.nat(255) }),
  fc.record({ type: fc.constant('i16' as const), value: fc.integer({ min: -32768, max: 32767 }) }),
  fc.record({ type: fc.constant('i32' as const), value: fc.integer() }),
  fc.record({ type: fc.constant('f32' as const), value: finite }),
  fc.record({ type: fc.constant('f64' as const), value: fc.double({ noNaN: true }) }),
  fc.record({ type: fc.constant('u64' as const), value: fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }) }),
  fc.record({ type: fc.constant('i64' as const), value: fc.maxSafeInteger() }),
  fc.record({ type: fc.constant('bool' as const), value: fc.boolean() }),
  fc.record({ type: fc.constant('string' as const), value: fc.string({ unit: 'grapheme' }) }),
);
const array = fc.oneof(
  fc
    .array(fc.string({ unit: 'grapheme' }))
    .map((values): MetadataEntry => ({ type: { array: 'string' }, value: PackedStrings.from(values) })),
  fc.array(fc.boolean()).map((value): MetadataEntry => ({ type: { array: 'bool' }, value })),
  fc.float32Array().map((value): MetadataEntry => ({ type: { array: 'f32' }, value })),
  fc.bigInt64Array().map((value): MetadataEntry => ({ type: { array: 'i64' }, value })),
  fc.uint16Array().map((value): MetadataEntry => ({ type: { array: 'u16' }, value })),
);
const nested = fc.array(array, { maxLength: 3 }).map(
  (entries): MetadataEntry => ({
    type: { arrays: entries.map((entry) => entry.type) },
    value: entries.map((entry) => entry.value),
  }),
);
const metadata = fc.dictionary(
  fc.stringMatching(/^[a-z.]{1,12}$/).filter((key) => key !== 'general.alignment'),
  fc.oneof(scalar, array, nested),
  { maxKeys: 8 },
);
const tensor = fc.record({
  type: fc.constantFrom<TensorType>(...Object.values(TENSOR_TYPES)),
  blocks: fc.integer({ min: 0, max: 3 }),
  rows: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
  seed: fc.nat(255),
});

describe('a file that is written and read again', () => {
  it('has the same metadata and the same bytes of tensors, in every version and byte order', async () => {
    await fc.assert(
      fc.asyncProperty(
        metadata,
        fc.array(tensor, { maxLength: 5 }),
        fc.constantFrom(1, 2, 3) as fc.Arbitrary<1 | 2 | 3>,
        fc.boolean(),
        fc.constantFrom(1, 16, 32, 4096),
        fc.integer({ min: 1, max: 5 }),
        async (entries, tensors, version, littleEndian, alignment, pieceBlocks) => {
          const sink = new MemorySink();
          const writer = new GgufWriter(sink, { version, littleEndian });
          writer.setMetadata('general.alignment', alignment);
          for (const [key, { type, value }] of Object.entries(entries)) writer.setMetadata(key, value, type);
          const data = tensors.map(({ type, blocks, rows, seed }, i) => {
            const shape = [blocks * type.blockSize, ...rows];
            writer.addTensor(`t${i}`, type, shape);
            const bytes = new Uint8Array(
              bytesOfValues(
                type,
                shape.reduce((product, size) => product * size, 1),
              ),
            );
            return bytes.map((_, at) => (at * 31 + seed) & 255);
          });
          for (const [i, bytes] of data.entries()) {
            const piece = pieceBlocks * tensors[i].type.blockBytes;
            for (let at = 0; at < bytes.length; at += piece) await writer.write(bytes.subarray(at, at + piece));
          }
          await writer.finish();

          const model = await openGguf(sink.bytes());
          expect(model).toMatchObject({ version, littleEndian, alignment });
          expect(model.metadata.size).toBe(Object.keys(entries).length + 1);
          for (const [key, { type, value }] of Object.entries(entries)) {
            expect(model.metadata.get(key)).toEqual(value);
            expect(model.metadataTypes.get(key)).toEqual(type);
          }
          const read = await contents(model);
          data.forEach((bytes, i) => expect(read.get(`t${i}`)).toEqual(bytes));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('finds the type of a value that is given without', async () => {
    const sink = new MemorySink();
    const writer = new GgufWriter(sink);
    const values = {
      a: 1,
      b: -1,
      c: 2 ** 40,
      d: -(2 ** 40),
      e: 0.5,
      f: true,
      g: 'x',
      h: 2n ** 63n,
      i: Float32Array.of(1),
      j: [true],
      k: [Int8Array.of(1)],
    };
    for (const [key, value] of Object.entries(values)) writer.setMetadata(key, value);
    await writer.finish();
    const model = await openGguf(sink.bytes());
    expect(Object.fromEntries(model.metadataTypes)).toEqual({
      a: 'u32',
      b: 'i32',
      c: 'u64',
      d: 'i64',
      e: 'f32',
      f: 'bool',
      g: 'string',
      h: 'u64',
      i: { array: 'f32' },
      j: { array: 'bool' },
      k: { arrays: [{ array: 'i8' }] },
    });
  });

  it('refuses what cannot be written', async () => {
    const writer = new GgufWriter(new MemorySink());
    expect(() => writer.addTensor('t', TENSOR_TYPES.Q4_0, [33])).toThrow(/blocks of 32/);
    writer.addTensor('t', TENSOR_TYPES.F32, [2]);
    expect(() => writer.addTensor('t', TENSOR_TYPES.F32, [2])).toThrow(/added already/);
    expect(() => writer.setMetadata('general.alignment', 64)).toThrow(/before the first tensor/);
    await expect(writer.write(new Uint8Array(9))).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(() => writer.setMetadata('late', 1)).toThrow(/before tensor data/);
    await expect(writer.finish()).rejects.toThrow(/8 bytes of tensor data are missing|32 bytes/);
    const wrong = new GgufWriter(new MemorySink());
    wrong.setMetadata('k', 256, 'u8');
    await expect(wrong.finish()).rejects.toThrow(/"k" is to be written as u8, which cannot hold number 256/);
  });

  it('takes its name only when it is whole', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'gguf-'));
    const file = path.join(folder, 'out.gguf');
    try {
      const model = await openGguf(smallFile());
      await expect(
        writeFileWhole(file, async (sink) => {
          await sink.write(Uint8Array.of(1));
          throw new TypeError('disk full');
        }),
      ).rejects.toThrow('disk full');
      expect(fs.readdirSync(folder)).toEqual([]);
      await expect(writeFileWhole(path.join(folder, 'none', 'out.gguf'), async () => {})).rejects.toMatchObject({
        code: 'invalid_argument',
      });
      await writeFileWhole(file, (sink) => writeModel(model, sink));
      expect(fs.readdirSync(folder)).toEqual(['out.gguf']);
      const copy = await openGgufFile(file);
      expect(copy.metadata).toEqual(model.metadata);
      await copy.close();
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('joins the parts of a split model, which any part stands for', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'gguf-'));
    try {
      for (const number of [0, 1, 2]) {
        await writeFileWhole(path.join(folder, `m-0000${number + 1}-of-00003.gguf`), async (sink) => {
          const writer = new GgufWriter(sink);
          writer.setMetadata('split.no', number, 'u16');
          writer.setMetadata('split.count', 3, 'u16');
          writer.setMetadata('split.tensors.count', 3, 'i32');
          if (number === 0) writer.setMetadata('general.architecture', 'llama');
          writer.addTensor(`t${number}`, TENSOR_TYPES.I8, [5]);
          await writer.write(new Uint8Array(5).fill(number));
          await writer.finish();
        });
      }
      const model = await openGgufFile(path.join(folder, 'm-00002-of-00003.gguf'));
      expect(model).toMatchObject({ parts: 3, architecture: 'llama' });
      const sink = new MemorySink();
      await writeModel(model, sink);
      await model.close();
      const joined = await openGguf(sink.bytes());
      expect(joined).toMatchObject({ parts: 1, architecture: 'llama' });
      expect(joined.metadata.has('split.count')).toBe(false);
      expect(await contents(joined)).toEqual(
        new Map([0, 1, 2].map((number) => [`t${number}`, new Uint8Array(5).fill(number)])),
      );
      fs.rmSync(path.join(folder, 'm-00003-of-00003.gguf'));
      await expect(openGgufFile(path.join(folder, 'm-00001-of-00003.gguf'))).rejects.toMatchObject({
        code: 'file_not_found',
        message: expect.stringContaining('m-00003-of-00003'),
      });
      fs.copyFileSync(path.join(folder, 'm-00001-of-00003.gguf'), path.join(folder, 'm-00003-of-00003.gguf'));
      await expect(openGgufFile(path.join(folder, 'm-00001-of-00003.gguf'))).rejects.toThrow(
        /m-00003-of-00003\.gguf: says it is part 0 \(from 0\) of 3, where part 2/,
      );
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('stops when it is told to', async () => {
    const model = await openGguf(smallFile());
    const abort = new AbortController();
    const onProgress = (): void => abort.abort();
    await expect(writeModel(model, new MemorySink(), { signal: abort.signal, onProgress })).rejects.toMatchObject({
      code: 'cancelled',
    });
  });
});

describe('a real model', () => {
  it('comes back byte for byte', async () => {
    const original = await openGgufFile(golden.demoModel);
    const sink = new MemorySink();
    await writeModel(original, sink);
    await original.close();
    expect(Buffer.compare(sink.bytes(), fs.readFileSync(golden.demoModel))).toBe(0);
  });
});
