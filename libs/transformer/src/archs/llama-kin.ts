import type { Architecture } from '../architecture/architecture.js';
import { gatedOf } from '../architecture/feed-forward.js';
import type { ModelReader } from '../architecture/model-reader.js';
import { withoutBiases } from '../architecture/parts.js';
import { withoutFactors } from '../architecture/rope.js';
import { sequentialOf, type SequentialOptions } from '../architecture/sequential.js';

/*
 * Families with Llama's blocks under names of their own: they differ in how heads are rotated, in the kind of norms and in which biases
 * there are. Sections of a rotation that some of them name are for images; in a text all of them turn by the same position.
 */

/** An architecture of sequential blocks that differs from Llama in these. */
export const kin = (
  name: string,
  families: string,
  options: Partial<SequentialOptions> | ((reader: ModelReader) => Partial<SequentialOptions>),
): Architecture => ({
  name,
  families,
  read: (reader) =>
    sequentialOf(reader, {
      norm: 'rms',
      rope: 'pairs',
      ...(typeof options === 'function' ? options(reader) : options),
    }),
});

export const llamaKin: readonly Architecture[] = [
  // ChatGLM 3 and GLM-4 9B: part of a head is rotated, gate and up are one matrix.
  kin('chatglm', 'ChatGLM 3, GLM-4 9B', {}),
  // CogVLM's language model: a text has no part in the matrices for images.
  kin('cogvlm', 'CogVLM (text)', (reader) => {
    withoutFactors(reader, 'one');
    reader.excuseTensors(
      'for images, of which a text has none',
      /^blk\.\d+\.vis_(attn_qkv|attn_output|gate|up|down)\.weight$/,
    );
    return { rope: 'halves' };
  }),
  // A diffusion model: every token sees the whole text. One pass is what is run here, not its loop of sampling.
  kin('dream', 'Dream (one pass)', (reader) => {
    withoutBiases(reader, 'output');
    return { rope: 'halves', causal: false };
  }),
  kin('ernie4_5', 'ERNIE 4.5', (reader) => {
    withoutBiases(reader, 'attn_output');
    return {};
  }),
  // EXAONE 3 and 3.5.
  kin('exaone', 'EXAONE 3 and 3.5, EXAONE Deep', { rope: 'halves', factors: 'one' }),
  // Another diffusion model.
  kin('llada', 'LLaDA (one pass)', (reader) => {
    withoutFactors(reader, 'one');
    withoutBiases(reader, 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down');
    return { causal: false };
  }),
  kin('orion', 'Orion', { norm: 'layer', rope: 'halves' }),
  // ERNIE 4.5 as PaddleOCR's language model.
  kin('paddleocr', 'PaddleOCR-VL (text)', { rope: 'halves' }),
  kin('pangu-embedded', 'openPangu Embedded', (reader) => {
    withoutFactors(reader, 'byScaling');
    return { rope: 'halves' };
  }),
  // The first Qwen, whose files count gate and up as one length.
  kin('qwen', 'Qwen 1', (reader) => ({
    rope: 'halves',
    feedForward: (index, norms) =>
      gatedOf(reader, index, norms, 'silu', reader.count('feed_forward_length', index) / 2),
  })),
  // Qwen2-VL and Qwen2.5-VL.
  kin('qwen2vl', 'Qwen2-VL, Qwen2.5-VL (text)', (reader) => {
    withoutBiases(reader, 'output');
    return { rope: 'halves' };
  }),
  kin('seed_oss', 'Seed-OSS', { rope: 'halves', feedForwardNorm: 'post_attention_norm' }),
  kin('xverse', 'XVERSE', {}),
];
