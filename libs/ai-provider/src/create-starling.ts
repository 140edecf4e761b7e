import {
  NoSuchModelError,
  type EmbeddingModelV3,
  type LanguageModelV3,
  type ProviderV3,
  type RerankingModelV3,
} from '@ai-sdk/provider';
import { ChatLanguageModel } from './chat-model.js';
import { embeddingModelOf, rerankingModelOf } from './embedding-models.js';
import { finderOf, type HostModel, type HostModels, type ModelType } from './host-models.js';
import type { StarlingEmbeddingOptions, StarlingOptions } from './options.js';

export interface StarlingProviderSettings {
  /** What answers: a loaded model, several (the first being the one that is meant where no name is given), or a registry, whose models come and go. They stay their owner's, who closes them. */
  readonly models: HostModel | readonly HostModel[] | HostModels;
  /** Options of all answers, where `providerOptions.starling` of a call does not say otherwise: a tenant, stages of the sampler. */
  readonly defaults?: StarlingOptions;
  /** The same for embeddings and rankings. */
  readonly embeddingDefaults?: StarlingEmbeddingOptions;
}

/** A provider of the AI SDK whose models run in this process. Models are named as they were loaded; without a name the first is meant. */
export interface StarlingProvider extends ProviderV3 {
  /** The same as `languageModel`. */
  (modelId?: string): LanguageModelV3;
  languageModel(modelId?: string): LanguageModelV3;
  embeddingModel(modelId?: string): EmbeddingModelV3;
  textEmbeddingModel(modelId?: string): EmbeddingModelV3;
  rerankingModel(modelId?: string): RerankingModelV3;
}

/**
 * Makes a provider of models that are loaded in this process: `generateText({ model: createStarling({ models: model })() })`.
 * A name that nothing has is refused where a model is asked for it (`NoSuchModelError`), with a registry when it is called.
 */
export function createStarling({
  models,
  defaults = {},
  embeddingDefaults = {},
}: StarlingProviderSettings): StarlingProvider {
  const find = finderOf(models);
  const isRegistry = 'get' in models;
  /** The name of a model, and how it is had when it is called. */
  const named = (type: ModelType, name: string | undefined): readonly [string, () => HostModel] => {
    const modelId = isRegistry ? (name ?? find(type, name).info.name) : find(type, name).info.name;
    return [modelId, () => find(type, modelId)];
  };
  const languageModel = (name?: string): LanguageModelV3 =>
    new ChatLanguageModel(...named('languageModel', name), defaults);
  const embeddingModel = (name?: string): EmbeddingModelV3 =>
    embeddingModelOf(...named('embeddingModel', name), embeddingDefaults);
  const noImages = (modelId: string): never => {
    throw new NoSuchModelError({
      modelType: 'imageModel',
      modelId,
      message: 'models here write text: they make no images',
    });
  };
  return Object.assign((name?: string) => languageModel(name), {
    specificationVersion: 'v3' as const,
    languageModel,
    embeddingModel,
    textEmbeddingModel: embeddingModel,
    rerankingModel: (name?: string) => rerankingModelOf(...named('rerankingModel', name), embeddingDefaults),
    imageModel: noImages,
  });
}
