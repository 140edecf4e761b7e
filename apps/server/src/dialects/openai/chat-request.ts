import { StarlingError } from '@starling/core';
import { cacheTermsOf, refusePriority } from '../cache-fields.js';
import { strictToolsOf, toolChoiceOf, toolsOf } from '../function-tools.js';
import { samplingOf, seedOf } from '../sampling.js';
import type { ServedModel } from '../../parts.js';
import type { ChatRequest } from '@starling/engine';
import type { ChatBody } from './chat-schema.js';
import { continuedConversation } from './conversation.js';

/** What the API uses where a client says nothing. */
const DEFAULTS = { temperature: 1, topP: 1 } as const;

/**
 * The conversation of a body as it is answered.
 * @throws StarlingError invalid_request for what is known and cannot be had, by name
 */
export function chatRequestOf(body: ChatBody, { defaults }: ServedModel, id: string): ChatRequest {
  refusePriority(body);
  refuseUnavailable(body);
  refuseTemplate(body);
  const tools = toolsOf(body.tools);
  const { choice, callable } = toolChoiceOf(body.tool_choice, tools);
  const maxTokens = body.max_completion_tokens ?? body.max_tokens;
  return {
    ...(defaults.sampling === undefined && DEFAULTS),
    ...samplingOf(body),
    ...seedOf(body.seed),
    ...formatOf(body),
    id,
    ...continuedConversation(body),
    tools,
    callable,
    toolChoice: choice,
    strictTools: strictToolsOf(body.tools),
    parallelToolCalls: body.parallel_tool_calls ?? true,
    templateVariables: templateVariablesOf(body),
    documents: body.documents?.map(({ title, text }) => ({ ...(title != null && { title }), text })),
    maxTokens: maxTokens == null ? undefined : maxTokens < 0 ? Infinity : maxTokens,
    stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? undefined),
    n: body.n ?? undefined,
    reasoningTokens: reasoningTokensOf(body),
    ...cacheTermsOf(body),
    progress: body.return_progress === true || body.timings_per_token === true,
    logprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : undefined,
  };
}

/** A schema for the answer, or a grammar; not both. */
function formatOf({
  response_format: format,
  grammar,
  json_schema: schema,
}: ChatBody): Pick<ChatRequest, 'jsonSchema' | 'grammar'> {
  if (grammar != null) return { grammar };
  if (format?.type === 'json_schema') return { jsonSchema: format.json_schema.schema ?? true };
  if (format?.type === 'json_object') return { jsonSchema: format.schema ?? { type: 'object' } };
  return schema == null ? {} : { jsonSchema: schema };
}

function templateVariablesOf({
  chat_template_kwargs: given,
  reasoning_effort: effort,
}: ChatBody): Record<string, unknown> | undefined {
  if (given == null && effort == null) return undefined;
  return {
    ...(effort != null && { reasoning_effort: effort, ...(effort === 'none' && { enable_thinking: false }) }),
    ...given,
  };
}

function reasoningTokensOf({
  reasoning_budget_tokens: budget,
  thinking_budget_tokens: other,
}: ChatBody): number | undefined {
  const tokens = budget ?? other;
  return tokens == null ? undefined : tokens < 0 ? Infinity : tokens;
}

/** @throws StarlingError invalid_request for a template of the request's own */
export function refuseTemplate({ chat_template: template }: Readonly<Record<string, unknown>>): void {
  if (template != null && template !== '')
    throw refused(
      'chat_template',
      'chat_template is for whoever starts the server (--chat-template): leave it out, and send chat_template_kwargs for what a template is told',
    );
}

function refuseUnavailable(body: Readonly<Record<string, unknown>>): void {
  const {
    audio,
    modalities,
    top_logprobs: topLogprobs,
    logprobs,
    functions,
    function_call: functionCall,
    web_search_options: webSearch,
  } = body;
  if (audio != null) throw refused('audio', 'audio cannot be made by this server: leave the field out');
  if (Array.isArray(modalities) && modalities.some((one) => one !== 'text'))
    throw refused('modalities', 'modalities can only be ["text"]');
  if (topLogprobs != null && logprobs !== true) throw refused('top_logprobs', 'top_logprobs needs "logprobs": true');
  if (functionCall != null)
    throw refused('function_call', 'function_call is an older form: send "tool_choice", with "tools"');
  if (webSearch != null)
    throw refused(
      'web_search_options',
      'web_search_options cannot be had: this server searches nothing; leave the field out, or offer a tool of your own',
    );
  if (functions != null) throw refused('functions', 'functions are an older form: send "tools"');
}

function refused(param: string, message: string): StarlingError {
  return new StarlingError('invalid_request', message, { details: { param } });
}
