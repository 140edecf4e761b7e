import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isStarlingError } from '@starling/core';
import { MemorySink, tensorValues } from '../test/fixture-tensors.js';
import { convertInThreads } from './converter-team.node.js';
import { readImportanceFile } from './importance.node.js';
import { combineImportance, meanSquares, writeImportanceMatrix, type ImportanceMatrix } from './importance-matrix.js';
import type { GgufModel } from './model.js';
import { openGguf } from './open.js';
import { quantizeModel } from './quantize-model.js';
import { readImportanceMatrix } from './read-importance.js';
import { TENSOR_TYPES } from './tensor-types.js';
import { GgufWriter } from './writer.js';

const [COLUMNS, ROWS, EXPERTS] = [256, 6, 3];

const matrix: ImportanceMatrix = {
  entries: new Map([
    [
      'blk.0.ffn_up_exps.weight',
      {
        sums: Float32Array.from({ length: COLUMNS * EXPERTS }, (_, i) => (i < 2 * COLUMNS ? 3 * (1 + (i % 97)) : 0)),
        counts: Float32Array.of(3, 6, 0),
      },
    ],
    [
      'blk.0.attn_q.weight',
      {
        sums: Float32Array.from({ length: COLUMNS }, (_, i) => (i % 16 === 3 ? 4000 : 1)),
        counts: Float32Array.of(9),
      },
    ],
  ]),
  datasets: ['a text.txt', 'another'],
  chunkCount: 2,
  chunkSize: 512,
};

async function written(what: ImportanceMatrix): Promise<Uint8Array> {
  const sink = new MemorySink();
  await writeImportanceMatrix(what, sink);
  return sink.bytes();
}

interface LegacyEntry {
  readonly name: string;
  readonly chunks: number;
  readonly values: readonly number[];
}

/** The older binary form. */
function legacy(entries: readonly LegacyEntry[], end?: { chunks: number; text: string }): Uint8Array {
  const int = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return bytes;
  };
  const text = (value: string): Buffer => Buffer.concat([int(Buffer.byteLength(value)), Buffer.from(value)]);
  return Buffer.concat([
    int(entries.length),
    ...entries.flatMap(({ name, chunks, values }) => [
      text(name),
      int(chunks),
      int(values.length),
      Buffer.from(Float32Array.from(values).buffer),
    ]),
    ...(end ? [int(end.chunks), text(end.text)] : []),
  ]);
}

describe('an importance matrix', () => {
  it('is read as it was written', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'starling-importance-'));
    try {
      const file = path.join(folder, 'imatrix.gguf');
      fs.writeFileSync(file, await written(matrix));
      const read = await readImportanceFile(file);
      expect(Array.from(read.entries.keys())).toEqual(['blk.0.attn_q.weight', 'blk.0.ffn_up_exps.weight']);
      expect(new Map(read.entries)).toEqual(new Map(matrix.entries));
      expect({ ...read, entries: undefined }).toEqual({ ...matrix, entries: undefined });
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  it('gives mean squares by matrix, and ones where nothing was seen', () => {
    const means = meanSquares(matrix.entries.get('blk.0.ffn_up_exps.weight')!);
    expect([means[1], means[COLUMNS + 1], means[2 * COLUMNS + 1]]).toEqual([2, 0.5 * (1 + ((COLUMNS + 1) % 97)), 1]);
  });

  it('is read in its older form, whose end may be missing', async () => {
    const entries = [{ name: 'blk.1.attn_k.weight', chunks: 4, values: [8, 2, 0] }];
    const read = await readImportanceMatrix(legacy(entries, { chunks: 4, text: 'wiki.txt' }));
    expect(read).toMatchObject({ datasets: ['wiki.txt'], chunkCount: 4, chunkSize: 0 });
    expect(meanSquares(read.entries.get('blk.1.attn_k.weight')!)).toEqual(Float32Array.of(2, 0.5, 0));
    expect(await readImportanceMatrix(legacy(entries))).toMatchObject({ datasets: [], chunkCount: 0 });
  });

  it('adds up to that of both texts, also where one is of the older form', async () => {
    const both = combineImportance([matrix, matrix]);
    expect(both).toMatchObject({
      chunkCount: 4,
      chunkSize: 512,
      datasets: ['a text.txt', 'another', 'a text.txt', 'another'],
    });
    expect(both.entries.get('blk.0.ffn_up_exps.weight')?.counts).toEqual(Float32Array.of(6, 12, 0));
    const old = await readImportanceMatrix(legacy([{ name: 'a', chunks: 2, values: [4, 6] }]));
    const added = combineImportance([
      old,
      { ...matrix, entries: new Map([['a', { sums: Float32Array.of(512, 512), counts: Float32Array.of(512) }]]) },
    ]);
    expect(added.entries.get('a')).toEqual({
      sums: Float32Array.of(5 * 512, 7 * 512),
      counts: Float32Array.of(3 * 512),
    });
    const other = { ...matrix, entries: new Map([['a', { sums: Float32Array.of(1), counts: Float32Array.of(1) }]]) };
    expect(() => combineImportance([old, other])).toThrow(/of different models/);
  });

  it.each<[string, () => Uint8Array, RegExp]>([
    ['an empty file', () => new Uint8Array(0), /no importance matrix, or cut short/],
    ['no entries', () => legacy([]), /its number of entries.*would be 0/],
    ['any text', () => Buffer.from('# What this is\nnothing'), /no importance matrix, or damaged/],
    ['a name twice', () => legacy([1, 2].map((chunks) => ({ name: 'a', chunks, values: [1] }))), /two entries "a"/],
    ['a value that is not finite', () => legacy([{ name: 'a', chunks: 1, values: [1, NaN] }]), /"a": sum 1 is NaN/],
    ['a negative value', () => legacy([{ name: 'a', chunks: 1, values: [-1] }]), /"a": sum 0 is -1/],
    [
      'an end that is cut',
      () => legacy([{ name: 'a', chunks: 1, values: [1, 2] }]).slice(0, -1),
      /cut short: its values would end beyond/,
    ],
  ])('is refused by name: %s', async (_, bytes, message) => {
    await expect(readImportanceMatrix(bytes())).rejects.toMatchObject({
      code: 'invalid_model_file',
      message: expect.stringMatching(message),
    });
  });

  it('is refused where a GGUF file is something else or lacks a part', async () => {
    const file = async (fill: (writer: GgufWriter) => Promise<void>): Promise<Uint8Array> => {
      const sink = new MemorySink();
      const writer = new GgufWriter(sink);
      await fill(writer);
      await writer.finish();
      return sink.bytes();
    };
    const withSums = (writer: GgufWriter): void => {
      writer.addTensor('a.in_sum2', TENSOR_TYPES.F32, [2]);
    };
    const keys = (writer: GgufWriter): void => {
      writer.setMetadata('imatrix.datasets', ['x'] as never, { array: 'string' });
      writer.setMetadata('imatrix.chunk_count', 1);
      writer.setMetadata('imatrix.chunk_size', 1);
    };
    await expect(readImportanceMatrix(await file(async () => undefined))).rejects.toThrow(/no importance matrix/);
    await expect(
      readImportanceMatrix(
        await file(async (writer) => {
          withSums(writer);
          await writer.write(new Uint8Array(8));
        }),
      ),
    ).rejects.toThrow(/lacks one of the keys/);
    await expect(
      readImportanceMatrix(
        await file(async (writer) => {
          keys(writer);
          withSums(writer);
          await writer.write(new Uint8Array(8));
        }),
      ),
    ).rejects.toThrow(/has no tensor "a\.counts"/);
  });

  it('stands any damage: it is read, or refused by name', async () => {
    let state = 7;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const small: ImportanceMatrix = {
      ...matrix,
      entries: new Map([['blk.0.a', { sums: Float32Array.of(1, 2, 3, 4), counts: Float32Array.of(1, 2) }]]),
    };
    const valid = [
      await written(small),
      legacy([{ name: 'blk.0.a', chunks: 1, values: [1, 2, 3] }], { chunks: 1, text: 'x' }),
    ];
    for (let i = 0; i < Number(process.env.STARLING_FUZZ_CASES ?? 1000); i++) {
      const bytes = Uint8Array.from(valid[i % 2]).slice(0, random(4) === 0 ? random(valid[i % 2].length) : undefined);
      for (let change = random(6); change >= 0 && bytes.length > 0; change--)
        bytes[random(bytes.length)] = random(2) === 0 ? random(256) : [0, 1, 127, 128, 255][random(5)];
      try {
        const { entries } = await readImportanceMatrix(bytes);
        for (const entry of entries.values()) expect(meanSquares(entry).every((value) => value >= 0)).toBe(true);
      } catch (error) {
        if (!isStarlingError(error, 'invalid_model_file')) throw error;
      }
    }
  });
});

describe('quantizing with an importance matrix', () => {
  const SHAPES: readonly (readonly [string, number[]])[] = [
    ['token_embd.weight', [COLUMNS, 8]],
    ['blk.0.attn_q.weight', [COLUMNS, ROWS]],
    ['blk.0.ffn_up_exps.weight', [COLUMNS, ROWS, EXPERTS]],
  ];

  async function model(): Promise<GgufModel> {
    const sink = new MemorySink();
    const writer = new GgufWriter(sink);
    writer.setMetadata('general.architecture', 'llama');
    writer.setMetadata('llama.block_count', 1);
    for (const [name, shape] of SHAPES) writer.addTensor(name, TENSOR_TYPES.F32, shape);
    for (const [, shape] of SHAPES) {
      const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i * i));
      await writer.write(new Uint8Array(values.buffer));
    }
    await writer.finish();
    return openGguf(sink.bytes());
  }

  it('takes each expert by its own part, says so in the file, and gives the same bytes by threads', async () => {
    const original = await model();
    const [alone, plain, several] = [new MemorySink(), new MemorySink(), new MemorySink()];
    const options = { importance: matrix, importanceName: 'imatrix.gguf' };
    await quantizeModel(original, 'Q4_0', alone, options);
    await quantizeModel(original, 'Q4_0', plain);
    const converter = convertInThreads(2);
    await quantizeModel(original, 'Q4_0', several, { ...options, converter });
    await converter.close();
    expect(Buffer.compare(alone.bytes(), several.bytes())).toBe(0);
    const made = await openGguf(alone.bytes());
    expect(made.string('quantize.imatrix.file')).toBe('imatrix.gguf');
    expect(made.string('quantize.imatrix.dataset')).toBe('a text.txt');
    expect(made.number('quantize.imatrix.entries_count')).toBe(2);
    expect(made.number('quantize.imatrix.chunks_count')).toBe(2);
    const unweighted = await openGguf(plain.bytes());
    const name = 'blk.0.ffn_up_exps.weight';
    const [a, b] = [await tensorValues(made, name), await tensorValues(unweighted, name)];
    const half = COLUMNS * ROWS;
    // Nothing was seen of the last expert.
    expect(a.subarray(2 * half)).toEqual(b.subarray(2 * half));
    for (const expert of [0, 1])
      expect(a.subarray(expert * half, (expert + 1) * half)).not.toEqual(
        b.subarray(expert * half, (expert + 1) * half),
      );
  });

  it('is not itself quantized', async () => {
    const mistaken = await openGguf(await written(matrix));
    await expect(quantizeModel(mistaken, 'Q4_0', new MemorySink())).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('is an importance matrix, not a model'),
    });
  });

  it('is demanded by types of few bits, and must be of the model', async () => {
    const original = await model();
    await expect(quantizeModel(original, 'IQ2_XXS', new MemorySink())).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/"blk\.0\.attn_q\.weight" would be IQ2_XXS, which needs.*none was given/),
    });
    const { entries } = matrix;
    const one = { ...matrix, entries: new Map([...entries].filter(([name]) => name.includes('attn_q'))) };
    await expect(quantizeModel(original, 'IQ1_S', new MemorySink(), { importance: one })).rejects.toThrow(
      /"blk\.0\.ffn_up_exps\.weight".*lacks this tensor/,
    );
    await expect(quantizeModel(original, 'IQ2_XS', new MemorySink(), { importance: matrix })).resolves.toBeDefined();
    const [[name]] = one.entries;
    const odd = { ...matrix, entries: new Map([[name, { sums: new Float32Array(5), counts: Float32Array.of(1) }]]) };
    await expect(quantizeModel(original, 'Q4_0', new MemorySink(), { importance: odd })).rejects.toThrow(
      /has 5 values for tensor "blk\.0\.attn_q\.weight", where 256 are expected/,
    );
  });
});
