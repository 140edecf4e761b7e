import * as v from 'valibot';

const number = v.number();

/** An answer of `POST /v1/messages`. */
export const messageAnswer = v.object({
  id: v.string(),
  type: v.literal('message'),
  role: v.literal('assistant'),
  model: v.string(),
  content: v.array(
    v.union([
      v.object({ type: v.literal('text'), text: v.string() }),
      v.object({ type: v.literal('thinking'), thinking: v.string(), signature: v.string() }),
      v.object({
        type: v.literal('tool_use'),
        id: v.string(),
        name: v.string(),
        input: v.record(v.string(), v.unknown()),
      }),
    ]),
  ),
  stop_reason: v.picklist(['end_turn', 'max_tokens', 'stop_sequence', 'tool_use', 'model_context_window_exceeded']),
  stop_sequence: v.nullable(v.string()),
  usage: v.object({
    input_tokens: number,
    cache_creation_input_tokens: number,
    cache_read_input_tokens: number,
    output_tokens: number,
    output_tokens_details: v.object({ thinking_tokens: number }),
  }),
});

export const countTokensAnswer = v.object({ input_tokens: number });
