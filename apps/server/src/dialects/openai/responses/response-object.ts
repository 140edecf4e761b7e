import type { DonePart } from '@starling/engine';
import type { OutputItem } from './output.js';
import { DEFAULTS } from './request.js';
import type { ResponsesBody } from './schema.js';

/** How a response stands. */
export interface ResponseState {
  readonly status: 'in_progress' | 'completed' | 'incomplete' | 'failed' | 'cancelled';
  readonly output: readonly OutputItem[];
  readonly done?: DonePart;
  readonly reasoningTokens?: number;
  readonly error?: { readonly code: string; readonly message: string };
  /** Seconds of Unix time. */
  readonly completedAt?: number;
}

/** What is known of a response from its beginning. */
export interface ResponseHead {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly body: ResponsesBody;
}

/** The object `response`, with all fields that the API demands; those without a value are null. */
export function responseObject(
  { id, created, model, body }: ResponseHead,
  { status, output, done, reasoningTokens = 0, error, completedAt }: ResponseState,
): Record<string, unknown> {
  return {
    id,
    object: 'response',
    created_at: created,
    completed_at: completedAt ?? null,
    status,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    model,
    previous_response_id: body.previous_response_id ?? null,
    instructions: body.instructions ?? null,
    output,
    error: error ?? null,
    tools: (body.tools ?? []).map((tool) =>
      tool.type === 'function'
        ? {
            ...tool,
            description: tool.description ?? null,
            parameters: tool.parameters ?? null,
            strict: tool.strict ?? null,
          }
        : tool,
    ),
    tool_choice: body.tool_choice ?? 'auto',
    truncation: body.truncation ?? 'disabled',
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    text: { ...body.text, format: formatOf(body.text?.format) },
    top_p: body.top_p ?? DEFAULTS.topP,
    presence_penalty: body.presence_penalty ?? 0,
    frequency_penalty: body.frequency_penalty ?? 0,
    top_logprobs: body.top_logprobs ?? 0,
    temperature: body.temperature ?? DEFAULTS.temperature,
    reasoning: { effort: body.reasoning?.effort ?? null, summary: body.reasoning?.summary ?? null },
    user: body.user ?? null,
    usage: done === undefined ? null : usageOf(done, reasoningTokens),
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    store: body.store ?? true,
    background: false,
    service_tier: body.service_tier ?? 'default',
    metadata: body.metadata ?? {},
    safety_identifier: body.safety_identifier ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
  };
}

/** The format as it was asked for, with what it left out. */
function formatOf(format: NonNullable<ResponsesBody['text']>['format']): object {
  return format?.type === 'json_schema'
    ? { description: null, ...format, name: format.name ?? '', strict: format.strict ?? false }
    : (format ?? { type: 'text' });
}

function usageOf(
  { usage: { promptTokens, cachedTokens, completionTokens } }: DonePart,
  reasoningTokens: number,
): object {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: Math.min(reasoningTokens, completionTokens) },
    total_tokens: promptTokens + completionTokens,
  };
}
