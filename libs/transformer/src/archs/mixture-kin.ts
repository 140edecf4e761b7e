import type { Architecture } from '../architecture/architecture.js';
import type { BlockNorms, FeedForwardSpec } from '../architecture/block-spec.js';
import { expertsOf } from '../architecture/experts.js';
import {
  activationOnly,
  feedForwardOf,
  withoutDenseBesideExperts,
  type FeedForwardOptions,
} from '../architecture/feed-forward.js';
import type { ModelReader } from '../architecture/model-reader.js';
import { clampOf, queryKeyNorms, windowsOf, withoutBiases } from '../architecture/parts.js';
import { ropeOf } from '../architecture/rope.js';
import type { SequentialOptions } from '../architecture/sequential.js';
import { kin } from './llama-kin.js';

/*
 * Families with Llama's blocks and mixtures of experts, most of them after some dense layers and beside a shared expert, which the tensors of
 * the layers show. They differ as llama-kin.ts says, in norms of heads and in how scores of experts become weights.
 */

/** Every fourth layer sees everything, if the file says nothing else. */
const GLOBAL_PERIOD = 4;

const ONE_BASE = 'all layers rotate by one base';

/** What the file says of weights of experts counts; scores become them by `gating` where it says nothing. */
const experts =
  (reader: ModelReader, options: FeedForwardOptions = {}) =>
  (index: number, norms: BlockNorms): FeedForwardSpec =>
    feedForwardOf(reader, index, norms, { normalize: false, ...options });

const normedHeads =
  (reader: ModelReader): SequentialOptions['attention'] =>
  (index, shape) =>
    queryKeyNorms(reader, 'rms', index, shape);

export const mixtureKin: readonly Architecture[] = [
  // Ling: heads are as long as their rotation, whatever the width.
  kin('bailingmoe', 'Ling', (reader) => ({
    rope: undefined,
    attention: (_, { keyLength }) => {
      const length = reader.optionalCount('rope.dimension_count') ?? keyLength;
      return { keyLength: length, valueLength: length, rope: ropeOf(reader, length, { style: 'pairs' }) };
    },
    feedForward: experts(reader),
  })),
  // Ling 2.
  kin('bailingmoe2', 'Ling 2, Ring 2', (reader) => ({
    rope: 'halves',
    attention: normedHeads(reader),
    feedForward: experts(reader),
  })),
  kin('dbrx', 'DBRX', (reader) => ({
    norm: 'layer',
    rope: 'halves',
    feedForwardNorm: 'attn_output_norm',
    attention: () => clampOf(reader),
  })),
  // The first DeepSeek MoE.
  kin('deepseek', 'DeepSeek MoE', (reader) => ({ feedForward: experts(reader) })),
  // Its language model: the first DeepSeek MoE with another rotation.
  kin('deepseek2-ocr', 'DeepSeek-OCR (text)', (reader) => ({
    rope: undefined,
    attention: (_, { keyLength }) => ({ rope: ropeOf(reader, keyLength, { style: 'halves', dimensions: keyLength }) }),
    feedForward: experts(reader),
  })),
  kin('dots1', 'dots.llm1', (reader) => ({
    rope: 'halves',
    attention: normedHeads(reader),
    feedForward: experts(reader),
  })),
  // Only every so many layers run experts. Of others that have them the reference runs the activation alone.
  kin('ernie4_5-moe', 'ERNIE 4.5 with experts', (reader) => {
    withoutBiases(reader, 'attn_output');
    const every = reader.optionalCount('interleave_moe_layer_step') ?? 1;
    const isSkipped = (index: number): boolean =>
      (index + 1) % every !== 0 && reader.has(`blk.${index}.ffn_gate_inp.weight`);
    return {
      feedForward: (index, norms) =>
        isSkipped(index) ? activationOnly(reader, index, norms) : feedForwardOf(reader, index, norms),
    };
  }),
  // K-EXAONE: windowed layers rotate, the others know no positions.
  kin('exaone-moe', 'K-EXAONE', (reader) => {
    const windowOf = windowsOf(reader, GLOBAL_PERIOD);
    reader.excuseKeys(ONE_BASE, 'rope.freq_base_swa');
    return {
      rope: undefined,
      attention: (index, shape) => {
        const window = windowOf(index);
        return {
          ...queryKeyNorms(reader, 'rms', index, shape),
          rope: window === undefined ? undefined : ropeOf(reader, shape.keyLength, { style: 'halves', factors: 'one' }),
          window,
        };
      },
      feedForward: experts(reader),
    };
  }),
  // GLM-4.5 and its like, the larger ones with norms of heads.
  kin('glm4moe', 'GLM-4.5, 4.6 and 4.7', (reader) => ({
    rope: 'halves',
    feedForwardNorm: 'post_attention_norm',
    attention: normedHeads(reader),
    feedForward: experts(reader, { gating: 'sigmoid' }),
  })),
  // Hunyuan V3.
  kin('hy_v3', 'Hunyuan V3', (reader) => {
    withoutDenseBesideExperts(reader);
    return { rope: 'halves', attention: normedHeads(reader), feedForward: experts(reader, { gating: 'sigmoid' }) };
  }),
  // A diffusion model, whose tokens all see each other.
  kin('llada-moe', 'LLaDA with experts (one pass)', (reader) => ({
    rope: 'halves',
    causal: false,
    attention: normedHeads(reader),
    feedForward: experts(reader),
  })),
  // Maple: windowed layers rotate, the others know no positions; the gates of experts are held within bounds.
  kin('maple', 'Maple', (reader) => {
    const windowOf = windowsOf(reader, GLOBAL_PERIOD);
    return {
      rope: undefined,
      attention: (index, shape) => {
        const window = windowOf(index);
        const rope = ropeOf(reader, shape.keyLength, {
          style: 'halves',
          base: reader.optionalNumber('rope.freq_base_swa'),
          dimensions: reader.optionalCount('rope.dimension_count_swa'),
        });
        return { ...queryKeyNorms(reader, 'rms', index, shape), rope: window === undefined ? undefined : rope, window };
      },
      feedForward: (index, norms) => {
        const limit = reader.perLayer('swiglu_clamp_exp', index) ?? 0;
        return expertsOf(reader, index, {
          norms,
          activation: limit > 0 ? { kind: 'clampedSwiglu', alpha: 1, limit, shift: 0 } : 'silu',
        });
      },
    };
  }),
  // Mellum: windowed layers rotate unscaled.
  kin('mellum', 'Mellum', (reader) => {
    const windowOf = windowsOf(reader, GLOBAL_PERIOD);
    reader.excuseKeys(ONE_BASE, 'rope.freq_base_swa');
    return {
      rope: undefined,
      attention: (index, shape) => {
        const window = windowOf(index);
        const local = { scaling: { kind: 'none' }, magnitude: 1 } as const;
        return {
          ...queryKeyNorms(reader, 'rms', index, shape),
          rope: ropeOf(reader, shape.keyLength, { style: 'halves', ...(window === undefined ? {} : local) }),
          window,
        };
      },
    };
  }),
  // Its norms go over whole rows of queries and keys.
  kin('minimax-m2', 'MiniMax M2', (reader) => ({ rope: 'halves', attention: normedHeads(reader) })),
  // The text model of Qwen3-VL, for which images have sections of the rotation.
  kin('qwen3vlmoe', 'Qwen3-VL with experts (text)', (reader) => ({ rope: 'halves', attention: normedHeads(reader) })),
  // Qwen3 made a diffusion model.
  kin('rnd1', 'RND1 (one pass)', (reader) => ({ rope: 'halves', causal: false, attention: normedHeads(reader) })),
];
