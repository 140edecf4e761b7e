import path from 'node:path';
import { openGgufFile, readImportanceFile } from '@starling/gguf/node';
import { golden, readJson, relativeRms } from '../../../../tools/fixtures/fixtures.js';
import { loadTransformer } from '../../src/load/load-transformer.node.js';
import { InputSums } from '../../src/runtime/input-sums.js';

const CHUNK = 32;
const folder = path.join(path.dirname(golden.models), 'imatrix');
const texts = readJson<Readonly<Record<string, readonly (readonly number[])[]>>>(path.join(folder, 'tokens.json'));

/** Sums of what enters a model's matrices while it computes chunks. */
async function observe(name: string, threads: number, maxBatchTokens: number): Promise<InputSums> {
  const inputSums = new InputSums();
  const model = await openGgufFile(path.join(golden.models, `${name}.gguf`));
  const runtime = await loadTransformer(model, {
    threads,
    maxBatchTokens,
    contextLength: CHUNK,
    kvType: 'F32',
    maxSequences: 1,
    inputSums,
  });
  try {
    expect(inputSums.tensors.size).toBe(0);
    for (const tokens of texts[name])
      for (let start = 0; start < CHUNK; start += maxBatchTokens)
        await runtime.hidden([
          {
            tokens: tokens.slice(start, start + maxBatchTokens),
            startPosition: start,
            pages: Int32Array.of(0),
            slot: 0,
            outputs: 'all',
          },
        ]);
  } finally {
    await runtime.close();
    await model.close();
  }
  return inputSums;
}

/** Of the second the first layer, to what the reference rounds: activations become 8 bits there, which sends tokens to other experts later. */
describe.each([
  ['qwen2', 'blk.', 1e-3],
  ['gpt-oss', 'blk.0.', 1e-2],
])('what enters the matrices of %s', (name, part, tolerance) => {
  it("comes to llama-imatrix's sums and counts, by matrix and by expert", async () => {
    const [{ tensors }, reference] = [
      await observe(name, 1, CHUNK),
      await readImportanceFile(path.join(folder, `${name}.gguf`)),
    ];
    expect(
      Array.from(tensors.keys())
        .filter((tensor) => tensor.startsWith('blk.'))
        .sort(),
    ).toEqual(Array.from(reference.entries.keys()).sort());
    for (const [tensor, { sums, counts }] of reference.entries) {
      if (!tensor.startsWith(part)) continue;
      const ours = tensors.get(tensor)!;
      expect([tensor, ...ours.counts]).toEqual([tensor, ...counts]);
      expect(relativeRms(ours.sums, sums)).toBeLessThan(tolerance);
    }
  });

  it('is the same to rounding however many threads and steps it takes', async () => {
    const [whole, cut] = [await observe(name, 1, CHUNK), await observe(name, 2, 16)];
    for (const [tensor, { sums, counts }] of whole.tensors) {
      expect(cut.tensors.get(tensor)!.counts).toEqual(counts);
      if (counts.some((count) => count > 0))
        expect(relativeRms(cut.tensors.get(tensor)!.sums, sums)).toBeLessThan(1e-6);
    }
  });
});
