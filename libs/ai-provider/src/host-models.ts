import { NoSuchModelError } from '@ai-sdk/provider';
import { isStarlingError, StarlingError } from '@starling/core';
import type { LanguageModel } from '@starling/engine';

/** What of a loaded model is asked here. */
export type HostModel = Pick<LanguageModel, 'info' | 'answerParser' | 'beside' | 'embed' | 'rerank'>;

/** Models by name, that may come and go: the engine's `ModelRegistry`, or whatever else has them. */
export interface HostModels {
  /** @throws StarlingError model_not_loaded */
  get(name?: string): HostModel;
}

/** The SDK's words for what a model is asked for. */
export type ModelType = 'languageModel' | 'embeddingModel' | 'rerankingModel';

/** Gives a model, each time that it is asked for: who has it may have replaced it. @throws NoSuchModelError */
export type FindModel = (type: ModelType, name: string | undefined) => HostModel;

/** Finds among models that are there, or in a registry. */
export function finderOf(models: HostModel | readonly HostModel[] | HostModels): FindModel {
  const source: HostModels = 'get' in models ? models : listed('length' in models ? models : [models]);
  return (modelType, name) => {
    try {
      return source.get(name);
    } catch (error) {
      if (!isStarlingError(error, 'model_not_loaded')) throw error;
      throw new NoSuchModelError({ modelType, modelId: name ?? '', message: error.message });
    }
  };
}

function listed(models: readonly HostModel[]): HostModels {
  return {
    get(name) {
      const found = name === undefined ? models[0] : models.find(({ info }) => info.name === name);
      if (found !== undefined) return found;
      throw new StarlingError(
        'model_not_loaded',
        name === undefined
          ? 'the provider was given no model'
          : `there is no model ${name}; there are ${models.map(({ info }) => info.name).join(', ')}`,
      );
    },
  };
}
