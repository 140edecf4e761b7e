import { pastedSchema, pastedTools, type ChatSettings } from './chat-settings.js';
import { isEmptyAnswer, type Turn } from './conversation.js';

/** Alternatives that are told of each token. */
const CHANCES = 5;

/** What is said so far, as the API has it. */
interface BodyMessage {
  readonly role: string;
  readonly content: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly type: 'function';
    readonly function: { readonly name: string; readonly arguments: string };
  }[];
  readonly tool_call_id?: string;
}

/** The body of `POST /v1/chat/completions`, as far as the page makes use of it. */
export interface ChatBody {
  readonly model?: string;
  readonly messages: readonly BodyMessage[];
  readonly stream: true;
  readonly stream_options: { readonly include_usage: true };
  readonly return_progress: true;
  readonly temperature?: number;
  readonly top_k?: number;
  readonly top_p?: number;
  readonly min_p?: number;
  readonly repeat_penalty?: number;
  readonly presence_penalty?: number;
  readonly frequency_penalty?: number;
  readonly max_tokens?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  readonly reasoning_effort?: string;
  readonly logprobs?: true;
  readonly top_logprobs?: number;
  readonly response_format?: {
    readonly type: 'json_schema';
    readonly json_schema: { readonly name: string; readonly schema: object };
  };
  readonly tools?: readonly object[];
}

/** The body of `POST /v1/chat/completions` for the next answer after a path of turns. */
export function requestBody(path: readonly Turn[], settings: ChatSettings): ChatBody {
  const schema = pastedSchema(settings.schema);
  const tools = pastedTools(settings.tools);
  const stop = (settings.stop ?? '').split('\n').filter((line) => line !== '');
  const system = (settings.system ?? '').trim();
  return {
    model: settings.model,
    messages: [
      ...(system === '' ? [] : [{ role: 'system', content: system }]),
      ...path.filter((turn) => !isEmptyAnswer(turn)).map(messageOf),
    ],
    stream: true,
    stream_options: { include_usage: true },
    return_progress: true,
    temperature: settings.temperature,
    top_k: settings.topK,
    top_p: settings.topP,
    min_p: settings.minP,
    repeat_penalty: settings.repeatPenalty,
    presence_penalty: settings.presencePenalty,
    frequency_penalty: settings.frequencyPenalty,
    max_tokens: settings.maxTokens,
    seed: settings.seed,
    ...(stop.length > 0 && { stop }),
    ...(settings.reasoning !== undefined && { reasoning_effort: settings.reasoning }),
    ...(settings.showsChances === true && { logprobs: true, top_logprobs: CHANCES }),
    ...(schema.kind === 'value' && {
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: schema.value } },
    }),
    ...(tools.kind === 'value' && { tools: tools.value }),
  };
}

function messageOf({ role, text, reasoning, calls, callId }: Turn): BodyMessage {
  if (role === 'tool') return { role, content: text, tool_call_id: callId };
  return {
    role,
    content: text,
    ...(reasoning !== undefined && reasoning !== '' && { reasoning_content: reasoning }),
    ...(calls !== undefined &&
      calls.length > 0 && {
        tool_calls: calls.map(({ id, name, arguments: values }) => ({
          id,
          type: 'function',
          function: { name, arguments: values },
        })),
      }),
  };
}
