import { UnsupportedFunctionalityError, type EmbeddingModelV3, type RerankingModelV3 } from '@ai-sdk/provider';
import { callerError } from './errors.js';
import type { HostModel } from './host-models.js';
import { embeddingOptionsOf, PROVIDER, type StarlingEmbeddingOptions } from './options.js';

/** A loaded model as the SDK has texts embedded: pooled vectors of length 1, unless options say otherwise. */
export function embeddingModelOf(
  modelId: string,
  model: () => HostModel,
  defaults: StarlingEmbeddingOptions,
): EmbeddingModelV3 {
  return {
    specificationVersion: 'v3',
    provider: `${PROVIDER}.embedding`,
    modelId,
    // The engine takes as many as there are, a few at a time.
    maxEmbeddingsPerCall: undefined,
    supportsParallelCalls: true,
    async doEmbed({ values, abortSignal: signal, providerOptions }) {
      signal?.throwIfAborted();
      try {
        const { vectors, promptTokens } = await model().embed(values, {
          ...defaults,
          ...embeddingOptionsOf(providerOptions),
          signal,
        });
        return {
          embeddings: vectors.map((vector) => Array.from(vector)),
          usage: { tokens: promptTokens },
          warnings: [],
        };
      } catch (error) {
        throw callerError(error, modelId, signal);
      }
    },
  };
}

/** A loaded model as the SDK has documents ordered by how well they fit a query. */
export function rerankingModelOf(
  modelId: string,
  model: () => HostModel,
  defaults: StarlingEmbeddingOptions,
): RerankingModelV3 {
  return {
    specificationVersion: 'v3',
    provider: `${PROVIDER}.reranking`,
    modelId,
    async doRerank({ query, documents, topN, abortSignal: signal, providerOptions }) {
      signal?.throwIfAborted();
      if (documents.type !== 'text')
        throw new UnsupportedFunctionalityError({
          functionality: 'documents that are objects (give texts: how an object is written changes its score)',
        });
      try {
        const { pooling: _, normalize: __, ...terms } = { ...defaults, ...embeddingOptionsOf(providerOptions) };
        const { results } = await model().rerank(query, documents.values, { ...terms, top: topN, signal });
        return { ranking: results.map(({ index, score }) => ({ index, relevanceScore: score })), warnings: [] };
      } catch (error) {
        throw callerError(error, modelId, signal);
      }
    },
  };
}
