import * as v from 'valibot';
import { logprobSchema } from '../answer-schema.js';
import { itemSchema, toolChoiceSchema, toolSchema } from './schema.js';

const number = v.number();
const itemStatus = v.picklist(['in_progress', 'completed', 'incomplete']);

const outputItem = v.union([
  v.object({
    type: v.literal('message'),
    id: v.string(),
    role: v.literal('assistant'),
    status: itemStatus,
    content: v.array(
      v.object({
        type: v.literal('output_text'),
        text: v.string(),
        annotations: v.array(v.unknown()),
        logprobs: v.array(logprobSchema),
      }),
    ),
  }),
  v.object({
    type: v.literal('reasoning'),
    id: v.string(),
    status: itemStatus,
    summary: v.array(v.unknown()),
    content: v.array(v.object({ type: v.literal('reasoning_text'), text: v.string() })),
  }),
  v.object({
    type: v.literal('custom_tool_call'),
    id: v.string(),
    call_id: v.string(),
    name: v.string(),
    input: v.string(),
    status: itemStatus,
  }),
  v.object({
    type: v.literal('function_call'),
    id: v.string(),
    call_id: v.string(),
    name: v.string(),
    arguments: v.string(),
    status: itemStatus,
  }),
]);

/** The object `response`. */
export const responseAnswer = v.object({
  id: v.string(),
  object: v.literal('response'),
  created_at: number,
  completed_at: v.nullable(number),
  status: v.picklist(['in_progress', 'completed', 'incomplete', 'failed', 'cancelled']),
  incomplete_details: v.nullable(v.object({ reason: v.string() })),
  model: v.string(),
  previous_response_id: v.nullable(v.string()),
  instructions: v.nullable(v.string()),
  output: v.array(outputItem),
  error: v.nullable(v.object({ code: v.string(), message: v.string() })),
  tools: v.array(toolSchema),
  tool_choice: toolChoiceSchema,
  truncation: v.picklist(['auto', 'disabled']),
  parallel_tool_calls: v.boolean(),
  text: v.looseObject({ format: v.looseObject({ type: v.string() }), verbosity: v.nullish(v.string()) }),
  top_p: number,
  presence_penalty: number,
  frequency_penalty: number,
  top_logprobs: number,
  temperature: number,
  reasoning: v.object({ effort: v.nullable(v.string()), summary: v.nullable(v.string()) }),
  user: v.nullable(v.string()),
  usage: v.nullable(
    v.object({
      input_tokens: number,
      input_tokens_details: v.object({ cached_tokens: number }),
      output_tokens: number,
      output_tokens_details: v.object({ reasoning_tokens: number }),
      total_tokens: number,
    }),
  ),
  max_output_tokens: v.nullable(number),
  max_tool_calls: v.nullable(number),
  store: v.boolean(),
  background: v.literal(false),
  service_tier: v.string(),
  metadata: v.record(v.string(), v.string()),
  safety_identifier: v.nullable(v.string()),
  prompt_cache_key: v.nullable(v.string()),
});

export const inputTokensAnswer = v.object({ object: v.literal('response.input_tokens'), input_tokens: number });
export const deletedAnswer = v.object({
  id: v.string(),
  object: v.literal('response.deleted'),
  deleted: v.literal(true),
});
export const inputItemsAnswer = v.object({
  object: v.literal('list'),
  data: v.array(itemSchema),
  first_id: v.nullable(v.string()),
  last_id: v.nullable(v.string()),
  has_more: v.boolean(),
});
