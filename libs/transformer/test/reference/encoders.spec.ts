import { loadTransformer } from '../../src/load/load-transformer.js';
import path from 'node:path';
import { golden as files, readFloats, readJson, relativeRms } from '../../../../tools/fixtures/fixtures.js';
import { openGgufFile } from '@starling/gguf/node';
import { GATED, METADATA, SHAPE, blocks } from './decoder.js';
import { TOKENS } from './expect-agreement.js';
import { randomModel } from './random-model.js';
import { blockOf, gated, plus, rotated, separateHeads } from './reference-decoder.js';
import { add, attend, layerNorm } from './scalar-math.js';

const pages = Int32Array.of(0, 1, 2);
const options = { kvType: 'F32', pageTokens: 16, pageCount: 8 } as const;

describe('nomic-bert', () => {
  const { width, layers, heads } = SHAPE;
  const norm = (name: string) => ({ [`${name}.weight`]: width, [`${name}.bias`]: width });
  const tensors = {
    'token_embd.weight': [width, SHAPE.vocabulary],
    'token_types.weight': [width, 2],
    ...norm('token_embd_norm'),
    ...blocks({
      'attn_q.weight': [width, width],
      'attn_k.weight': [width, width],
      'attn_v.weight': [width, width],
      'attn_output.weight': [width, width],
      ...norm('attn_output_norm'),
      ...GATED,
      ...norm('layer_output_norm'),
    }),
  };

  it('agrees with a scalar evaluation, pooled and not, whatever the file says of tokens after one', async () => {
    const model = await randomModel(
      'nomic-bert',
      {
        ...METADATA,
        'attention.head_count_kv': heads,
        'attention.layer_norm_epsilon': 0.00001,
        'attention.causal': true,
        pooling_type: 1,
      },
      tensors,
    );
    const [table, [type]] = [model.matrix('token_embd.weight'), model.matrix('token_types.weight')];
    let x = TOKENS.map((token) =>
      layerNorm(add(table[token], type), model.vector('token_embd_norm.weight'), model.vector('token_embd_norm.bias')),
    );
    for (let index = 0; index < layers; index++) {
      const block = blockOf(model, index);
      const { q, k, v } = separateHeads(block, x, heads, heads);
      const attended = attend(rotated(q, 'halves'), rotated(k, 'halves'), v, { causal: false }).map((row) =>
        block.apply('attn_output', row),
      );
      const y = plus(x, attended).map((row) =>
        layerNorm(row, block.vector('attn_output_norm.weight'), block.vector('attn_output_norm.bias')),
      );
      x = y.map((row) =>
        layerNorm(
          add(row, gated(block, row)),
          block.vector('layer_output_norm.weight'),
          block.vector('layer_output_norm.bias'),
        ),
      );
    }
    const runtime = await loadTransformer(model.file, options);
    const sequence = { tokens: TOKENS, startPosition: 0, pages, slot: 0, outputs: 'all' } as const;
    expect(relativeRms((await runtime.embed([sequence], { pooling: 'none' })).vectors, x.flat())).toBeLessThan(1e-5);
    const mean = x[0].map((_, i) => x.reduce((sum, row) => sum + row[i], 0) / x.length);
    expect(relativeRms((await runtime.embed([sequence])).vectors, mean)).toBeLessThan(1e-5);
    await runtime.close();
  });
});

describe('bert', () => {
  it('agrees with the exact golden states, pooled and not, alone and beside another text', async () => {
    const golden = readJson<{ tokens: number[]; pooled: number[] }>(path.join(files.models, 'bert.json'));
    const exact = readFloats(path.join(files.models, 'bert.exact.f32'));
    const file = await openGgufFile(path.join(files.models, 'bert.gguf'));
    const runtime = await loadTransformer(file, options);
    const text = { tokens: golden.tokens, startPosition: 0, pages, slot: 0, outputs: 'all' } as const;
    const alone = (await runtime.embed([text], { pooling: 'none' })).vectors.slice();
    expect(relativeRms(alone, exact)).toBeLessThan(1e-5);
    expect(relativeRms((await runtime.embed([text])).vectors, golden.pooled)).toBeLessThan(1e-3);
    expect(
      relativeRms((await runtime.embed([text])).vectors, exact.subarray(0, runtime.info.embeddingLength)),
    ).toBeLessThan(1e-5);
    const other = { ...text, tokens: [...golden.tokens].reverse(), pages: Int32Array.of(4, 5, 6), slot: 1 };
    const both = (await runtime.embed([other, text], { pooling: 'none' })).vectors;
    expect(both.slice(alone.length)).toEqual(alone);
    await runtime.close();
    await file.close();
  });
});
