import type { AnswerMessage } from '@starling/chat';
import type { ChatSample, DonePart, TokenLogprobs, TokenProbability } from '@starling/engine';
import type { ModelEntry, ServedModel } from '../../parts.js';
import type { Call } from '../dialect.js';
import { finite } from '../finite-logprob.js';
import { canFillIn } from '../infill-tokens.js';

/** Nanoseconds, as this API has its durations. */
const nanoseconds = (ms: number): number => Math.round(ms * 1e6);

/** How long a request has taken so far, and what of it went by until its model was there. */
export function durationsOf({
  receivedAt,
  modelAt,
  server,
}: Pick<Call<unknown>, 'receivedAt' | 'modelAt' | 'server'>): object {
  return { total_duration: nanoseconds(server.clock() - receivedAt), load_duration: nanoseconds(modelAt - receivedAt) };
}

/** The figures of the last line. */
export function figuresOf({ usage, timings }: DonePart, call: Parameters<typeof durationsOf>[0]): object {
  return {
    ...durationsOf(call),
    prompt_eval_count: usage.promptTokens,
    prompt_eval_duration: nanoseconds(timings.promptMs),
    eval_count: usage.completionTokens,
    eval_duration: nanoseconds(timings.decodeMs),
  };
}

/** A token and how likely it was, in this API's shape. */
export const logprobOf = (entry: TokenLogprobs): object => ({ ...likely(entry), top_logprobs: entry.top.map(likely) });
const likely = ({ text, bytes, logprob }: TokenProbability): object => ({
  token: text,
  logprob: finite(logprob),
  bytes: Array.from(bytes),
});

export function doneReasonOf(finishReason: ChatSample['finishReason']): 'stop' | 'length' {
  return finishReason === 'length' || finishReason === 'deadline' ? 'length' : 'stop';
}

/** Calls of tools: whole, their arguments as objects. A call that was cut has none that could be one, and is left out. */
export function callsOf({ tool_calls: calls }: AnswerMessage): object[] {
  return (calls ?? []).flatMap(({ id, function: { name, arguments: text } }, index) => {
    const values = typeof text === 'string' ? parsed(text) : text;
    return values === undefined
      ? []
      : [{ ...(id !== undefined && { id }), function: { index, name, arguments: values } }];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A model in the lists of this API. What is in its file is told to those alone who run the server. */
export function modelBody({ name, sha256, loadedAt, model }: ModelEntry, isAdmin: boolean): object {
  return {
    name,
    model: name,
    modified_at: (loadedAt ?? new Date(0)).toISOString(),
    size: model?.info.weightBytes ?? 0,
    digest: isAdmin ? (sha256 ?? '') : '',
    details: model === undefined ? {} : detailsOf(model),
    ...(model !== undefined && { capabilities: capabilitiesOf(model) }),
  };
}

/**
 * What a model can do, in this API's words: clients list models by them. Tools can be called with each that answers: where its template shows none
 * they are told in words, and calls are held to their schemas all the same. Vectors are told of those alone that are made for them, since clients
 * take a model with that word for no other use.
 */
export function capabilitiesOf({ info, defaults, answerParser, tokenizer }: ServedModel): string[] {
  const pooling = defaults.pooling ?? info.pooling;
  if (!info.hasLogits) return pooling === 'rank' ? [] : ['embedding'];
  return [
    'completion',
    'tools',
    ...(canFillIn(tokenizer) ? ['insert'] : []),
    ...(answerParser.readsReasoning ? ['thinking'] : []),
    ...(pooling === undefined || pooling === 'none' || pooling === 'rank' ? [] : ['embedding']),
  ];
}

/** What is told of a model, loaded or not. */
export type ShownFacts = Pick<
  ServedModel['info'],
  | 'name'
  | 'architecture'
  | 'parameterCount'
  | 'quantization'
  | 'contextLength'
  | 'embeddingLength'
  | 'layerCount'
  | 'vocabSize'
>;

export function detailsOf({ info }: { readonly info: ShownFacts }): object {
  return {
    parent_model: '',
    format: 'gguf',
    family: info.architecture,
    families: [info.architecture],
    parameter_size: sizeOf(info.parameterCount),
    quantization_level: info.quantization,
    context_length: info.contextLength,
    embedding_length: info.embeddingLength,
  };
}

/** Metadata by the keys of GGUF files, which clients look the context length up by. */
export function modelInfoOf({ info }: { readonly info: ShownFacts }): object {
  const { architecture } = info;
  return {
    'general.architecture': architecture,
    'general.parameter_count': info.parameterCount,
    'general.basename': info.name,
    [`${architecture}.context_length`]: info.contextLength,
    [`${architecture}.embedding_length`]: info.embeddingLength,
    [`${architecture}.block_count`]: info.layerCount,
    [`${architecture}.vocab_size`]: info.vocabSize,
  };
}

/** `2.7M`, `1.2B`. */
function sizeOf(parameters: number): string {
  return parameters >= 1e9 ? `${(parameters / 1e9).toFixed(1)}B` : `${(parameters / 1e6).toFixed(1)}M`;
}
