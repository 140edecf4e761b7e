import { GgufWriter, TENSOR_TYPES, type GgufValue } from '@starling/gguf';
import { writeFileWhole } from '@starling/gguf/node';

/** A vector for each token, far from all others. */
const WIDTH = 32;
const HEADS = 1;
/** How much likelier the next word of the script is than any other: far beyond what a draw at temperature 1 would pass over. */
const CERTAINTY = 1;
const [NORMAL, CONTROL, USER_DEFINED] = [1, 3, 4];

export interface ScriptedModelOptions {
  /** What an answer says, by the last character of its prompt. Each word is a token that is told from any other text, and none comes twice in one. */
  readonly scripts: Readonly<Record<string, readonly string[]>>;
  readonly template: string;
  readonly contextLength: number;
}

/**
 * Writes a model of one layer that answers prompts with words that are given, and has a token for each byte of other text. Nothing in it is asked of
 * attention, but keys and values are computed and kept as any model's are: what a server makes of a long conversation can be seen in seconds.
 */
export async function writeScriptedModel(
  file: string,
  { scripts, template, contextLength }: ScriptedModelOptions,
): Promise<void> {
  const bytes = ALL_BYTES.map(letterOf);
  const words = [...new Set(Object.values(scripts).flat())];
  const tokens = [...bytes, ...words, '<|im_start|>', '<|im_end|>'];
  const end = tokens.length - 1;
  const firstWord = bytes.length;
  const random = signs(7);
  const codes = Float32Array.from({ length: tokens.length * WIDTH }, random);
  const output = new Float32Array(tokens.length * WIDTH);
  // Each word follows the one before it; the first follows what a prompt ends with, the end of the turn follows the last.
  for (const [ending, script] of Object.entries(scripts)) {
    const said = [bytes.indexOf(letterOf(ending.charCodeAt(0))), ...script.map((word) => tokens.indexOf(word)), end];
    for (const [i, next] of said.slice(1).entries())
      for (let k = 0; k < WIDTH; k++) output[next * WIDTH + k] += CERTAINTY * codes[said[i] * WIDTH + k];
  }
  const zeros = (rows: number, columns: number): [shape: readonly number[], values: Float32Array] => [
    [columns, rows],
    new Float32Array(rows * columns),
  ];
  const mixed = (rows: number, columns: number): [shape: readonly number[], values: Float32Array] => [
    [columns, rows],
    Float32Array.from({ length: rows * columns }, () => random() / Math.sqrt(columns)),
  ];
  const ones: [shape: readonly number[], values: Float32Array] = [[WIDTH], new Float32Array(WIDTH).fill(1)];
  const tensors: Readonly<Record<string, readonly [shape: readonly number[], values: Float32Array]>> = {
    'token_embd.weight': [[WIDTH, tokens.length], codes],
    'output.weight': [[WIDTH, tokens.length], output],
    'output_norm.weight': ones,
    'blk.0.attn_norm.weight': ones,
    'blk.0.attn_q.weight': mixed(WIDTH, WIDTH),
    'blk.0.attn_k.weight': mixed(WIDTH / HEADS, WIDTH),
    'blk.0.attn_v.weight': mixed(WIDTH / HEADS, WIDTH),
    'blk.0.attn_output.weight': zeros(WIDTH, WIDTH),
    'blk.0.ffn_norm.weight': ones,
    'blk.0.ffn_gate.weight': mixed(WIDTH, WIDTH),
    'blk.0.ffn_up.weight': mixed(WIDTH, WIDTH),
    'blk.0.ffn_down.weight': zeros(WIDTH, WIDTH),
  };
  const metadata: Readonly<Record<string, GgufValue>> = {
    'general.architecture': 'llama',
    'llama.block_count': 1,
    'llama.context_length': contextLength,
    'llama.embedding_length': WIDTH,
    'llama.feed_forward_length': WIDTH,
    'llama.attention.head_count': HEADS,
    'llama.attention.head_count_kv': 1,
    'llama.attention.layer_norm_rms_epsilon': 1e-5,
    'llama.rope.freq_base': 10000,
    'llama.rope.dimension_count': WIDTH / HEADS,
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.eos_token_id': end,
    'tokenizer.ggml.bos_token_id': end,
    'tokenizer.chat_template': template,
  };
  await writeFileWhole(file, async (sink) => {
    const writer = new GgufWriter(sink);
    for (const [key, value] of Object.entries(metadata)) writer.setMetadata(key, value);
    writer.setMetadata('tokenizer.ggml.tokens', tokens, { array: 'string' });
    writer.setMetadata(
      'tokenizer.ggml.token_type',
      Int32Array.from(tokens, (_, i) => (i < firstWord ? NORMAL : i < end - 1 ? USER_DEFINED : CONTROL)),
      { array: 'i32' },
    );
    writer.setMetadata('tokenizer.ggml.merges', ['a b'], { array: 'string' });
    for (const [name, [shape]] of Object.entries(tensors)) writer.addTensor(name, TENSOR_TYPES.F32, shape);
    for (const [, values] of Object.values(tensors)) await writer.write(new Uint8Array(values.buffer));
    await writer.finish();
  });
}

const isSeen = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
const ALL_BYTES = Array.from({ length: 256 }, (_, byte) => byte);
const UNSEEN = ALL_BYTES.filter((byte) => !isSeen(byte));

/** A letter for a byte, as byte-level vocabularies write them: what can be seen stands for itself, the others come after 255, in order. */
const letterOf = (byte: number): string => String.fromCodePoint(isSeen(byte) ? byte : 256 + UNSEEN.indexOf(byte));

/** Draws of -1 and 1, the same ones each time. */
function signs(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 31 === 0 ? 1 : -1;
  };
}
