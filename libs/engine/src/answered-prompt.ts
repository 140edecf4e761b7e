import type { AdapterChoice } from './adapters.js';
import type { GenerateRequest, SampleResult, Usage } from './generate-types.js';
import type { GenerationHost } from './generation-host.js';
import type { PreparedPrompt } from './prompt.js';
import { shownTokens } from './shown-tokens.js';

type CacheMiss = NonNullable<Usage['cacheMiss']>;

/** A prompt that was answered, and what it shares with others. */
export interface AnsweredPrompt {
  readonly host: Pick<GenerationHost, 'tokenizer' | 'memory' | 'encoder' | 'answered'>;
  readonly prompt: PreparedPrompt;
  /** Whose computed tokens it shares; undefined: nobody's. */
  readonly cacheKey: string | undefined;
}

/** Why fewer tokens were there already: whether others follow because the template wrote a message anew that was there before. */
export function explainedMiss({ host, prompt, cacheKey }: AnsweredPrompt, miss: CacheMiss): CacheMiss {
  const { encoded, chat, tokens } = prompt;
  if (miss.reason !== 'diverged' || encoded === undefined || chat === undefined || cacheKey === undefined) return miss;
  const front = tokens.length - encoded.tokens.length;
  const at = host.tokenizer.decode(encoded.tokens.subarray(0, Math.max(0, miss.position - front)), {
    continuation: true,
    cleanSpaces: false,
  }).length;
  const { messages } = chat.input;
  const span = chat.spans.find(({ end }) => end > at);
  const isKnown =
    span !== undefined &&
    messages[span.message]?.role === span.role &&
    host.memory.knows(cacheKey, messages, span.message);
  return isKnown ? { reason: 'rewritten', position: miss.position, message: span.message } : miss;
}

/** Has later prompts that hold these answers get the tokens that were generated, and their reasoning. */
export function rememberAnswers(
  { host, prompt: { encoded, chat, text }, cacheKey }: AnsweredPrompt,
  adapters: AdapterChoice,
  { prefill = '', showSpecial = false }: GenerateRequest,
  samples: readonly SampleResult[],
): void {
  if (encoded === undefined || cacheKey === undefined) return;
  if (chat && text !== undefined)
    host.answered({ chat: chat.input, prompt: text, cacheKey, adapters }, samples, prefill);
  for (const sample of samples)
    host.encoder.remember(cacheKey, encoded, shownTokens(sample, host.tokenizer, showSpecial));
}
