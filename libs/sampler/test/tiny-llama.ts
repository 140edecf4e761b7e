import type { TestModel } from './gguf-reader.js';

const { cos, exp, sin, sqrt } = Math;

/**
 * A plain llama forward pass for tests: one token at a time, everything in order and in double precision over f32 weights.
 * It differs from a single-precision engine by about 1e-6 of the logits.
 */
export class TinyLlama {
  readonly vocabSize: number;
  private readonly width: number;
  private readonly layers: number;
  private readonly heads: number;
  private readonly kvHeads: number;
  private readonly headWidth: number;
  private readonly epsilon: number;
  private readonly ropeBase: number;
  private readonly keys: Float64Array[][] = [];
  private readonly values: Float64Array[][] = [];

  constructor(private readonly model: TestModel) {
    const number = (key: string): number | undefined => model.metadata.get(`llama.${key}`) as number | undefined;
    this.width = number('embedding_length') ?? 0;
    this.layers = number('block_count') ?? 0;
    this.heads = number('attention.head_count') ?? 1;
    this.kvHeads = number('attention.head_count_kv') ?? this.heads;
    this.headWidth = this.width / this.heads;
    this.epsilon = number('attention.layer_norm_rms_epsilon') ?? 1e-5;
    this.ropeBase = number('rope.freq_base') ?? 10000;
    this.vocabSize = this.tensor('token_embd.weight').length / this.width;
    for (let layer = 0; layer < this.layers; layer++) {
      this.keys.push([]);
      this.values.push([]);
    }
  }

  /** Forgets the sequence. */
  reset(): void {
    for (const cache of [...this.keys, ...this.values]) cache.length = 0;
  }

  /** Takes the next token of the sequence and gives the logits (n_vocab) for the one after it. */
  step(token: number): Float32Array {
    const position = this.keys[0].length;
    let x: Float64Array = Float64Array.from(
      this.tensor('token_embd.weight').subarray(token * this.width, (token + 1) * this.width),
    );
    for (let layer = 0; layer < this.layers; layer++) {
      const weight = (name: string): Float32Array => this.tensor(`blk.${layer}.${name}.weight`);
      const attended = this.attention(layer, position, this.normalize(x, weight('attn_norm')), weight);
      x = add(x, multiply(weight('attn_output'), attended));
      const normalized = this.normalize(x, weight('ffn_norm'));
      const gate = multiply(weight('ffn_gate'), normalized);
      const up = multiply(weight('ffn_up'), normalized);
      x = add(
        x,
        multiply(
          weight('ffn_down'),
          gate.map((g, i) => (g / (1 + exp(-g))) * up[i]),
        ),
      );
    }
    const output = this.model.tensors.get('output.weight') ?? this.tensor('token_embd.weight');
    return Float32Array.from(multiply(output, this.normalize(x, this.tensor('output_norm.weight'))));
  }

  private attention(
    layer: number,
    position: number,
    x: Float64Array,
    weight: (name: string) => Float32Array,
  ): Float64Array {
    const query = this.rotate(multiply(weight('attn_q'), x), position);
    this.keys[layer].push(this.rotate(multiply(weight('attn_k'), x), position));
    this.values[layer].push(multiply(weight('attn_v'), x));
    const result = new Float64Array(this.width);
    for (let head = 0; head < this.heads; head++) {
      const kv = Math.floor((head * this.kvHeads) / this.heads) * this.headWidth;
      const own = head * this.headWidth;
      const scores = this.keys[layer].map((key) => {
        let dot = 0;
        for (let i = 0; i < this.headWidth; i++) dot += query[own + i] * key[kv + i];
        return dot / sqrt(this.headWidth);
      });
      const maximum = Math.max(...scores);
      const weights = scores.map((score) => exp(score - maximum));
      const sum = weights.reduce((a, b) => a + b, 0);
      weights.forEach((w, at) => {
        for (let i = 0; i < this.headWidth; i++) result[own + i] += (w / sum) * this.values[layer][at][kv + i];
      });
    }
    return result;
  }

  /** Rotary positions over adjacent pairs. */
  private rotate(x: Float64Array, position: number): Float64Array {
    for (let i = 0; i < x.length; i += 2) {
      const angle = position / this.ropeBase ** ((i % this.headWidth) / this.headWidth);
      const [a, b] = [x[i], x[i + 1]];
      x[i] = a * cos(angle) - b * sin(angle);
      x[i + 1] = a * sin(angle) + b * cos(angle);
    }
    return x;
  }

  private normalize(x: Float64Array, weight: Float32Array): Float64Array {
    let squares = 0;
    for (const value of x) squares += value * value;
    const scale = 1 / sqrt(squares / x.length + this.epsilon);
    return x.map((value, i) => value * scale * weight[i]);
  }

  private tensor(name: string): Float32Array {
    return this.model.tensors.get(name) ?? new Float32Array(0);
  }
}

/** `matrix` (rows, x.length) times `x`. */
function multiply(matrix: Float32Array, x: Float64Array): Float64Array {
  const result = new Float64Array(matrix.length / x.length);
  for (let row = 0, at = 0; row < result.length; row++) {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += matrix[at++] * x[i];
    result[row] = sum;
  }
  return result;
}

function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]);
}
