import * as v from 'valibot';
import { cacheFields } from '../cache-fields.js';
import { list, count, integer, jsonObject, number, reasoningEffort, text } from '../../schemas/fields.js';
import { allowedChoice, choiceWord, MAX_TOOLS, namedChoice } from '../function-tools.js';
import { loraList } from '../lora.js';
import { samplingFields } from '../../schemas/sampling.js';
import { customCallSchema, customChoiceSchema, customToolSchema } from './custom-tools.js';

/** Messages of one conversation, at most. */
const MAX_MESSAGES = 16_384;
const MAX_DOCUMENTS = 1024;

const textPart = v.looseObject({ type: v.literal('text'), text: v.string() });
const refusalPart = v.pipe(
  v.looseObject({ type: v.literal('refusal'), refusal: v.string() }),
  v.transform(({ refusal }) => ({ type: 'text' as const, text: refusal })),
);
const content = v.union([v.string(), v.array(v.variant('type', [textPart, refusalPart]))]);

const functionCall = v.looseObject({
  id: v.nullish(v.string()),
  type: v.optional(v.literal('function'), 'function'),
  function: v.looseObject({ name: text(256), arguments: v.union([v.string(), jsonObject()]) }),
});

/** A message of a conversation. Reasoning is taken under each of the names that clients send it back by. */
export const messageSchema = v.looseObject({
  role: v.picklist(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: v.nullish(content),
  name: v.nullish(v.string()),
  reasoning_content: v.nullish(v.string()),
  reasoning: v.nullish(v.string()),
  thinking: v.nullish(v.string()),
  tool_calls: v.nullish(v.array(v.union([functionCall, customCallSchema]))),
  tool_call_id: v.nullish(v.string()),
});

const functionTool = v.looseObject({
  type: v.literal('function'),
  function: v.looseObject({
    name: text(256),
    description: v.nullish(v.string()),
    parameters: v.nullish(jsonObject()),
    strict: v.nullish(v.boolean()),
  }),
});

/** A tool that may be called: a function, or one whose input is a text. */
export const toolSchema = v.variant('type', [functionTool, customToolSchema]);

const toolChoiceSchema = v.union([
  choiceWord,
  namedChoice,
  customChoiceSchema,
  allowedChoice(v.variant('type', [namedChoice, customChoiceSchema])),
]);

const responseFormatSchema = v.variant('type', [
  v.looseObject({ type: v.literal('text') }),
  v.looseObject({ type: v.literal('json_object'), schema: v.nullish(jsonObject()) }),
  v.looseObject({
    type: v.literal('json_schema'),
    json_schema: v.looseObject({
      name: v.nullish(v.string()),
      schema: v.nullish(v.union([jsonObject(), v.boolean()])),
      strict: v.nullish(v.boolean()),
    }),
  }),
]);

/** Log-probabilities are asked for with two fields here, not with one. */
const { logprobs: _logprobs, prompt_logprobs: _promptLogprobs, ...sampling } = samplingFields;

/** The body of `POST /v1/chat/completions`. Fields that the API has and we do not know are ignored, as that API does. */
export const chatSchema = v.looseObject({
  model: v.nullish(text(256)),
  lora: v.nullish(loraList()),
  messages: v.pipe(list(messageSchema, MAX_MESSAGES), v.minLength(1)),
  stream: v.nullish(v.boolean()),
  stream_options: v.nullish(v.looseObject({ include_usage: v.nullish(v.boolean()) })),
  max_tokens: v.nullish(count(-1)),
  max_completion_tokens: v.nullish(count(-1)),
  n: v.nullish(integer(1, 128)),
  logprobs: v.nullish(v.boolean()),
  top_logprobs: v.nullish(integer(0, 20)),
  response_format: v.nullish(responseFormatSchema),
  tools: v.nullish(list(toolSchema, MAX_TOOLS)),
  tool_choice: v.nullish(toolChoiceSchema),
  parallel_tool_calls: v.nullish(v.boolean()),
  reasoning_effort: v.nullish(reasoningEffort()),
  chat_template_kwargs: v.nullish(jsonObject()),
  /** llama-server's names for the tokens that a model may reason for; -1: as many as it wants. */
  reasoning_budget_tokens: v.nullish(count(-1)),
  thinking_budget_tokens: v.nullish(count(-1)),
  return_progress: v.nullish(v.boolean()),
  timings_per_token: v.nullish(v.boolean()),
  verbose: v.nullish(v.boolean()),
  ...cacheFields,
  add_generation_prompt: v.nullish(v.boolean()),
  continue_final_message: v.nullish(v.boolean()),
  documents: v.nullish(list(v.looseObject({ title: v.nullish(v.string()), text: v.string() }), MAX_DOCUMENTS)),
  ...sampling,
  seed: v.nullish(integer(Number.MIN_SAFE_INTEGER)),
  top_p: v.nullish(number(0, 1)),
});

export type ChatBody = v.InferOutput<typeof chatSchema>;
export type ChatBodyMessage = v.InferOutput<typeof messageSchema>;
