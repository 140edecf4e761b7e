import { z } from 'zod';

// What Open Responses demands of a response and of the events of its stream: every field, where it may be null, and no event beside these.

const int = z.number().int();
const text = z.string();
const orNull = <T extends z.ZodType>(type: T) => z.union([type, z.null()]);
const status = z.enum(['in_progress', 'completed', 'incomplete']);

const topLogprob = z.object({ token: text, logprob: z.number(), bytes: z.array(int) });
const logprobs = z.array(topLogprob.extend({ top_logprobs: z.array(topLogprob) })).optional();
const part = z.discriminatedUnion('type', [
  z.object({ type: z.literal('output_text'), text, annotations: z.array(z.never()), logprobs }),
  z.object({ type: z.literal('reasoning_text'), text }),
  z.object({ type: z.literal('summary_text'), text }),
  z.object({ type: z.literal('refusal'), refusal: text }),
]);

const item = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('message'),
    id: text.min(1),
    status,
    role: z.literal('assistant'),
    content: z.array(part),
  }),
  z.object({
    type: z.literal('function_call'),
    id: text.min(1),
    call_id: text.min(1),
    name: text,
    arguments: text,
    status,
  }),
  z.object({
    type: z.literal('reasoning'),
    id: text.min(1),
    summary: z.array(part),
    content: z.array(part).optional(),
  }),
]);

const format = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    name: text,
    description: orNull(text),
    schema: z.unknown(),
    strict: z.boolean(),
  }),
]);
const functionChoice = z.object({ type: z.literal('function'), name: text.optional() });
const choiceValue = z.enum(['none', 'auto', 'required']);

export const responseSchema = z.object({
  id: text.min(1),
  object: z.literal('response'),
  created_at: int,
  completed_at: orNull(int),
  status: z.enum(['queued', 'in_progress', 'completed', 'incomplete', 'failed', 'cancelled']),
  incomplete_details: orNull(z.object({ reason: text })),
  model: text,
  previous_response_id: orNull(text),
  instructions: orNull(text),
  output: z.array(item),
  error: orNull(z.object({ code: text, message: text })),
  tools: z.array(
    z.object({
      type: z.literal('function'),
      name: text,
      description: orNull(text),
      parameters: orNull(z.record(text, z.unknown())),
      strict: orNull(z.boolean()),
    }),
  ),
  tool_choice: z.union([
    functionChoice,
    choiceValue,
    z.object({ type: z.literal('allowed_tools'), tools: z.array(functionChoice), mode: choiceValue }),
  ]),
  truncation: z.enum(['auto', 'disabled']),
  parallel_tool_calls: z.boolean(),
  text: z.object({ format, verbosity: z.enum(['low', 'medium', 'high']).optional() }),
  top_p: z.number(),
  presence_penalty: z.number(),
  frequency_penalty: z.number(),
  top_logprobs: int,
  temperature: z.number(),
  reasoning: orNull(
    z.object({
      effort: orNull(z.enum(['none', 'minimal', 'low', 'medium', 'high', 'xhigh'])),
      summary: orNull(z.enum(['concise', 'detailed', 'auto'])),
    }),
  ),
  usage: orNull(
    z.object({
      input_tokens: int,
      output_tokens: int,
      total_tokens: int,
      input_tokens_details: z.object({ cached_tokens: int }),
      output_tokens_details: z.object({ reasoning_tokens: int }),
    }),
  ),
  max_output_tokens: orNull(int),
  max_tool_calls: orNull(int),
  store: z.boolean(),
  background: z.boolean(),
  service_tier: text,
  metadata: z.record(text, text),
  safety_identifier: orNull(text),
  prompt_cache_key: orNull(text),
});

const numbered = { sequence_number: int };
const ofItem = { ...numbered, item_id: text.min(1), output_index: int };
const ofContent = { ...ofItem, content_index: int };

const eventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.enum([
      'response.created',
      'response.queued',
      'response.in_progress',
      'response.completed',
      'response.failed',
      'response.incomplete',
    ]),
    ...numbered,
    response: responseSchema,
  }),
  z.object({
    type: z.enum(['response.output_item.added', 'response.output_item.done']),
    ...numbered,
    output_index: int,
    item,
  }),
  z.object({ type: z.enum(['response.content_part.added', 'response.content_part.done']), ...ofContent, part }),
  z.object({ type: z.literal('response.output_text.delta'), ...ofContent, delta: text, logprobs }),
  z.object({ type: z.literal('response.output_text.done'), ...ofContent, text, logprobs }),
  z.object({ type: z.literal('response.reasoning_text.delta'), ...ofContent, delta: text }),
  z.object({ type: z.literal('response.reasoning_text.done'), ...ofContent, text }),
  z.object({ type: z.literal('response.function_call_arguments.delta'), ...ofItem, delta: text }),
  z.object({ type: z.literal('response.function_call_arguments.done'), ...ofItem, arguments: text }),
]);

export type OpenResponse = z.infer<typeof responseSchema>;

/** The events of a stream, each held to its schema and to its name, and the response that the last one has. */
export function readEvents(stream: string): {
  readonly types: readonly string[];
  readonly last: OpenResponse | undefined;
} {
  const types: string[] = [];
  let last: OpenResponse | undefined;
  const blocks = stream.split('\n\n').filter((block) => block !== '' && !block.startsWith(':'));
  if (blocks.pop() !== 'data: [DONE]') throw new TypeError('the stream does not end with [DONE]');
  for (const [i, block] of blocks.entries()) {
    const [, name, data] = /^event: (\S+)\ndata: (.*)$/.exec(block) ?? [];
    const event = eventSchema.parse(JSON.parse(data));
    if (event.type !== name || event.sequence_number !== i)
      throw new TypeError(`event ${i} is called ${name} and ${event.type}, number ${event.sequence_number}`);
    types.push(event.type);
    if ('response' in event) last = event.response;
  }
  return { types, last };
}
