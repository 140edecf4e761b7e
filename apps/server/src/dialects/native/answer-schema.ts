import * as v from 'valibot';

const number = v.number();

/** A token's log-probability; null where it is impossible. */
const probability = { id: number, text: v.string(), bytes: v.array(number), logprob: v.nullable(number) };
const logprobEntry = v.object({ ...probability, top: v.array(v.object(probability)) });

const answer = {
  text: v.string(),
  message: v.optional(
    v.object({
      role: v.literal('assistant'),
      content: v.nullable(v.string()),
      reasoning_content: v.optional(v.string()),
      tool_calls: v.optional(
        v.array(
          v.object({
            id: v.string(),
            type: v.literal('function'),
            function: v.object({ name: v.string(), arguments: v.string() }),
          }),
        ),
      ),
    }),
  ),
  tokens: v.array(number),
  finish_reason: v.picklist(['stop', 'length', 'deadline', 'cancelled', 'tool_calls']),
  stop_sequence: v.optional(v.string()),
  warnings: v.optional(v.array(v.string())),
  logprobs: v.optional(v.array(logprobEntry)),
};

/** An answer of `POST /v1/generate`. */
export const generateAnswer = v.object({
  id: v.string(),
  model: v.string(),
  session_id: v.optional(v.string()),
  ...answer,
  usage: v.object({
    prompt_tokens: number,
    cached_tokens: number,
    completion_tokens: number,
    cache_miss: v.optional(v.object({ reason: v.string(), position: v.optional(number), message: v.optional(number) })),
  }),
  timings: v.object({
    tokenize_ms: number,
    grammar_ms: number,
    queue_ms: number,
    restore_ms: number,
    prompt_ms: number,
    first_token_ms: number,
    decode_ms: number,
    sample_ms: number,
    suspended_ms: number,
    preemptions: number,
    prompt_tps: number,
    decode_tps: number,
    drafted_tokens: number,
    accepted_tokens: number,
  }),
  prompt_logprobs: v.optional(v.array(v.nullable(logprobEntry))),
  answers: v.optional(v.array(v.object(answer))),
});

/** An answer of `POST /v1/tokenize`; a piece that is no text alone is told by its bytes. */
export const tokenizeAnswer = v.object({
  count: number,
  tokens: v.array(number),
  offsets: v.optional(v.array(v.array(number))),
  pieces: v.optional(v.array(v.union([v.string(), v.array(number)]))),
});

export const detokenizeAnswer = v.object({ text: v.string() });

const session = {
  session_id: v.string(),
  model: v.string(),
  tokens: number,
  turns: v.array(number),
  pinned: v.boolean(),
  in_use: v.boolean(),
  saved: v.boolean(),
  created_at: number,
  used_at: number,
  expires_at: v.nullable(number),
};

export const sessionAnswer = v.object(session);
export const sessionListAnswer = v.object({ object: v.literal('list'), data: v.array(sessionAnswer) });
export const closeSessionAnswer = v.object({ session_id: v.string(), closed: v.literal(true) });
export const saveSessionAnswer = v.object({
  session_id: v.string(),
  filename: v.string(),
  saved_tokens: number,
  bytes: number,
});
export const openSessionAnswer = v.object({ ...session, known_tokens: number });

/** A model as the list has it; what lies where and what it takes is for administrators. */
export const modelAnswer = v.object({
  id: v.string(),
  aliases: v.array(v.string()),
  tags: v.array(v.string()),
  object: v.literal('model'),
  type: v.literal('model'),
  display_name: v.string(),
  created_at: v.string(),
  created: number,
  owned_by: v.string(),
  state: v.picklist(['loading', 'ready', 'failed', 'draining', 'sleeping', 'unloaded']),
  expires_at: v.optional(v.string()),
  file_url: v.optional(v.string()),
  in_tab: v.optional(v.looseObject({})),
  file: v.optional(v.string()),
  sha256: v.optional(v.nullable(v.string())),
  architecture: v.optional(v.string()),
  quantization: v.optional(v.string()),
  context_length: v.optional(number),
  max_model_len: v.optional(number),
  vocab_size: v.optional(number),
  has_chat_template: v.optional(v.boolean()),
  meta: v.optional(
    v.object({
      vocab_type: number,
      n_vocab: number,
      n_ctx: number,
      n_ctx_train: number,
      n_embd: number,
      n_params: number,
      size: number,
      ftype: v.string(),
    }),
  ),
  queued: v.optional(number),
  running: v.optional(number),
  weights_bytes: v.optional(number),
  kv_bytes: v.optional(number),
  scratch_bytes: v.optional(number),
  total_bytes: v.optional(number),
  kv_bytes_in_use: v.optional(number),
});

/** The list of models, as several APIs' clients read it. */
export const modelListAnswer = v.object({
  object: v.literal('list'),
  data: v.array(modelAnswer),
  first_id: v.nullable(v.string()),
  last_id: v.nullable(v.string()),
  has_more: v.literal(false),
  models: v.array(
    v.object({
      name: v.string(),
      model: v.string(),
      modified_at: v.string(),
      size: v.string(),
      digest: v.string(),
      type: v.literal('model'),
      description: v.string(),
      tags: v.array(v.string()),
      capabilities: v.array(v.string()),
      parameters: v.string(),
      details: v.record(v.string(), v.unknown()),
    }),
  ),
});

export const unloadModelAnswer = v.object({ id: v.string(), object: v.literal('model'), state: v.literal('unloaded') });

/** An answer of `GET /v1/status`; a model that is not loaded has a name and a state. */
export const statusAnswer = v.object({
  version: v.string(),
  time_ms: number,
  totals: v.object({
    requests: number,
    rejected: number,
    prompt_tokens: number,
    cached_tokens: number,
    generated_tokens: number,
    busy_ms: number,
  }),
  models: v.array(
    v.object({
      name: v.string(),
      state: v.string(),
      queued: v.optional(number),
      queued_tokens: v.optional(number),
      queue_limit: v.optional(number),
      running: v.optional(number),
      suspended: v.optional(number),
      slots: v.optional(number),
      accepting: v.optional(v.boolean()),
      context_length: v.optional(number),
      weights_bytes: v.optional(number),
      scratch_bytes: v.optional(number),
      total_bytes: v.optional(number),
      kv: v.optional(
        v.object({ bytes: number, pages: number, page_tokens: number, used: number, cached: number, free: number }),
      ),
      shared_prefix: v.optional(v.object({ tokens: number, pages: number })),
      sessions: v.optional(number),
      tenants: v.optional(
        v.array(v.object({ name: v.string(), weight: number, queued: number, running: number, served_ms: number })),
      ),
    }),
  ),
});
