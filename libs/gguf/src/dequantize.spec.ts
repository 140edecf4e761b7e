import { describeWithFixtures, fixturePath, readFloatFixture, readJsonFixture } from '../../../tools/fixtures/fixtures.js';
import { dequantize } from './dequantize.js';
import { openGgufFile } from './open.node.js';
import fs from 'node:fs';

interface QuantFixture {
  readonly name: string;
  readonly file: string;
  readonly tensor: { readonly name: string; readonly type: string; readonly file: string; readonly shape: readonly [number, number] };
}

describeWithFixtures('dequantizing', () => {
  const names = fs.existsSync(fixturePath('quants')) ? fs.readdirSync(fixturePath('quants')).filter((name) => name.endsWith('.json') && name !== 'tolerances.json') : [];
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
