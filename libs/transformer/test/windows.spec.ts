import path from 'node:path';
import { openGgufFile } from '@starling/gguf/node';
import { nodeCompiler } from '@starling/kernels/node';
import { golden } from '../../../tools/fixtures/fixtures.js';
import { loadTransformer, planMemory, type LoadOptions, type ModelRuntime, type SequenceInput } from '../src/index.js';
import { measureMemory } from './measured-memory.js';

const limits: LoadOptions = {
  pageTokens: 16,
  contextLength: 256,
  pageCount: 32,
  maxBatchTokens: 16,
  maxSequences: 2,
  compiler: nodeCompiler(),
};
const tokens = Array.from({ length: 150 }, (_, i) => 3 + ((i * 37 + i * i) % 500));

async function withModel(
  name: string,
  options: LoadOptions,
  use: (runtime: ModelRuntime) => Promise<void>,
): Promise<void> {
  const file = await openGgufFile(path.join(golden.models, `${name}.gguf`));
  try {
    const plan = await planMemory(file, { ...limits, ...options });
    const { result: runtime, allocatedBytes } = await measureMemory(() =>
      loadTransformer(file, { ...limits, ...options }),
    );
    try {
      expect(runtime.info).toMatchObject(plan);
      expect(plan.totalBytes).toBe(allocatedBytes);
      await use(runtime);
    } finally {
      await runtime.close();
    }
  } finally {
    await file.close();
  }
}

/** Logits of all tokens, in steps of some lengths; pages of windowed layers are used again as soon as they slid out. */
async function logitsOf(runtime: ModelRuntime, lengths: readonly number[]): Promise<Int32Array> {
  const { vocabSize, windowed, pageTokens } = runtime.info;
  const logits = new Float32Array(tokens.length * vocabSize);
  const pages = Int32Array.from({ length: 16 }, (_, i) => 31 - i);
  const windowPages = new Int32Array(16).fill(-1);
  const free = Array.from({ length: windowed?.pageCount ?? 0 }, (_, i) => i);
  let most = 0;
  for (let at = 0, i = 0; at < tokens.length; i++) {
    const chunk = tokens.slice(at, at + lengths[i % lengths.length]);
    for (let page = 0; windowed && page < 16; page++) {
      const slidOut = (page + 1) * pageTokens <= at - windowed.window + 1;
      if (slidOut && windowPages[page] >= 0) free.push(windowPages[page]);
      if (slidOut) windowPages[page] = -1;
      else if (page * pageTokens < at + chunk.length && windowPages[page] < 0) windowPages[page] = free.shift()!;
    }
    most = Math.max(most, windowPages.filter((page) => page >= 0).length);
    const input: SequenceInput = {
      tokens: chunk,
      startPosition: at,
      pages,
      ...(windowed && { windowPages }),
      slot: 0,
      outputs: 'all',
    };
    logits.set((await runtime.step([input])).logits, at * vocabSize);
    at += chunk.length;
  }
  if (windowed) expect(most).toBeLessThanOrEqual(3);
  return new Int32Array(logits.buffer);
}

describe.each(['gemma2', 'gpt-oss'])('windowed layers of %s with pages of their own', (name) => {
  it('give the same bits, with three pages for a text of any length', async () => {
    let whole: Int32Array | undefined;
    await withModel(name, {}, async (runtime) => {
      expect(runtime.info.windowed).toBeUndefined();
      whole = await logitsOf(runtime, [16]);
    });
    await withModel(name, { slidingWindows: true, windowPageCount: 4 }, async (runtime) => {
      expect(runtime.info.windowed).toMatchObject({ window: 12, pageCount: 4 });
      for (const lengths of [[16], [1], [7, 1, 16, 3]])
        expect(Buffer.compare(Buffer.from((await logitsOf(runtime, lengths)).buffer), Buffer.from(whole!.buffer))).toBe(
          0,
        );
    });
  });

  it('are copied, read and written by themselves', async () => {
    await withModel(name, { slidingWindows: true, windowPageCount: 4 }, async (runtime) => {
      const { pageCount, pageBytes, windowed } = runtime.info;
      await logitsOf(runtime, [16]);
      const own = new Uint8Array(windowed!.pageBytes);
      await runtime.readPage(pageCount + 1, own);
      expect(own.some((byte) => byte !== 0)).toBe(true);
      await runtime.copyPage(pageCount + 1, pageCount + 3);
      const copy = new Uint8Array(windowed!.pageBytes);
      await runtime.readPage(pageCount + 3, copy);
      expect(copy).toEqual(own);
      await runtime.writePage(pageCount + 3, copy.fill(7));
      await runtime.readPage(pageCount + 3, own);
      expect(own).toEqual(copy);
      await expect(runtime.copyPage(1, pageCount + 1)).rejects.toMatchObject({ code: 'invalid_argument' });
      await expect(runtime.readPage(1, new Uint8Array(pageBytes + 1))).rejects.toMatchObject({
        code: 'invalid_argument',
      });
    });
  });

  it('are refused where the step sees a page that is not there', async () => {
    await withModel(name, { slidingWindows: true, windowPageCount: 4 }, async (runtime) => {
      const input = {
        tokens: [1],
        startPosition: 40,
        pages: Int32Array.of(0, 1, 2),
        slot: 0,
        outputs: 'last',
      } as const;
      for (const windowPages of [undefined, Int32Array.of(0, 1), Int32Array.of(-1, -1, 2), Int32Array.of(-1, 1, 4)])
        await expect(runtime.step([{ ...input, windowPages }])).rejects.toMatchObject({
          code: 'invalid_argument',
          message: expect.stringContaining('windowed layers') as string,
        });
      await expect(runtime.step([{ ...input, windowPages: Int32Array.of(-1, 1, 2) }])).resolves.toBeDefined();
    });
  });
});

it('models without windows, and those whose windows need no less than everything, share pages over all layers', async () => {
  await withModel('qwen2', { slidingWindows: true }, async ({ info }) => {
    expect(info.windowed).toBeUndefined();
    await Promise.resolve();
  });
  await withModel('gemma2', { slidingWindows: true, pageCount: 4 }, async ({ info }) => {
    expect(info.windowed).toBeUndefined();
    await Promise.resolve();
  });
  const all = { windowed: 0, shared: 0 };
  await withModel(
    'gemma2',
    { slidingWindows: true, pageCount: 400 },
    async ({ info }) => void (all.windowed = await Promise.resolve(info.kvBytes)),
  );
  await withModel(
    'gemma2',
    { pageCount: 400 },
    async ({ info }) => void (all.shared = await Promise.resolve(info.kvBytes)),
  );
  expect(all.windowed).toBeLessThan(0.6 * all.shared);
});
