import type { ToolDefinition } from '@starling/chat';
import { parameterError } from '@starling/core';
import * as v from 'valibot';
import { cacheTermsOf, refusePriority } from '../../cache-fields.js';
import type { ServedModel } from '../../../parts.js';
import type { ChatRequest } from '@starling/engine';
import { toolChoiceOf } from '../../function-tools.js';
import { samplingOf, seedOf } from '../../sampling.js';
import { flatCustomToolSchema, functionOfText } from '../custom-tools.js';
import { messagesOf, type FindItem } from './items.js';
import type { ItemBody, ResponsesBody } from './schema.js';

/** What the API uses where a client says nothing. */
export const DEFAULTS = { temperature: 1, topP: 1 } as const;

/** The items of a body's input. */
export function inputItemsOf({ input }: ResponsesBody): readonly ItemBody[] {
  return typeof input === 'string'
    ? [{ type: 'message', role: 'user', content: [{ type: 'input_text', text: input }] }]
    : (input ?? []);
}

/**
 * The conversation of a body as it is answered.
 * @param items what was said before, and the body's own input
 * @throws StarlingError invalid_request for what is known and cannot be had, by name
 */
export function chatRequestOf(
  body: ResponsesBody,
  { defaults }: ServedModel,
  items: readonly ItemBody[],
  id: string,
  find: FindItem,
): ChatRequest {
  refusePriority(body);
  refuseUnavailable(body);
  const tools = functionsOf(body);
  const { choice, callable } = toolChoiceOf(choiceOf(body.tool_choice), tools);
  const { effort } = body.reasoning ?? {};
  const messages = messagesOf(items, find);
  return {
    ...(defaults.sampling === undefined && DEFAULTS),
    ...samplingOf(body),
    ...seedOf(body.seed),
    ...formatOf(body),
    ...cacheTermsOf(body),
    id,
    messages:
      body.instructions == null || body.instructions === ''
        ? messages
        : [{ role: 'system', content: body.instructions }, ...messages],
    tools,
    callable,
    toolChoice: choice,
    strictTools: strictToolsOf(body),
    parallelToolCalls: (body.parallel_tool_calls ?? true) && body.max_tool_calls !== 1,
    ...(effort != null && {
      templateVariables: { reasoning_effort: effort, ...(effort === 'none' && { enable_thinking: false }) },
    }),
    progress: body.return_progress === true || body.timings_per_token === true,
    maxTokens: body.max_output_tokens ?? undefined,
    logprobs: asksLogprobs(body) ? (body.top_logprobs ?? 0) : undefined,
  };
}

const asksLogprobs = ({ include }: ResponsesBody): boolean =>
  include?.includes('message.output_text.logprobs') === true;

/**
 * Functions can be called here, and custom tools whose input is free or has a pattern. Tools that a vendor runs and inputs in a grammar that is not known
 * are shown to nobody: clients send them whether or not they are needed.
 */
function functionsOf({ tools }: ResponsesBody): readonly ToolDefinition[] {
  return (tools ?? []).flatMap((tool) => {
    const custom = customOf(tool);
    if (custom)
      return [
        functionOfText(
          custom.name,
          custom.description,
          custom.format?.type === 'grammar' ? custom.format.definition : undefined,
        ),
      ];
    const { type, name, description, parameters } = tool;
    return type !== 'function' || name == null
      ? []
      : [
          {
            type: 'function' as const,
            function: { name, ...(description != null && { description }), ...(parameters != null && { parameters }) },
          },
        ];
  });
}

/** Functions that say that their schemas are to be kept to, and custom tools with a pattern, which always are. */
const strictToolsOf = ({ tools }: ResponsesBody): readonly string[] =>
  (tools ?? []).flatMap((tool) => {
    const isStrict = customOf(tool)?.format?.type === 'grammar' || (tool.type === 'function' && tool.strict === true);
    return isStrict && tool.name != null ? [tool.name] : [];
  });

type Tool = NonNullable<ResponsesBody['tools']>[number];

const customOf = (tool: Tool) => (v.is(flatCustomToolSchema, tool) ? tool : undefined);

/** The names of custom tools that can be called. */
export const customNamesOf = ({ tools }: ResponsesBody): ReadonlySet<string> =>
  new Set((tools ?? []).flatMap((tool) => customOf(tool)?.name ?? []));

/** The same choice as the chat API writes it. */
function choiceOf(choice: ResponsesBody['tool_choice']): Parameters<typeof toolChoiceOf>[0] {
  if (choice == null || typeof choice === 'string') return choice;
  if (choice.type !== 'allowed_tools') return { type: 'function', function: { name: choice.name } };
  const tools = choice.tools.flatMap(({ type, name }) =>
    (type === 'function' || type === 'custom') && name != null
      ? [{ type: 'function' as const, function: { name } }]
      : [],
  );
  return { type: 'allowed_tools', allowed_tools: { mode: choice.mode, tools } };
}

function formatOf({ text }: ResponsesBody): Pick<ChatRequest, 'jsonSchema'> {
  const format = text?.format;
  if (format?.type === 'json_schema') return { jsonSchema: format.schema ?? true };
  return format?.type === 'json_object' ? { jsonSchema: { type: 'object' } } : {};
}

function refuseUnavailable({ background, conversation, prompt, truncation }: ResponsesBody): void {
  if (background === true)
    throw parameterError(
      'invalid_request',
      'background',
      'an answer is computed while its client waits: leave the field out, or stream',
    );
  if (conversation != null)
    throw parameterError(
      'invalid_request',
      'conversation',
      'conversations are not kept under names: send previous_response_id, or the whole input',
    );
  if (prompt != null)
    throw parameterError('invalid_request', 'prompt', 'no prompts are kept here: send instructions and input');
  if (truncation === 'auto')
    throw parameterError(
      'invalid_request',
      'truncation',
      'a context is never cut silently: send "disabled", and a shorter input where it is too long',
    );
}
