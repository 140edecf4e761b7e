import * as v from 'valibot';
import { timingsSchema } from '../timings.js';

const number = v.number();

const likely = { id: number, token: v.string(), bytes: v.array(number), logprob: number };
const drawn = { id: number, token: v.string(), bytes: v.array(number), prob: number };

/** An answer to one prompt. Those who ask for some fields alone (`response_fields`) get them by their paths. */
const completion = v.object({
  index: v.optional(number),
  content: v.optional(v.string()),
  tokens: v.optional(v.array(number)),
  id_slot: v.optional(number),
  stop: v.optional(v.boolean()),
  model: v.optional(v.string()),
  tokens_predicted: v.optional(number),
  tokens_evaluated: v.optional(number),
  generation_settings: v.optional(v.record(v.string(), v.unknown())),
  prompt: v.optional(v.string()),
  has_new_line: v.optional(v.boolean()),
  truncated: v.optional(v.boolean()),
  stop_type: v.optional(v.picklist(['eos', 'word', 'limit', 'none'])),
  stopping_word: v.optional(v.string()),
  tokens_cached: v.optional(number),
  timings: v.optional(timingsSchema),
  completion_probabilities: v.optional(
    v.array(
      v.union([
        v.object({ ...likely, top_logprobs: v.array(v.object(likely)) }),
        v.object({ ...drawn, top_probs: v.array(v.object(drawn)) }),
      ]),
    ),
  ),
});

/** An answer of `POST /completion`: for several prompts, a list. */
export const completionAnswer = v.union([completion, v.array(completion)]);
export const countTokensAnswer = v.object({ input_tokens: number });
export const embeddingAnswer = v.array(v.object({ index: number, embedding: v.array(v.array(number)) }));

/** An answer of `POST /rerank`: for `texts`, a list as another server has it. */
export const rerankAnswer = v.union([
  v.object({
    model: v.string(),
    object: v.literal('list'),
    usage: v.object({ prompt_tokens: number, total_tokens: number }),
    results: v.array(v.object({ index: number, relevance_score: number })),
  }),
  v.array(v.object({ index: number, score: number, text: v.optional(v.string()) })),
]);

export const predictAnswer = v.object({ predictions: v.array(v.nullable(v.record(v.string(), v.unknown()))) });

/** An answer of `POST /tokenize`; a piece that is no text alone is told by its bytes. */
export const tokenizeAnswer = v.object({
  tokens: v.array(v.union([number, v.object({ id: number, piece: v.union([v.string(), v.array(number)]) })])),
});
export const detokenizeAnswer = v.object({ content: v.string(), prompt: v.string() });
export const applyTemplateAnswer = v.object({ prompt: v.string() });

export const tokenizerInfoAnswer = v.object({
  tokenizer_class: v.string(),
  bos_token: v.nullable(v.string()),
  eos_token: v.nullable(v.string()),
  pad_token: v.nullable(v.string()),
  add_bos_token: v.boolean(),
  vocab_size: number,
});

export const propsAnswer = v.object({
  default_generation_settings: v.object({ params: v.record(v.string(), v.unknown()), n_ctx: number }),
  total_slots: number,
  model_alias: v.string(),
  model_ftype: v.string(),
  model_path: v.string(),
  modalities: v.object({ vision: v.boolean(), video: v.boolean(), audio: v.boolean() }),
  endpoint_slots: v.boolean(),
  endpoint_props: v.boolean(),
  endpoint_metrics: v.boolean(),
  chat_template: v.string(),
  chat_template_caps: v.object({ supports_tools: v.boolean() }),
  bos_token: v.string(),
  eos_token: v.string(),
  build_info: v.string(),
  is_sleeping: v.boolean(),
});

export const slotsAnswer = v.array(
  v.object({ id: number, n_ctx: number, speculative: v.boolean(), is_processing: v.boolean() }),
);

/** An answer of `POST /slots/ID`: what was saved, restored or erased. */
export const slotAnswer = v.union([
  v.object({
    id_slot: number,
    filename: v.string(),
    n_saved: number,
    n_written: number,
    timings: v.object({ save_ms: number }),
  }),
  v.object({
    id_slot: number,
    filename: v.string(),
    n_restored: number,
    n_read: number,
    timings: v.object({ restore_ms: number }),
  }),
  v.object({ id_slot: number, n_erased: number }),
]);

export const loraAdaptersAnswer = v.array(
  v.object({ id: number, path: v.string(), scale: number, task_name: v.string(), prompt_prefix: v.string() }),
);
export const doneAnswer = v.object({ success: v.literal(true) });
