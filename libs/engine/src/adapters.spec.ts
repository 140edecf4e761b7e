import { GgufWriter, TENSOR_TYPES } from '@starling/gguf';
import type { AdapterInfo, SequenceInput } from '@starling/transformer';
import { fakeModel, type FakeModel } from '../test/fake-model.js';
import type { GenerateOptions, GenerateRequest } from './generate-types.js';
import { Starling } from './starling.node.js';

const DEMO = new URL('../../../apps/server/models/starling-demo-q8_0.gguf', import.meta.url).pathname;
/** Width and inner width of that model. */
const [WIDTH, INNER] = [192, 512];
const greedy = { temperature: 0, maxTokens: 4 } as const;
const adapters: AdapterInfo[] = ['poet', 'clerk'].map((id) => ({
  id,
  kind: 'lora',
  digest: `digest of ${id}`,
  file: `${id}.gguf`,
}));

/** A model that remembers the scales of the sequences of each step. */
function watchedModel(): FakeModel & { readonly scales: unknown[] } {
  const scales: unknown[] = [];
  const onStep = (batch: readonly SequenceInput[]): void =>
    void scales.push(...batch.map(({ adapterScales }) => adapterScales && Array.from(adapterScales)));
  return {
    ...fakeModel({ info: { adapters, pageTokens: 4 }, onStep, adapterScales: [0, 0.5], weightsDigest: 'w' }),
    scales,
  };
}

describe('adapters of a model', () => {
  it('are scaled as a request says, and else as the model does', async () => {
    const { model, scales } = watchedModel();
    const ask = async (request: GenerateOptions): Promise<unknown[]> => {
      scales.length = 0;
      await model.generate({ ...greedy, prompt: 'abc', ...request }).result();
      return [...new Set(scales.map((one) => JSON.stringify(one)))];
    };
    expect(model.adapters).toEqual([
      { ...adapters[0], scale: 0 },
      { ...adapters[1], scale: 0.5 },
    ]);
    expect(await ask({})).toEqual(['[0,0.5]']);
    expect(await ask({ adapters: { poet: 2 }, n: 2 })).toEqual(['[2,0.5]']);
    expect(await ask({ adapters: { clerk: 0 } })).toEqual([undefined]);
    model.setAdapterScales({ poet: -1 });
    expect(model.adapters.map(({ scale }) => scale)).toEqual([-1, 0.5]);
    expect(await ask({})).toEqual(['[-1,0.5]']);
  });

  it('have a part in scores and embeddings too', async () => {
    const { model, scales } = watchedModel();
    await model.logits([1, 2, 3]);
    expect(scales).toEqual([[0, 0.5]]);
  });

  it.each([
    [{ painter: 1 }, "there is no adapter 'painter'; there are: poet, clerk"],
    [{ poet: NaN }, 'must be a number'],
    [{ poet: '1' as unknown as number }, 'must be a number'],
  ])('are refused by what is wrong: %j', (asked, message) => {
    const { model } = watchedModel();
    expect(() => model.generate({ prompt: 'a', adapters: asked })).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining(message) as string }),
    );
    expect(() => model.setAdapterScales(asked)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(fakeModel().model.adapters).toEqual([]);
  });

  it('divide what is computed: only the same adapters with the same scales share it', async () => {
    const { model } = watchedModel();
    const cached = async (asked: GenerateRequest['adapters']): Promise<number> =>
      (await model.generate({ ...greedy, prompt: 'abcdefghij', adapters: asked }).result()).usage.cachedTokens;
    expect(await cached({ poet: 1 })).toBe(0);
    expect(await cached({ poet: 1 })).toBe(9);
    expect(await cached({ poet: 0.5 })).toBe(0);
    expect(await cached({ poet: 1, clerk: 0 })).toBe(0);
    expect(await cached({})).toBe(0);
    expect(await cached({ poet: 0, clerk: 0.5 })).toBe(9);
  });

  it('divide what all tenants share: it is there for the scales that it was computed with', async () => {
    const { model, scales } = watchedModel();
    await model.sharePrefix({ prompt: 'abcdefgh' });
    expect(scales).toEqual([[0, 0.5]]);
    const cached = async (asked: GenerateRequest['adapters']): Promise<number> =>
      (await model.generate({ ...greedy, prompt: 'abcdefghij', tenant: 'one', adapters: asked }).result()).usage
        .cachedTokens;
    expect([await cached(undefined), await cached({ poet: 1 })]).toEqual([8, 0]);
  });

  it('of a session from a file are those that its key names, whatever else it says', async () => {
    const { model, scales } = watchedModel();
    await model.generate({ ...greedy, sessionId: 's', prompt: 'abc', adapters: { poet: 1 } }).result();
    const saved = await model.sessionsOf().save('s');
    const facts = JSON.parse(saved.memo) as { thread: string };
    const thread = JSON.parse(facts.thread) as object;
    await model.sessionsOf().open(
      {
        ...saved,
        memo: JSON.stringify({
          ...facts,
          thread: JSON.stringify({ ...thread, adapters: [{ digest: adapters[1].digest, scale: 9 }] }),
        }),
      },
      { as: 'moved' },
    );
    scales.length = 0;
    await model.generate({ ...greedy, sessionId: 'moved', prompt: 'x' }).result();
    expect(new Set(scales.map((one) => JSON.stringify(one)))).toEqual(new Set(['[1,0.5]']));
  });

  it('stay those that a session was begun with', async () => {
    const { model, scales } = watchedModel();
    const go = (request: GenerateRequest) => model.generate({ ...greedy, sessionId: 's', ...request }).result();
    await go({ prompt: 'abc', adapters: { poet: 1 } });
    model.setAdapterScales({ poet: 3 });
    scales.length = 0;
    const next = await go({ prompt: 'x' });
    expect(next.usage.cachedTokens).toBeGreaterThan(0);
    expect(new Set(scales.map((one) => JSON.stringify(one)))).toEqual(new Set(['[1,0.5]']));
    await go({ prompt: 'y', adapters: { poet: 1 } });
    expect(() => model.generate({ ...greedy, sessionId: 's', prompt: 'z', adapters: { poet: 2 } })).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        details: expect.objectContaining({ param: 'adapters' }) as object,
      }),
    );
    model.sessionsOf().fork('s', { as: 'f' });
    scales.length = 0;
    await model.generate({ ...greedy, sessionId: 'f', prompt: 'z' }).result();
    expect(scales[0]).toEqual([1, 0.5]);
  });
});

describe('adapters that are loaded beside a file', () => {
  /** A LoRA file for one matrix of the demo model. */
  async function loraFile(columns: number, rows: number): Promise<Blob> {
    const chunks: Uint8Array[] = [];
    const writer = new GgufWriter({ write: async (bytes) => void chunks.push(bytes.slice()) });
    for (const [key, value] of Object.entries({
      'general.architecture': 'llama',
      'general.type': 'adapter',
      'adapter.type': 'lora',
      'general.name': 'Waves',
    }))
      writer.setMetadata(key, value);
    writer.addTensor('blk.0.ffn_down.weight.lora_a', TENSOR_TYPES.F32, [columns, 2]);
    writer.addTensor('blk.0.ffn_down.weight.lora_b', TENSOR_TYPES.F32, [2, rows]);
    for (const count of [2 * columns, 2 * rows])
      await writer.write(new Uint8Array(Float32Array.from({ length: count }, (_, i) => Math.sin(i)).buffer));
    await writer.finish();
    return new Blob(chunks as Uint8Array<ArrayBuffer>[]);
  }

  it('change what the model says by their scale, and nothing at scale 0', async () => {
    const data = await loraFile(INNER, WIDTH);
    const tokens = [1, 2, 3, 4, 5];
    const base = await withDemo([], (model) => model.logits(tokens));
    await withDemo([{ source: { data }, id: 'waves', scale: 0.5 }], async (model) => {
      expect(model.adapters).toEqual([
        expect.objectContaining({ id: 'waves', kind: 'lora', name: 'Waves', scale: 0.5 }),
      ]);
      const half = await model.logits(tokens);
      expect(half.logits).not.toEqual(base.logits);
      model.setAdapterScales({ waves: 0 });
      expect((await model.logits(tokens)).logits).toEqual(base.logits);
      expect(await Starling.estimate(DEMO, { inline: true, adapters: [{ source: { data } }] })).toEqual(model.memory);
      expect(model.memory.weightBytes).toBeGreaterThan((await Starling.estimate(DEMO)).weightBytes);
    });
  });

  it('are refused for what is wrong with them, and the model is closed', async () => {
    await expect(
      Starling.load(DEMO, { inline: true, adapters: [{ source: '/nowhere/waves.gguf' }] }),
    ).rejects.toMatchObject({ code: 'file_not_found' });
    const data = await loraFile(8, 8);
    await expect(Starling.load(DEMO, { inline: true, adapters: [{ source: { data } }] })).rejects.toMatchObject({
      code: 'unsupported_model',
      message: expect.stringContaining('blk.0.ffn_down.weight') as string,
    });
    await expect(
      Starling.load(DEMO, { inline: true, adapters: [{ source: { data }, scale: NaN }] }),
    ).rejects.toMatchObject({ code: 'invalid_argument' });
  });

  type Options = Parameters<typeof Starling.load>[1];
  type Model = Awaited<ReturnType<typeof Starling.load>>;
  async function withDemo<T>(given: NonNullable<Options>['adapters'], use: (model: Model) => Promise<T>): Promise<T> {
    const model = await Starling.load(DEMO, { inline: true, adapters: given });
    try {
      return await use(model);
    } finally {
      await model.close();
    }
  }
});
