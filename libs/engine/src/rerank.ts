import { StarlingError, parameterError } from '@starling/core';
import type { Tokenizer } from '@starling/tokenizer';
import { encoded, type Steps } from './aside/steps.js';
import type { EmbedInput } from './embed.js';
import type { EngineModelInfo } from './model-types.js';

export interface RerankOptions {
  /** How many of the best are given. Default: all. */
  readonly top?: number;
  /** How much of each adapter is added, by its id. Those that are not named have the scale of `model.adapters`. */
  readonly adapters?: Readonly<Record<string, number>>;
  readonly signal?: AbortSignal;
}

/** How well a document fits a query. */
export interface RankedDocument {
  /** Its place in the list that was given. */
  readonly index: number;
  /** What the model's head says: larger is better. A probability only where its head gives one. */
  readonly score: number;
}

export interface RerankResult {
  /** The best first; of equals the earlier. */
  readonly results: readonly RankedDocument[];
  readonly promptTokens: number;
}

/** What a query and a document are put into, by the name of a template in the file: `{query}` and `{document}` stand for them. */
export const RERANK_TEMPLATE_KEY = 'tokenizer.chat_template.rerank';

/** What ranks. */
export interface Ranker {
  readonly info: Pick<EngineModelInfo, 'ranks' | 'rankTemplate' | 'name'>;
  readonly tokenizer: Tokenizer;
  readonly metadata?: { get(key: string): unknown };
}

/** What a model that ranks is given. @throws StarlingError not_supported if it was not made for that, invalid_request if there is no document */
export function rankedInputs(
  { info: { ranks, rankTemplate, name }, tokenizer, metadata }: Ranker,
  query: string,
  documents: readonly string[],
): Steps<EmbedInput[]> {
  if (!ranks)
    throw new StarlingError('not_supported', `model ${name} ranks nothing: load one that was made for it`, {
      details: { param: 'model', model: name },
    });
  if (documents.length === 0)
    throw parameterError('invalid_request', 'documents', 'must be a list of at least one text');
  const template = metadata?.get(RERANK_TEMPLATE_KEY);
  return rerankInputs(tokenizer, typeof template === 'string' ? template : rankTemplate, query, documents);
}

/** Documents by their scores, of equals the earlier first. */
export function bestFirst(scores: readonly Float32Array[]): RankedDocument[] {
  return scores.map(([score], index) => ({ index, score })).sort((a, b) => b.score - a.score || a.index - b.index);
}

/** A query and each document as ranking models know them: in the template of the file, else as the vocabulary joins two texts. */
export function* rerankInputs(
  tokenizer: Tokenizer,
  template: string | undefined,
  query: string,
  documents: readonly string[],
): Steps<EmbedInput[]> {
  const join = template === undefined ? yield* pairing(tokenizer, query) : yield* filling(tokenizer, template, query);
  const inputs: EmbedInput[] = [];
  for (const document of documents) {
    inputs.push(yield* join(document));
    yield { kind: 'pause' };
  }
  return inputs;
}

type Join = (document: string) => Steps<EmbedInput>;

/** Begin, query, end, a further separator where the vocabulary has one between texts, document, end. */
function* pairing(tokenizer: Tokenizer, query: string): Steps<Join> {
  const { bos, eos, sep, addBos, addEos, addSep = false } = tokenizer.special;
  const one = (id: number | undefined): number[] => (id === undefined ? [] : [id]);
  const isWordPiece = tokenizer.kind === 'wordpiece';
  const end = isWordPiece ? one(sep) : addEos ? one(eos ?? sep) : [];
  const first = [
    ...(addBos ? one(bos) : []),
    ...(yield* encoded(tokenizer, query)),
    ...end,
    ...(addSep && !isWordPiece ? one(sep ?? eos) : []),
  ];
  return function* (document) {
    return {
      tokens: Uint32Array.from([...first, ...(yield* encoded(tokenizer, document)), ...end]),
      secondFrom: first.length,
    };
  };
}

/** The template with both texts in it. Names of control tokens in the texts are text: where there are any, the texts are encoded apart from what is around them. */
function* filling(tokenizer: Tokenizer, template: string, query: string): Steps<Join> {
  const pieces = template.split(/(\{query\}|\{document\})/);
  const isQueryPlain = yield* isPlain(tokenizer, query);
  return function* (document) {
    const parts = pieces.map((text) => ({
      text: text === '{query}' ? query : text === '{document}' ? document : text,
      isTemplate: text !== '{query}' && text !== '{document}',
    }));
    if (isQueryPlain && (yield* isPlain(tokenizer, document)))
      return { tokens: yield* encoded(tokenizer, parts.map(({ text }) => text).join(''), { parseSpecial: true }) };
    const ids: number[] = [];
    for (const { text, isTemplate } of parts)
      for (const id of yield* encoded(tokenizer, text, { parseSpecial: isTemplate })) ids.push(id);
    return { tokens: Uint32Array.from(ids) };
  };
}

/** Whether a text names no control token. */
function* isPlain(tokenizer: Tokenizer, text: string): Steps<boolean> {
  const parsed = yield* encoded(tokenizer, text, { parseSpecial: true });
  const plain = yield* encoded(tokenizer, text);
  return parsed.length === plain.length && parsed.every((id, i) => id === plain[i]);
}
