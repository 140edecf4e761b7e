import type { LanguageModel } from '../language-model.js';
import type { CloseOptions, EmbedOptions, TokenizeOptions } from '../model-types.js';
import type { RerankOptions } from '../rerank.js';

type Input = string | ArrayLike<number> | readonly (string | ArrayLike<number>)[];

/** What pages may ask of a model beside generations. The signal fires when the page has no use for it any more. */
export const MODEL_CALLS = {
  tokenize: (model, _signal, text: string, options?: TokenizeOptions) => model.tokenize(text, options),
  tokenizeWithOffsets: (model, _signal, text: string, options?: TokenizeOptions) =>
    model.tokenizeWithOffsets(text, options),
  detokenize: (model, _signal, tokens: ArrayLike<number>) => model.detokenize(tokens),
  countTokens: (model, _signal, ...input: Parameters<LanguageModel['countTokens']>) => model.countTokens(...input),
  applyTemplate: (model, _signal, ...input: Parameters<LanguageModel['applyTemplate']>) =>
    model.applyTemplate(...input),
  embed: (model, signal, input: Input, options?: EmbedOptions) => model.embed(input, { ...options, signal }),
  rerank: (model, signal, query: string, documents: readonly string[], options?: RerankOptions) =>
    model.rerank(query, documents, { ...options, signal }),
  statistics: (model) => model.statistics(),
  close: (model, _signal, options?: CloseOptions) => model.close(options),
} as const satisfies Record<string, (model: LanguageModel, signal: AbortSignal, ...given: never[]) => unknown>;

export type ModelCall = keyof typeof MODEL_CALLS;

/** What a call is given. */
export type GivenTo<Call extends ModelCall> =
  Parameters<(typeof MODEL_CALLS)[Call]> extends [unknown?, unknown?, ...infer Given] ? Given : never;

/** What comes of a call. */
export type ResultOf<Call extends ModelCall> = Awaited<ReturnType<(typeof MODEL_CALLS)[Call]>>;
