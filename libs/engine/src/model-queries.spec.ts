import { BOS, byteTokenizer } from './testing/byte-tokenizer.js';
import { fakeModel } from '../test/fake-model.js';

describe('embed', () => {
  it('gives a vector of length 1 for each text, in batches that fit', async () => {
    const { model } = fakeModel({ info: { maxBatchTokens: 8, maxSequences: 3 } });
    const { vectors, inputs, promptTokens } = await model.embed(['abc', 'de', [1, 2, 3, 4, 5], 'f', 'g', 'h', 'i']);
    expect(inputs).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(promptTokens).toBe(14);
    for (const vector of vectors) expect(Math.hypot(...vector)).toBeCloseTo(1, 6);
    expect(model.statistics().kv.freePages).toBe(256);
  });

  it('leaves vectors as they are when asked, and gives one a token with pooling none', async () => {
    const { model } = fakeModel();
    expect(await model.embed([1, 2], { pooling: 'none', normalize: false })).toEqual({
      vectors: [Float32Array.of(2, 2, 2, 2), Float32Array.of(3, 3, 3, 3)],
      inputs: [0, 0],
      promptTokens: 2,
    });
  });

  it('takes turns with generations, and waits for pages', async () => {
    const { model } = fakeModel({ info: { pageCount: 4, pageTokens: 4, contextLength: 16 } });
    const answer = model.generate({ temperature: 0, prompt: 'abcdef', maxTokens: 9 }).result();
    const { vectors } = await model.embed('0123456789');
    expect(vectors).toHaveLength(1);
    expect((await answer).tokens).toHaveLength(9);
    expect(model.statistics().kv.freePages).toBe(4);
  });

  it('refuses what does not fit into a step, what is empty, and ids that are none', async () => {
    const { model } = fakeModel({ info: { maxBatchTokens: 8, causal: false } });
    await expect(model.embed(['a', '123456789'])).rejects.toMatchObject({
      code: 'context_length_exceeded',
      details: { input: 1, promptTokens: 9, limit: 8 },
    });
    expect((await fakeModel({ info: { maxBatchTokens: 8 } }).model.embed('123456789')).promptTokens).toBeGreaterThan(8);
    await expect(model.embed('')).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(model.embed([1, 300])).rejects.toMatchObject({
      code: 'invalid_request',
      details: { param: 'input[1]' },
    });
    await expect(model.embed(['a', [1, 300]])).rejects.toMatchObject({
      code: 'invalid_request',
      details: { param: 'input[1][1]' },
    });
    await expect(model.embed('a', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'cancelled' });
  });
});

describe('long texts that are embedded', () => {
  const text = Array.from({ length: 300 }, (_, i) => (i * 37) % 250);

  it('come in chunks, between which running answers go on, and give what one step gives', async () => {
    for (const info of [{}, { hasRecurrentState: true }]) {
      const steps: boolean[] = [];
      const large = fakeModel({ info: { ...info, maxBatchTokens: 512 } });
      const { model, runtime } = fakeModel({
        info: { ...info, maxBatchTokens: 32 },
        promptTokensWhileDecoding: 16,
        onStep: ([{ tokens }]) => void steps.push(tokens.length > 1),
      });
      const answer = model.generate({ temperature: 0, tokens: [1], maxTokens: 30 }).result();
      for (const pooling of ['mean', 'last', 'cls', 'none'] as const)
        expect((await model.embed([text, [1, 2, 3]], { pooling })).vectors).toEqual(
          (await large.model.embed([text, [1, 2, 3]], { pooling })).vectors,
        );
      expect((await answer).tokens).toHaveLength(30);
      expect(large.runtime.steps.map(({ tokens }) => tokens)).toEqual([303, 303, 303, 303]);
      expect(Math.max(...runtime.steps.map(({ tokens }) => tokens))).toBeLessThanOrEqual(32);
      // No two chunks follow one another while the answer runs, and some come between its 30 steps.
      const last = steps.lastIndexOf(false);
      expect(last).toBeGreaterThan(30);
      expect(steps.slice(1, last).filter((isChunk, i) => isChunk && steps[i])).toEqual([]);
    }
  });

  it('give the same where they lose their pages on the way and begin anew', async () => {
    let beginnings = 0;
    const { model } = fakeModel({
      info: { pageCount: 24, pageTokens: 4, contextLength: 96, maxBatchTokens: 16, maxSequences: 2 },
      promptTokensWhileDecoding: 1,
      onStep: ([{ outputs, startPosition }]) => void (outputs === 'all' && startPosition === 0 && beginnings++),
    });
    const alone = (await model.embed([text.slice(0, 60)])).vectors;
    const answer = model.generate({ temperature: 0, tokens: [1], maxTokens: 80 }).result();
    expect((await model.embed([text.slice(0, 60)])).vectors).toEqual(alone);
    expect(beginnings).toBeGreaterThan(2);
    expect((await answer).tokens).toHaveLength(80);
    expect(model.statistics()).toMatchObject({ running: 0, kv: { allocatedBytes: 0 } });
  });
});

describe('logits and perplexity', () => {
  it('give a row for every position', async () => {
    const { model } = fakeModel({ info: { maxBatchTokens: 8 } });
    const tokens = Array.from({ length: 20 }, (_, i) => i * 3);
    const { rows, vocabSize, logits } = await model.logits(tokens);
    expect([rows, vocabSize, logits.length]).toEqual([20, 259, 20 * 259]);
    tokens.forEach((token, i) => expect(logits.subarray(i * 259, (i + 1) * 259).indexOf(10)).toBe(token + 1));
  });

  it('refuses more than the context', async () => {
    await expect(
      fakeModel({ info: { contextLength: 8 } }).model.logits(new Array<number>(9).fill(1)),
    ).rejects.toMatchObject({ code: 'context_length_exceeded' });
  });

  it('can be cancelled', async () => {
    const controller = new AbortController();
    const { model } = fakeModel({ info: { maxBatchTokens: 8 } });
    const visited: number[] = [];
    const scoring = model.visitLogits(
      new Array<number>(30).fill(1),
      (position) => void (visited.push(position) === 10 && controller.abort()),
      { signal: controller.signal },
    );
    await expect(scoring).rejects.toMatchObject({ code: 'cancelled' });
    expect(visited).toHaveLength(10);
    expect(model.statistics().kv.freePages).toBe(256);
  });

  it('see each position once, also when the sequence loses its pages on the way', async () => {
    const { model, events } = fakeModel({
      info: { pageCount: 8, pageTokens: 4, contextLength: 32, maxBatchTokens: 8 },
    });
    const positions: number[] = [];
    const answer = model.generate({ temperature: 0, tokens: [1], maxTokens: 25 }).result();
    await model.visitLogits(
      Array.from({ length: 16 }, (_, i) => i),
      (position) => positions.push(position),
    );
    await answer;
    expect(positions).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect(events.some(({ kind }) => kind === 'request_ended')).toBe(true);
  });

  it('gives the perplexity of chunks, each after BOS', async () => {
    const even = (logits: Float32Array): void => void logits.fill(0);
    const { model } = fakeModel({ tokenizer: byteTokenizer({ addBos: true }), logits: even });
    const result = await model.perplexity('0123456789', { chunkTokens: 5 });
    expect(result.perplexity).toBeCloseTo(259, 4);
    expect(result.chunks.map(({ tokens }) => tokens)).toEqual([4, 4, 2]);
    expect((await model.perplexity([BOS, 1, 2, 3], { skipTokens: 2 })).tokens).toBe(2);
    await expect(model.perplexity([1])).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('tokens and text', () => {
  it('go both ways', () => {
    const { model } = fakeModel({ tokenizer: byteTokenizer({ addBos: true }) });
    expect([...model.tokenize('ab')]).toEqual([BOS, 97, 98]);
    expect([...model.tokenize('ab', { addSpecial: false })]).toEqual([97, 98]);
    expect([...model.tokenizeWithOffsets('ab', { addSpecial: false }).offsets]).toEqual([0, 1, 1, 2]);
    expect(model.detokenize([97, 98])).toBe('ab');
    expect(model.pieceOf(BOS)).toBe('<bos>');
    expect(() => model.detokenize([999])).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });

  it('says what the model is and what it holds', () => {
    const { model } = fakeModel({
      source: '/m.gguf',
      speculation: { maxTokens: 7 },
      info: { weightBytes: 5, kvBytes: 6, scratchBytes: 7, pageCount: 10, pageTokens: 4 },
    });
    expect(model.info).toMatchObject({
      name: 'fake',
      source: '/m.gguf',
      hasChatTemplate: false,
      sequenceLimit: 40,
      draftTokens: 7,
    });
    expect(model.memory).toEqual({ weightBytes: 5, kvBytes: 6, scratchBytes: 7, totalBytes: 18 });
  });
});

describe('embeddings beside other requests', () => {
  it('take turns with generations by tenant, and neither waits for the other to be over', async () => {
    let steps = 0;
    const { model } = fakeModel({ info: { maxSequences: 4 }, onStep: () => void steps++ });
    const order: string[] = [];
    const answer = model
      .generate({ temperature: 0, prompt: 'abc', maxTokens: 40, tenant: 'chat' })
      .result()
      .then(() => order.push('answer'));
    const first = model.embed('text', { tenant: 'index' }).then(() => order.push('first'));
    const many = model
      .embed(
        Array.from({ length: 300 }, () => 'text'),
        { tenant: 'index' },
      )
      .then(({ vectors }) => order.push(`${vectors.length} vectors`));
    await Promise.all([answer, first, many]);
    expect(order[0]).toBe('first');
    expect(steps).toBeGreaterThan(40 + 300 / 4);
    expect(model.statistics()).toMatchObject({ running: 0, queued: 0, kv: { allocatedBytes: 0 } });
  });

  it('wait in the queue of all, and are refused where that is full', async () => {
    const { model } = fakeModel({ info: { maxSequences: 1 }, queueLimit: 1 });
    const running = [0, 1].map(() => model.generate({ temperature: 0, prompt: 'a', maxTokens: 3 }).result());
    await expect(model.embed('abc')).rejects.toMatchObject({ code: 'queue_full' });
    await Promise.all(running);
    expect((await model.embed(Array.from({ length: 9 }, () => 'abc'))).vectors).toHaveLength(9);
  });

  it('keep to their deadline, to the limits of their tenant, and end with their caller, whatever is under way', async () => {
    const controller = new AbortController();
    let steps = 0;
    const { model } = fakeModel({
      info: { maxSequences: 2 },
      tenantLimits: (tenant) => (tenant === 'small' ? { tokensPerMinute: 10 } : {}),
      onStep: () => void (++steps === 3 && controller.abort()),
    });
    await expect(
      model.embed(
        Array.from({ length: 50 }, () => 'abc'),
        { signal: controller.signal },
      ),
    ).rejects.toMatchObject({ code: 'cancelled' });
    expect(steps).toBe(3);
    await model.embed('123456789', { tenant: 'small' });
    await expect(model.embed('123456789', { tenant: 'small' })).rejects.toMatchObject({ code: 'rate_limited' });
    expect(model.statistics()).toMatchObject({ running: 0, queued: 0, kv: { allocatedBytes: 0 } });
  });

  it('of a model with recurrent layers have slots of their own: an answer beside them goes on as alone', async () => {
    const { model } = fakeModel({ info: { hasRecurrentState: true, maxSequences: 3 } });
    const [answer, { vectors }] = await Promise.all([
      model.generate({ temperature: 0, prompt: 'abc', maxTokens: 20 }).result(),
      model.embed(Array.from({ length: 20 }, () => 'xyz')),
    ]);
    expect(answer.text).toBe('defghijklmnopqrstuvw');
    expect(vectors).toHaveLength(20);
  });

  it('end with an error when the model is unloaded under them', async () => {
    const { model } = fakeModel({ onStep: () => void model.close({ drain: false }) });
    await expect(model.embed('abc')).rejects.toMatchObject({ code: 'shutting_down' });
  });
});

describe('a model that gives embeddings only', () => {
  it('refuses to generate and to score', async () => {
    const { model } = fakeModel({ info: { hasLogits: false, causal: false } });
    expect(() => model.generate({ prompt: 'a' })).toThrow(
      expect.objectContaining({ code: 'invalid_request', details: expect.objectContaining({ param: 'model' }) }),
    );
    await expect(model.logits([1])).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(model.perplexity('ab')).rejects.toMatchObject({ code: 'invalid_request' });
    expect((await model.embed('a')).vectors).toHaveLength(1);
  });
});
