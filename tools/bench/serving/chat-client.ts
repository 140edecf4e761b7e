import { assert } from '@starling/core';
/** A message of a conversation. */
export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** What came of a turn of a conversation. */
export interface Turn {
  readonly text: string;
  /** Milliseconds from the question to the first piece of the answer. */
  readonly firstTokenMs: number;
  /** When each piece of the answer came, on the clock of `performance.now`. */
  readonly tokenAt: readonly number[];
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null; readonly reasoning_content?: string | null };
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number };
  } | null;
}

/**
 * Has a random model answer in letters of its vocabulary (`c` to `z`, by their ids there): text that comes to the same tokens when it is
 * tokenized again, as what trained models write nearly always does.
 */
const LETTERS = Object.fromEntries(Array.from({ length: 24 }, (_, i) => [66 + i, 100]));

/** Asks for an answer as OpenAI's clients do, and notes when its pieces come. Stops after `maxTokens`. */
export async function askChat(url: string, messages: readonly Message[], maxTokens: number): Promise<Turn> {
  const body = {
    messages,
    max_tokens: maxTokens,
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
    cache_prompt: true,
    logit_bias: LETTERS,
  };
  const asked = performance.now();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert(response.ok && response.body !== null, `${url} answers a chat with 200, not ${response.status}`);
  const tokenAt: number[] = [];
  let text = '';
  let usage: Chunk['usage'];
  let pending = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const now = performance.now();
    const lines = (pending + piece).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data: {')) continue;
      const chunk = JSON.parse(line.slice('data: '.length)) as Chunk;
      const { content, reasoning_content: reasoning } = chunk.choices?.[0]?.delta ?? {};
      if (content || reasoning) tokenAt.push(now);
      text += content ?? '';
      usage = chunk.usage ?? usage;
    }
  }
  assert(tokenAt.length > 0 && usage !== undefined && usage !== null, `${url} answers with tokens and figures`);
  return {
    text,
    firstTokenMs: tokenAt[0] - asked,
    tokenAt,
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
  };
}
