import { GgufWriter, TENSOR_TYPES, openGguf, type GgufModel } from '@starling/gguf';
import { loadTransformer, planMemory } from '@starling/transformer';
import { letterVocabulary } from '../../test/gguf-file.js';
import type { ModelEvent } from '../events.js';
import type { GenerateRequest } from '../generate-types.js';
import type { LanguageModel } from '../language-model.js';
import { estimateModel, loadModel } from '../load-model.js';
import type { LoadOptions } from '../load-options.js';

const [WIDTH, VOCABULARY, FFN] = [32, 28, 48];

/** What a matrix holds: random numbers, nothing, or the first half of its columns as they are. */
type Fill = 'random' | 'zero' | 'first';

/**
 * A model of two layers and a head behind them. `right`: blocks add nothing, so that the next token follows from the last one alone, and the head
 * passes the embedding of the token that it is given on: it predicts what the model will.
 */
async function modelWithHead(kind: 'right' | 'random'): Promise<GgufModel> {
  const chunks: Uint8Array[] = [];
  const writer = new GgufWriter({ write: async (bytes) => void chunks.push(bytes.slice()) });
  const metadata = {
    'general.architecture': 'glm4moe',
    'general.name': 'headed',
    'glm4moe.block_count': 3,
    'glm4moe.nextn_predict_layers': 1,
    'glm4moe.context_length': 256,
    'glm4moe.embedding_length': WIDTH,
    'glm4moe.feed_forward_length': FFN,
    'glm4moe.attention.head_count': 4,
    'glm4moe.attention.head_count_kv': 2,
    'glm4moe.rope.dimension_count': 8,
  };
  for (const [key, value] of Object.entries({ ...metadata, ...letterVocabulary })) {
    if (typeof value === 'number') writer.setMetadata(key, value, 'u32');
    else writer.setMetadata(key, value);
  }
  writer.setMetadata('glm4moe.attention.layer_norm_rms_epsilon', 1e-5, 'f32');
  let state = 7;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const contents: Float32Array[] = [];
  const tensor = (name: string, shape: number[], fill: Fill = 'random'): void => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (shape.length === 1) values.fill(1);
    else if (fill === 'first') for (let row = 0; row < shape[1]; row++) values[row * shape[0] + row] = 1;
    else if (fill === 'random') values.forEach((_, i) => (values[i] = (2.5 * random()) / Math.sqrt(shape[0])));
    writer.addTensor(name, TENSOR_TYPES.F32, shape);
    contents.push(values);
  };
  const output = kind === 'right' ? 'zero' : 'random';
  tensor('token_embd.weight', [WIDTH, VOCABULARY]);
  tensor('output_norm.weight', [WIDTH]);
  tensor('output.weight', [WIDTH, VOCABULARY]);
  for (let layer = 0; layer < 3; layer++) {
    const block = (name: string, shape: number[], fill?: Fill): void =>
      tensor(`blk.${layer}.${name}.weight`, shape, fill);
    block('attn_norm', [WIDTH]);
    block('attn_q', [WIDTH, WIDTH]);
    block('attn_k', [WIDTH, WIDTH / 2]);
    block('attn_v', [WIDTH, WIDTH / 2]);
    block('attn_output', [WIDTH, WIDTH], output);
    block('post_attention_norm', [WIDTH]);
    block('ffn_gate', [WIDTH, FFN]);
    block('ffn_up', [WIDTH, FFN]);
    block('ffn_down', [FFN, WIDTH], output);
    if (layer < 2) continue;
    block('nextn.eh_proj', [2 * WIDTH, WIDTH], kind === 'right' ? 'first' : 'random');
    block('nextn.enorm', [WIDTH]);
    block('nextn.hnorm', [WIDTH]);
  }
  for (const values of contents) await writer.write(new Uint8Array(values.buffer));
  await writer.finish();
  return openGguf(new Blob(chunks as Uint8Array<ArrayBuffer>[]));
}

const LIMITS: LoadOptions = { inline: true, contextLength: 128, pageTokens: 16, maxBatchTokens: 32, maxSequences: 6 };
const ALWAYS = { always: true, lookup: false, grammar: false, maxTokens: 4 } as const;

const openNone = (): Promise<never> => Promise.reject(new TypeError('nothing is loaded beside this model'));

interface Loaded {
  readonly model: LanguageModel;
  readonly drafts: () => { readonly drafted: number; readonly accepted: number };
}

async function load(kind: 'right' | 'random', options: LoadOptions): Promise<Loaded> {
  const file = await modelWithHead(kind);
  const model = await loadModel(file, 'memory', { ...LIMITS, ...options }, loadTransformer, openNone);
  const ends: Extract<ModelEvent, { kind: 'request_ended' }>[] = [];
  model.on((event) => void (event.kind === 'request_ended' && ends.push(event)));
  return {
    model,
    drafts: () => ({
      drafted: ends.reduce((sum, { timings }) => sum + timings.draftedTokens, 0),
      accepted: ends.reduce((sum, { timings }) => sum + timings.acceptedTokens, 0),
    }),
  };
}

const noEnd: GenerateRequest['logitBias'] = [
  [26, false],
  [27, false],
];
const tokens = (length: number, seed: number): number[] =>
  Array.from({ length }, (_, i) => (i * i + seed * 5 + i) % 26);
const requests: readonly GenerateRequest[] = [
  { tokens: tokens(20, 1), temperature: 0, maxTokens: 40, logprobs: 2, logitBias: noEnd },
  { tokens: tokens(20, 1), temperature: 0.7, seed: 3, maxTokens: 40, candidates: 2, logitBias: noEnd },
  { tokens: tokens(37, 2), temperature: 0.9, seed: 5, n: 3, maxTokens: 30, logitBias: noEnd },
  { tokens: tokens(5, 3), seed: 8, maxTokens: 50, grammar: 'root ::= ([a-m] [n-z]){12,20} "end"' },
  { tokens: tokens(1, 4), temperature: 0, maxTokens: 60, repeatPenalty: 1.3, logitBias: noEnd },
  { tokens: tokens(50, 5), temperature: 0.5, seed: 1, maxTokens: 60, stop: ['q', 'xy'] },
];

async function ask(model: LanguageModel, request: GenerateRequest): Promise<unknown> {
  const { samples } = await model.generate(request).result();
  return samples.map(({ tokens: ids, text, finishReason, logprobs, draws }) => ({
    ids: [...ids],
    text,
    finishReason,
    logprobs,
    draws,
  }));
}

describe('the head of a file that predicts the token after the next one', () => {
  it.each<['right' | 'random', string, LoadOptions]>([
    ['right', 'alone', {}],
    ['random', 'alone', {}],
    ['random', 'with few pages, so that answers are preempted', { kvTokens: 192, maxBatchTokens: 16 }],
    ['random', 'without a prefix cache', { prefixCache: false }],
    ['random', 'beside look-up and grammar', { speculation: { always: true } }],
  ])('%s: changes no token, text, end, likelihood or candidate, %s', async (kind, _, options) => {
    const plain = await load(kind, { ...options, speculation: false });
    const expected: unknown[] = [];
    for (const request of requests) expected.push(await ask(plain.model, request));
    await plain.model.close();

    const { model, drafts } = await load(kind, { speculation: ALWAYS, ...options });
    expect(await Promise.all(requests.map((request) => ask(model, request)))).toEqual(expected);
    // Again: what is known of the prompts now is not computed once more, and has no hidden states.
    for (const [i, request] of requests.entries()) expect(await ask(model, request)).toEqual(expected[i]);
    expect(drafts().drafted).toBeGreaterThan(100);
    const cut = model.generate(requests[0]);
    for await (const part of cut) if (part.kind === 'token') break;
    cut.cancel();
    await cut.result().catch(() => undefined);
    expect(model.statistics()).toMatchObject({ running: 0, draftModel: { answers: 0, kv: { allocatedBytes: 0 } } });
    await model.close();
  });

  it('has the greedy answer come in a fraction of the steps, where it is right', async () => {
    const { model, drafts } = await load('right', { speculation: ALWAYS });
    let steps = 0;
    model.on((event) => void (event.kind === 'step' && steps++));
    const { tokens: answer } = await model
      .generate({ tokens: tokens(20, 1), temperature: 0, maxTokens: 60, logitBias: noEnd })
      .result();
    expect(answer).toHaveLength(60);
    const { drafted, accepted } = drafts();
    expect(accepted).toBeGreaterThan(0.9 * drafted);
    expect(steps).toBeLessThan(60 / 3);
    await model.close();
  });

  it('is not loaded where that is turned off, where nothing is drafted, and where it finds no room', async () => {
    const full = await load('random', {});
    expect(full.model.statistics().draftModel?.name).toBe('the head of headed');
    const { totalBytes } = full.model.memory;
    await full.model.close();
    expect(await estimateModel(await modelWithHead('random'), LIMITS, planMemory, openNone)).toEqual(full.model.memory);
    const options: LoadOptions[] = [
      { speculation: { nextn: false } },
      { speculation: false },
      { memoryLimitBytes: totalBytes - 1 },
    ];
    for (const one of options) {
      const { model } = await load('random', one);
      expect(model.statistics().draftModel).toBeUndefined();
      expect(model.memory.totalBytes).toBeLessThan(totalBytes);
      await model.close();
    }
  });
});
