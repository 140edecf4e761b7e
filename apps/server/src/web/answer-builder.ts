import type { AnswerFacts, Figures, TokenChoice, ToolCall } from './conversation.js';

/** A chunk of `POST /v1/chat/completions`, as far as the page reads it. */
export interface Chunk {
  readonly model?: string;
  readonly choices?: readonly {
    readonly delta?: {
      readonly content?: string | null;
      readonly reasoning_content?: string;
      readonly tool_calls?: readonly CallDelta[];
    };
    readonly finish_reason?: 'stop' | 'length' | 'tool_calls' | null;
    readonly logprobs?: { readonly content: readonly Logprob[] } | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens: number };
  } | null;
  readonly timings?: {
    readonly prompt_per_second: number;
    readonly predicted_per_second: number;
    readonly first_token_ms: number;
    readonly queue_ms: number;
  };
  readonly prompt_progress?: Progress;
  readonly error?: { readonly code?: string; readonly message?: string };
}

/** How much of a prompt is computed, in tokens. */
export interface Progress {
  readonly total: number;
  readonly cache: number;
  readonly processed: number;
}

interface CallDelta {
  readonly index: number;
  readonly id?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

interface Logprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes?: readonly number[] | null;
  readonly top_logprobs?: readonly Logprob[];
}

/** Puts an answer together from the chunks of its stream. */
export class AnswerBuilder {
  text = '';
  reasoning = '';
  progress: Progress | undefined;
  /** Pieces that came so far. */
  pieces = 0;
  end: AnswerFacts['end'];
  failure: AnswerFacts['failure'];
  figures: Figures | undefined;
  model: string | undefined;
  readonly tokens: TokenChoice[] = [];
  readonly #calls: { id: string; name: string; arguments: string }[] = [];

  get calls(): readonly ToolCall[] {
    return this.#calls.filter(Boolean).map((call) => ({ ...call }));
  }

  push(chunk: Chunk): void {
    if (chunk.error) {
      this.end = 'failed';
      this.failure = {
        code: chunk.error.code ?? 'unknown',
        message: chunk.error.message ?? 'The server did not say what went wrong.',
      };
      return;
    }
    this.model = chunk.model ?? this.model;
    this.progress = chunk.prompt_progress ?? this.progress;
    if (chunk.usage) this.figures = figuresOf(chunk.usage, chunk.timings);
    const [choice] = chunk.choices ?? [];
    if (choice === undefined) return;
    const { content, reasoning_content: reasoning, tool_calls: calls } = choice.delta ?? {};
    if ((content ?? '') !== '' || reasoning !== undefined || calls !== undefined) this.pieces++;
    this.text += content ?? '';
    this.reasoning += reasoning ?? '';
    for (const call of calls ?? []) this.#pushCall(call);
    for (const entry of choice.logprobs?.content ?? [])
      this.tokens.push({
        text: textOf(entry),
        probability: Math.exp(entry.logprob),
        others: (entry.top_logprobs ?? []).map((other) => [textOf(other), Math.exp(other.logprob)]),
      });
    this.end = choice.finish_reason ?? this.end;
  }

  #pushCall({ index, id, function: part }: CallDelta): void {
    const call = (this.#calls[index] ??= { id: id ?? `call_${index}`, name: '', arguments: '' });
    call.name += part?.name ?? '';
    call.arguments += part?.arguments ?? '';
  }
}

function figuresOf(usage: NonNullable<Chunk['usage']>, timings: Chunk['timings']): Figures {
  return {
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
    tokens: usage.completion_tokens,
    ...(timings && {
      promptPerSecond: timings.prompt_per_second,
      tokensPerSecond: timings.predicted_per_second,
      firstTokenMs: timings.first_token_ms,
      queueMs: timings.queue_ms,
    }),
  };
}

/** Some tokens are a part of a character: they are shown by their bytes. */
function textOf({ token, bytes }: Logprob): string {
  return token.includes('\ufffd') && bytes
    ? bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
    : token;
}
