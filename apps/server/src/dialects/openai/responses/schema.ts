import * as v from 'valibot';
import { cacheFields } from '../../cache-fields.js';
import { MAX_TOOLS } from '../../function-tools.js';
import { list, count, integer, jsonObject, number, reasoningEffort, text } from '../../../schemas/fields.js';
import { samplingFields } from '../../../schemas/sampling.js';

/** Items of one request, and parts of one item, at most. */
const MAX_ITEMS = 16_384;
const MAX_METADATA = 16;

const textKinds = ['input_text', 'output_text', 'text', 'reasoning_text', 'summary_text', 'refusal'] as const;
/** A part of a content. What is no text is refused where it is read, by its name. */
export const partSchema = v.looseObject({
  type: v.string(),
  text: v.nullish(v.string()),
  refusal: v.nullish(v.string()),
});
export const TEXT_KINDS: ReadonlySet<string> = new Set(textKinds);

const content = v.union([v.string(), v.array(partSchema)]);

/** An item of the conversation as this server makes and calls for them. A message may leave out its type. */
const ownItem = v.looseObject({
  type: v.nullish(v.string()),
  id: v.nullish(v.string()),
  role: v.nullish(v.string()),
  content: v.nullish(content),
  summary: v.nullish(v.array(partSchema)),
  call_id: v.nullish(v.string()),
  name: v.nullish(v.string()),
  arguments: v.nullish(v.string()),
  input: v.nullish(v.string()),
  output: v.nullish(content),
});

/** Items that come of tools which nobody calls from here: clients send the history that another server made. */
const servedKinds = [
  'web_search_call',
  'file_search_call',
  'code_interpreter_call',
  'image_generation_call',
  'computer_call',
  'computer_call_output',
  'local_shell_call',
  'local_shell_call_output',
  'shell_call',
  'shell_call_output',
  'apply_patch_call',
  'apply_patch_call_output',
  'tool_search_call',
  'tool_search_output',
  'mcp_call',
  'mcp_list_tools',
  'mcp_approval_request',
  'mcp_approval_response',
] as const;
const servedItem = v.looseObject({
  type: v.picklist(servedKinds),
  id: v.nullish(v.string()),
  call_id: v.nullish(v.string()),
});

export const itemSchema = v.union([ownItem, servedItem]);

/** Tools are flat here. Of those that are no functions only their type is known. */
export const toolSchema = v.looseObject({
  type: v.string(),
  name: v.nullish(v.string()),
  description: v.nullish(v.string()),
  parameters: v.nullish(jsonObject()),
});

const allowedTool = v.looseObject({ type: v.string(), name: v.nullish(v.string()) });
export const toolChoiceSchema = v.union([
  v.picklist(['none', 'auto', 'required']),
  v.looseObject({ type: v.picklist(['function', 'custom']), name: v.string() }),
  v.looseObject({
    type: v.literal('allowed_tools'),
    mode: v.picklist(['auto', 'required']),
    tools: v.array(allowedTool),
  }),
]);

const format = v.variant('type', [
  v.looseObject({ type: v.literal('text') }),
  v.looseObject({ type: v.literal('json_object') }),
  v.looseObject({
    type: v.literal('json_schema'),
    name: v.nullish(v.string()),
    schema: v.nullish(v.union([jsonObject(), v.boolean()])),
    strict: v.nullish(v.boolean()),
  }),
]);

const { logprobs: _logprobs, prompt_logprobs: _promptLogprobs, ...sampling } = samplingFields;

const metadata = v.pipe(
  jsonObject(),
  v.check(
    (values) =>
      Object.keys(values).length <= MAX_METADATA && Object.values(values).every((value) => typeof value === 'string'),
    `at most ${MAX_METADATA} texts`,
  ),
);

/** The body of `POST /v1/responses`. Fields that the API has and we do not know are ignored, as that API does. */
export const responsesSchema = v.looseObject({
  model: v.nullish(text(256)),
  input: v.nullish(v.union([v.string(), list(itemSchema, MAX_ITEMS)])),
  instructions: v.nullish(v.string()),
  previous_response_id: v.nullish(text(128)),
  store: v.nullish(v.boolean()),
  stream: v.nullish(v.boolean()),
  background: v.nullish(v.boolean()),
  max_output_tokens: v.nullish(count(1)),
  tools: v.nullish(list(toolSchema, MAX_TOOLS)),
  tool_choice: v.nullish(toolChoiceSchema),
  parallel_tool_calls: v.nullish(v.boolean()),
  max_tool_calls: v.nullish(count(1)),
  text: v.nullish(v.looseObject({ format: v.nullish(format), verbosity: v.nullish(v.string()) })),
  reasoning: v.nullish(v.looseObject({ effort: v.nullish(reasoningEffort()), summary: v.nullish(v.string()) })),
  include: v.nullish(v.array(v.string())),
  top_logprobs: v.nullish(integer(0, 20)),
  truncation: v.nullish(v.picklist(['auto', 'disabled'])),
  metadata: v.nullish(metadata),
  user: v.nullish(v.string()),
  safety_identifier: v.nullish(v.string()),
  prompt_cache_key: v.nullish(v.string()),
  service_tier: v.nullish(v.string()),
  conversation: v.optional(v.unknown()),
  prompt: v.optional(v.unknown()),
  ...cacheFields,
  /** llama-server's: how far the prompt is, and how fast tokens come. */
  return_progress: v.nullish(v.boolean()),
  timings_per_token: v.nullish(v.boolean()),
  ...sampling,
  seed: v.nullish(integer(Number.MIN_SAFE_INTEGER)),
  top_p: v.nullish(number(0, 1)),
});

export type ResponsesBody = v.InferOutput<typeof responsesSchema>;
export type ItemBody = v.InferOutput<typeof itemSchema>;
export type ServedItem = v.InferOutput<typeof servedItem>;
export type PartBody = v.InferOutput<typeof partSchema>;

const SERVED: ReadonlySet<unknown> = new Set(servedKinds);
export const isServedItem = (item: ItemBody): item is ServedItem => SERVED.has(item.type);
