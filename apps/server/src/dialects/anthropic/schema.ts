import * as v from 'valibot';
import { cacheFields } from '../cache-fields.js';
import { MAX_TOOLS } from '../function-tools.js';
import { list, count, jsonObject, number, text } from '../../schemas/fields.js';

const MAX_MESSAGES = 16_384;
const MAX_STOPS = 64;

const textBlock = v.looseObject({ type: v.literal('text'), text: v.string() });
const thinkingBlock = v.looseObject({ type: v.literal('thinking'), thinking: v.string() });
/** Nobody but the vendor can read it. */
const redactedBlock = v.looseObject({ type: v.literal('redacted_thinking') });
const toolUseBlock = v.looseObject({
  type: v.literal('tool_use'),
  id: v.string(),
  name: text(256),
  input: jsonObject(),
});
/** A document whose text is there; files and addresses are refused by the type of their source. */
const documentBlock = v.looseObject({
  type: v.literal('document'),
  title: v.nullish(v.string()),
  context: v.nullish(v.string()),
  source: v.variant('type', [
    v.looseObject({ type: v.literal('text'), data: v.string() }),
    v.looseObject({ type: v.literal('content'), content: v.union([v.string(), v.array(textBlock)]) }),
  ]),
});
const searchResultBlock = v.looseObject({
  type: v.literal('search_result'),
  source: v.string(),
  title: v.string(),
  content: v.array(textBlock),
});
const toolReferenceBlock = v.looseObject({ type: v.literal('tool_reference'), tool_name: v.string() });
const toolResultBlock = v.looseObject({
  type: v.literal('tool_result'),
  tool_use_id: v.string(),
  content: v.nullish(
    v.union([
      v.string(),
      v.array(v.variant('type', [textBlock, documentBlock, searchResultBlock, toolReferenceBlock])),
    ]),
  ),
  is_error: v.nullish(v.boolean()),
});

/** What the vendor's servers called, and what came of it: clients send the history that they made. */
const servedUseBlock = v.looseObject({
  type: v.picklist(['server_tool_use', 'mcp_tool_use']),
  id: v.string(),
  name: text(256),
  input: v.nullish(jsonObject()),
});
const servedResultBlock = v.looseObject({
  type: v.picklist([
    'web_search_tool_result',
    'web_fetch_tool_result',
    'code_execution_tool_result',
    'bash_code_execution_tool_result',
    'text_editor_code_execution_tool_result',
    'tool_search_tool_result',
    'advisor_tool_result',
    'mcp_tool_result',
  ]),
  tool_use_id: v.string(),
  content: v.optional(v.unknown()),
  is_error: v.nullish(v.boolean()),
});

export const blockSchema = v.variant('type', [
  textBlock,
  thinkingBlock,
  redactedBlock,
  toolUseBlock,
  toolResultBlock,
  documentBlock,
  searchResultBlock,
  servedUseBlock,
  servedResultBlock,
]);

export const messageSchema = v.looseObject({
  role: v.picklist(['user', 'assistant', 'system']),
  content: v.union([v.string(), v.array(blockSchema)]),
});

/** A tool of the client's. Tools that the vendor runs on its own servers have a type of their own, and are not offered to the model. */
const toolSchema = v.looseObject({
  type: v.nullish(v.string()),
  name: text(256),
  description: v.nullish(v.string()),
  input_schema: v.nullish(jsonObject()),
  strict: v.nullish(v.boolean()),
});

const fields = {
  model: v.nullish(text(256)),
  messages: v.pipe(list(messageSchema, MAX_MESSAGES), v.minLength(1)),
  system: v.nullish(v.union([v.string(), v.array(textBlock)])),
  tools: v.nullish(list(toolSchema, MAX_TOOLS)),
  tool_choice: v.nullish(
    v.variant('type', [
      v.looseObject({ type: v.picklist(['auto', 'any', 'none']), disable_parallel_tool_use: v.nullish(v.boolean()) }),
      v.looseObject({ type: v.literal('tool'), name: v.string(), disable_parallel_tool_use: v.nullish(v.boolean()) }),
    ]),
  ),
  thinking: v.nullish(
    v.looseObject({
      type: v.picklist(['enabled', 'disabled', 'adaptive']),
      budget_tokens: v.nullish(count(0)),
      display: v.nullish(v.picklist(['summarized', 'omitted'])),
    }),
  ),
};

const format = v.looseObject({ type: v.literal('json_schema'), schema: jsonObject() });

/** Servers of tools would be called from here. */
const noServers = v.nullish(
  v.pipe(
    v.array(v.unknown()),
    v.check((list) => list.length === 0, 'this server calls no others: offer their tools as tools of yours'),
  ),
);

/** The body of `POST /v1/messages`. Unknown fields are ignored, as that API's servers for other models do. */
export const messagesSchema = v.looseObject({
  ...fields,
  max_tokens: count(1),
  mcp_servers: noServers,
  stream: v.nullish(v.boolean()),
  stop_sequences: v.nullish(list(text(1024), MAX_STOPS)),
  temperature: v.nullish(number(0)),
  top_p: v.nullish(number(0, 1)),
  top_k: v.nullish(count(-1)),
  output_config: v.nullish(
    v.looseObject({
      effort: v.nullish(v.picklist(['low', 'medium', 'high', 'xhigh', 'max'])),
      format: v.nullish(format),
    }),
  ),
  /** Where older clients have `output_config.format`. */
  output_format: v.nullish(format),
  ...cacheFields,
});

/** The body of `POST /v1/messages/count_tokens`. */
export const countTokensSchema = v.looseObject(fields);

export type MessagesBody = v.InferOutput<typeof messagesSchema>;
export type ConversationBody = v.InferOutput<typeof countTokensSchema>;
export type MessageBody = v.InferOutput<typeof messageSchema>;
export type Block = v.InferOutput<typeof blockSchema>;
export type ResultBlock = v.InferOutput<typeof toolResultBlock> | v.InferOutput<typeof servedResultBlock>;

type UseBlock = Extract<Block, { readonly name: string }>;
/** Whether a block is a call, whoever made it. */
export const isUse = (block: Block): block is UseBlock =>
  block.type === 'tool_use' || block.type === 'server_tool_use' || block.type === 'mcp_tool_use';
/** Whether a block is what came of a call. */
export const isResult = (block: Block): block is ResultBlock => block.type.endsWith('tool_result');
