import * as v from 'valibot';
import {
  list,
  count,
  fields,
  integer,
  jsonObject,
  sessionId,
  text,
  tokenIds,
  withoutNulls,
} from '../../schemas/fields.js';
import { MAX_TOOLS, toolChoiceSchema } from '../function-tools.js';
import { loraList } from '../lora.js';
import { samplingFields } from '../../schemas/sampling.js';

const toolCall = fields({
  id: v.nullish(v.string()),
  type: v.optional(v.literal('function'), 'function'),
  function: fields({ name: text(256), arguments: v.union([v.string(), jsonObject()]) }),
});

const message = v.pipe(
  fields({
    role: text(64),
    content: v.nullish(v.string()),
    name: v.nullish(v.string()),
    reasoning_content: v.nullish(v.string()),
    tool_calls: v.nullish(v.array(toolCall)),
    tool_call_id: v.nullish(v.string()),
  }),
  v.forward(
    v.check(
      ({ content, tool_calls: calls }) => content != null || (calls != null && calls.length > 0),
      'a text is required, unless there are "tool_calls"',
    ),
    ['content'],
  ),
);

const tool = fields({
  type: v.literal('function'),
  function: fields({
    name: text(256),
    description: v.nullish(v.string()),
    parameters: v.nullish(jsonObject()),
    strict: v.nullish(v.boolean()),
  }),
});

/** The body of `POST /v1/generate`. */
export const generateSchema = v.pipe(
  fields({
    prompt: v.nullish(v.union([v.string(), tokenIds()])),
    messages: v.nullish(v.pipe(v.array(message), v.minLength(1))),
    model: v.nullish(text(256)),
    tools: v.nullish(list(tool, MAX_TOOLS)),
    tool_choice: v.nullish(toolChoiceSchema),
    parallel_tool_calls: v.nullish(v.boolean()),
    n: v.nullish(integer(1, 128)),
    stream: v.nullish(v.boolean(), false),
    max_tokens: v.nullish(count()),
    priority: v.nullish(integer(-1000, 1000)),
    deadline_ms: v.nullish(integer(1, 2 ** 31 - 1)),
    max_wait_ms: v.nullish(integer(1, 2 ** 31 - 1)),
    session_id: v.nullish(sessionId()),
    cache_salt: v.nullish(text(256)),
    cache_prompt: v.nullish(v.boolean()),
    lora: v.nullish(loraList()),
    ...samplingFields,
  }),
  v.transform(withoutNulls),
  v.forward(
    v.check(
      (body) => body.prompt !== undefined || body.messages !== undefined || body.session_id !== undefined,
      '"prompt" (a string or token ids) or "messages" is required',
    ),
    ['prompt'],
  ),
  v.forward(
    v.check(
      (body) => body.prompt === undefined || body.messages === undefined,
      '"prompt" and "messages" exclude each other: send one of them',
    ),
    ['messages'],
  ),
  v.forward(
    v.check(
      (body) => (body.tools ?? []).length === 0 || body.messages !== undefined,
      '"tools" are for "messages": a prompt is continued as it stands',
    ),
    ['tools'],
  ),
  v.forward(
    v.check(
      (body) => body.grammar === undefined || body.json_schema === undefined,
      '"grammar" and "json_schema" exclude each other: send one of them',
    ),
    ['json_schema'],
  ),
);

export type GenerateBody = v.InferOutput<typeof generateSchema>;
