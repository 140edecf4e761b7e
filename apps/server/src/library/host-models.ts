import { StarlingError } from '@starling/core';
import type { LanguageModel, ModelRegistry, RegisteredModel } from '@starling/engine';

/** Models that come and go: a `ModelRegistry`, or whatever else lists them. */
export type HostModels = Pick<ModelRegistry, 'get' | 'list' | 'on'>;

/**
 * A fixed list of models as a registry has them.
 * @throws StarlingError invalid_argument if there is none, or if two have one name
 */
export function fixedModels(models: readonly LanguageModel[]): HostModels {
  const byName = new Map(models.map((model) => [model.info.name, model]));
  if (models.length === 0)
    throw new StarlingError('invalid_argument', 'models: there is none; give at least one, or a registry');
  if (byName.size < models.length)
    throw new StarlingError(
      'invalid_argument',
      `models: two have one name (${models.map(({ info }) => info.name).join(', ')}); load them with names of their own (option "name")`,
    );
  const entries = models.map(
    (model): RegisteredModel => ({
      name: model.info.name,
      source: model.info.source,
      state: 'ready',
      memory: model.memory,
      model,
    }),
  );
  return {
    list: () => entries,
    get(name) {
      const found = name === undefined ? models[0] : byName.get(name);
      if (found) return found;
      throw new StarlingError(
        'model_not_loaded',
        `there is no model ${name}; there are ${[...byName.keys()].join(', ')}`,
        { details: { param: 'model', model: name } },
      );
    },
    on(listener) {
      const offs = models.map((model) => model.on(listener));
      return () => offs.forEach((off) => off());
    },
  };
}
