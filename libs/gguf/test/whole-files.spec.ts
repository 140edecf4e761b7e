import fs from 'node:fs';
import {
  describeWithFixtures,
  fixturePath,
  readFixture,
  readFloatFixture,
  readJsonFixture,
} from '../../../tools/fixtures/fixtures.js';
import { dequantize } from '../src/dequantize.js';
import { openGguf } from '../src/open.js';
import { openGgufFile } from '../src/open.node.js';
import { quantize } from '../src/quantize.js';
import { TENSOR_TYPES, bytesOfValues, type TensorTypeName } from '../src/tensor-types.js';
import { writeModel } from '../src/write-model.js';
import { MemorySink, tensorValues, withFixture } from './fixture-tensors.js';

interface QuantFixture {
  readonly name: string;
  readonly file: string;
  readonly tensor: {
    readonly name: string;
    readonly type: string;
    readonly file: string;
    readonly shape: readonly [number, number];
  };
}

describeWithFixtures('dequantizing', () => {
  const names = fs
    .readdirSync(fixturePath('quants'))
    .filter((name) => name.endsWith('.json') && name !== 'tolerances.json');
  it.each(names)('%s gives the reference values bit for bit', async (name) => {
    const { file, tensor } = readJsonFixture<QuantFixture>('quants', name);
    const model = await openGgufFile(fixturePath('quants', file));
    const info = model.tensor(tensor.name);
    expect(info.type.name).toBe(tensor.type);
    const rows = tensor.shape[0];
    const bytes = new Uint8Array((info.byteLength / info.rowCount) * rows);
    await model.readTensor(info, bytes, { rowEnd: rows });
    const values = new Float32Array(rows * info.rowLength);
    dequantize(info.type, bytes, values);
    const expected = readFloatFixture('quants', tensor.file);
    expect(Buffer.compare(Buffer.from(values.buffer), Buffer.from(expected.buffer))).toBe(0);
    await model.close();
  });
});

const MADE: readonly TensorTypeName[] = [
  'F16',
  'BF16',
  'Q4_0',
  'Q4_1',
  'Q5_0',
  'Q5_1',
  'Q8_0',
  'Q2_K',
  'Q3_K',
  'Q4_K',
  'Q5_K',
  'Q6_K',
  'IQ4_NL',
  'IQ4_XS',
  'MXFP4',
];

function roundTrip(name: TensorTypeName, values: Float32Array): Float32Array {
  const type = TENSOR_TYPES[name];
  const bytes = new Uint8Array(bytesOfValues(type, values.length));
  quantize(type, values, values.length, bytes);
  const back = new Float32Array(values.length);
  dequantize(type, bytes, back);
  return back;
}

const squareError = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);

describeWithFixtures('quantizing', () => {
  it.each(MADE)('to %s has no larger error than the reference, in any tensor', async (name) => {
    await withFixture(['quants', 'F32.gguf'], async (original) => {
      const reference = await openGgufFile(fixturePath('quants', `${name}.gguf`));
      let compared = 0;
      for (const tensor of reference.tensors.values()) {
        if (tensor.type.name !== name) continue;
        const values = await tensorValues(original, tensor.name);
        const theirs = squareError(await tensorValues(reference, tensor.name), values);
        expect(squareError(roundTrip(name, values), values)).toBeLessThanOrEqual(theirs);
        compared++;
      }
      expect(compared).toBe(8);
      await reference.close();
    });
  });
});

describeWithFixtures('round trips of public files', () => {
  it.each([
    ['quants', 'Q2_K.gguf'],
    ['archs', 'gpt-oss.gguf'],
    ['real', 'stories260K-f32.gguf'],
  ])('%s/%s comes back byte for byte', async (...file) => {
    const original = await openGgufFile(fixturePath(...file));
    const sink = new MemorySink();
    await writeModel(original, sink);
    await original.close();
    expect(Buffer.compare(sink.bytes(), readFixture(...file))).toBe(0);
  });

  it('gives the same metadata for a vocabulary', async () => {
    const original = await openGgufFile(fixturePath('tokenizers', 'ggml-vocab-bert-bge.gguf'));
    const sink = new MemorySink();
    await writeModel(original, sink);
    await original.close();
    const copy = await openGguf(sink.bytes());
    expect(copy.metadata).toEqual(original.metadata);
    expect(copy.metadataTypes).toEqual(original.metadataTypes);
  });
});
