import type {
  DonePart,
  DrawnToken,
  StopReason,
  TokenDraw,
  TokenLogprobs,
  TokenPart,
  TokenProbability,
} from '@starling/engine';
import type { ServedModel } from '../../parts.js';
import { finite } from '../finite-logprob.js';
import { timingsOf } from '../timings.js';
import type { CompletionFields } from './completion-schema.js';
import { generationSettings } from './generation-settings.js';

/** What a chunk and the last body say of why an answer ended. */
const STOP_TYPES = {
  end_of_generation: 'eos',
  constraint_complete: 'eos',
  stop_string: 'word',
  max_tokens: 'limit',
  context_end: 'limit',
  deadline: 'limit',
  cancelled: 'none',
} as const satisfies Record<StopReason['kind'], string>;

/** One prompt of a request and its place among them. */
export interface CompletionHead {
  readonly model: ServedModel;
  readonly body: CompletionFields;
  readonly promptTokens: Uint32Array;
  readonly index: number;
}

/** A piece of a stream. `count` tokens have come, this one included. */
export function chunkBody(
  { body, promptTokens, index }: CompletionHead,
  { text, id, logprobs, draw }: TokenPart,
  count: number,
): object {
  const probabilities = logprobs ? likely(logprobs) : draw ? drawn(draw) : undefined;
  return {
    index,
    content: text,
    tokens: [id],
    stop: false,
    id_slot: body.id_slot ?? -1,
    tokens_predicted: count,
    tokens_evaluated: promptTokens.length,
    ...(probabilities && { completion_probabilities: [probabilities] }),
  };
}

/** The body of an answer. The last of a stream has it without the text and the tokens, which came before. */
export function finalBody(
  { model, body, promptTokens, index }: CompletionHead,
  done: DonePart,
  isStream: boolean,
): Record<string, unknown> {
  const { usage, stopReason } = done;
  const probabilities = done.logprobs?.map(likely) ?? done.draws?.map(drawn);
  return {
    index,
    content: isStream ? '' : done.text,
    tokens: isStream || body.return_tokens !== true ? [] : done.tokens,
    id_slot: body.id_slot ?? -1,
    stop: true,
    model: done.model,
    tokens_predicted: usage.completionTokens,
    tokens_evaluated: usage.promptTokens,
    generation_settings: generationSettings(model, body),
    prompt: model.tokenizer.decode(promptTokens),
    has_new_line: done.text.includes('\n'),
    truncated: stopReason.kind === 'context_end',
    stop_type: STOP_TYPES[stopReason.kind],
    stopping_word: done.stopSequence ?? '',
    tokens_cached: usage.promptTokens + Math.max(0, usage.completionTokens - 1),
    timings: timingsOf(done),
    ...(!isStream && probabilities && { completion_probabilities: probabilities }),
  };
}

/** The fields of a body that a client asked for, by their paths (`generation_settings/n_predict`); all of it if it asked for none. */
export function chosenFields(body: Record<string, unknown>, paths: readonly string[] | null | undefined): object {
  if (paths == null || paths.length === 0) return body;
  const chosen = paths.flatMap((path) => {
    const value = path
      .split('/')
      .reduce<unknown>(
        (inner, name) =>
          typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name)
            ? (inner as Record<string, unknown>)[name]
            : undefined,
        body,
      );
    return value === undefined ? [] : [[path, value] as const];
  });
  return Object.fromEntries(chosen);
}

const likely = (entry: TokenLogprobs): object => ({ ...likelyToken(entry), top_logprobs: entry.top.map(likelyToken) });
const likelyToken = ({ id, text, bytes, logprob }: TokenProbability): object => ({
  id,
  token: text,
  bytes: Array.from(bytes),
  logprob: finite(logprob),
});

/** The same after the sampler chain. */
const drawn = (draw: TokenDraw): object => ({ ...drawnToken(draw), top_probs: draw.candidates.map(drawnToken) });
const drawnToken = ({ id, text, bytes, probability }: DrawnToken): object => ({
  id,
  token: text,
  bytes: Array.from(bytes),
  prob: probability,
});
