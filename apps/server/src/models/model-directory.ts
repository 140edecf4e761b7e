import { StarlingError } from '@starling/core';
import type { LanguageModel, ModelRegistry } from '@starling/engine';
import type { ModelDirectory, ModelEntry, ServedModel } from '../parts.js';
import type { CatalogModel, ModelCatalog } from './model-catalog.js';
import { fits } from './model-name.js';
import { servedModel, type ServedOptions } from './served-model.js';

/** What the app knows of a model beside the registry. */
export interface ModelFacts {
  /** Of its file, hex. */
  sha256?: string;
  loadedAt?: Date;
}

export interface DirectoryOptions {
  /** What a model is served with, by its name. */
  readonly optionsOf?: (name: string) => ServedOptions;
  /** Models that were loaded and gave their memory back, as they were: their facts are told, also while they are being loaded again. */
  readonly dormant?: ReadonlyMap<string, ModelEntry>;
  /** Models that can be loaded. */
  readonly catalog?: Pick<ModelCatalog, 'list' | 'find'>;
  /** When a model gives its memory back if nobody asks it. */
  readonly expiresAt?: (name: string) => Date | undefined;
}

const NOTHING_SAID: ServedOptions = { defaults: {}, aliases: [], tags: [] };
const NO_CATALOG: Pick<ModelCatalog, 'list' | 'find'> = { list: () => [], find: () => undefined };

/**
 * The engine's registry as the app's list of models, with the app's own facts by name, and with the models that could be loaded behind those that are.
 */
export function directoryOf(
  registry: Pick<ModelRegistry, 'get' | 'list'>,
  facts: ReadonlyMap<string, ModelFacts>,
  {
    optionsOf = () => NOTHING_SAID,
    dormant = new Map(),
    catalog = NO_CATALOG,
    expiresAt = () => undefined,
  }: DirectoryOptions = {},
): ModelDirectory & { reset(): void } {
  let served = new WeakMap<LanguageModel, ServedModel>();
  const serve = (model: LanguageModel, name: string): ServedModel => {
    const known = served.get(model) ?? servedModel(model, optionsOf(name));
    served.set(model, known);
    return known;
  };
  const unloaded = ({ name, path, sha256 }: CatalogModel): ModelEntry => {
    const { aliases, defaults } = optionsOf(name);
    return { name, state: 'unloaded', source: path, sha256, aliases, defaults };
  };
  const list = (): ModelEntry[] => {
    const loaded = registry.list();
    const isAsleep = (name: string): boolean =>
      dormant.has(name) &&
      !loaded.some((entry) => entry.name === name && (entry.state === 'ready' || entry.state === 'draining'));
    const awake = loaded
      .filter(({ name }) => !isAsleep(name))
      .map(
        ({ model, ...entry }): ModelEntry => ({
          ...entry,
          ...facts.get(entry.name),
          expiresAt: expiresAt(entry.name),
          ...(model && { model: serve(model, entry.name) }),
        }),
      );
    const asleep = [...dormant.values()]
      .filter(({ name }) => isAsleep(name))
      .map((entry): ModelEntry => ({ ...entry, state: 'sleeping', expiresAt: undefined }));
    const there = new Set([...asleep, ...awake].map(({ name }) => name));
    return [
      ...asleep,
      ...awake,
      ...catalog
        .list()
        .filter(({ name }) => !there.has(name))
        .map(unloaded),
    ];
  };
  const resolve = (asked?: string): string | undefined => {
    const entries = list();
    if (asked !== undefined) {
      if (entries.some(({ name }) => name === asked)) return asked;
      const called = entries.find(({ name, model }) =>
        (model?.aliases ?? optionsOf(name).aliases).some((alias) => fits(alias, asked)),
      );
      return called?.name ?? catalog.find(asked)?.name;
    }
    const [first] = catalog.list();
    const inUse = entries.filter(({ state }) => state === 'ready' || state === 'sleeping');
    // The order in which models were loaded first outlives that they come and go.
    const order = new Map(catalog.list().map(({ name }, i) => [name, i]));
    return (
      inUse.sort((a, b) => (order.get(a.name) ?? Infinity) - (order.get(b.name) ?? Infinity)).at(0)?.name ??
      (entries.length === 1 ? first?.name : undefined)
    );
  };
  return {
    /** What models are served with was changed. */
    reset: () => void (served = new WeakMap<LanguageModel, ServedModel>()),
    list,
    resolve,
    pick(asked) {
      const entries = registry.list();
      if (
        asked === undefined &&
        !entries.some(({ state }) => state === 'ready') &&
        entries.some(({ state }) => state === 'loading')
      ) {
        throw new StarlingError('model_not_loaded', 'the model is still loading', {
          details: { param: 'model', state: 'loading' },
        });
      }
      const name = resolve(asked) ?? asked;
      const isReady = entries.some((entry) => entry.name === name && entry.state === 'ready');
      const asleep = isReady || name === undefined ? undefined : dormant.get(name)?.model;
      if (asleep) return asleep;
      if (!isReady && name !== undefined && catalog.find(name) && !entries.some((entry) => entry.name === name)) {
        throw new StarlingError('model_not_loaded', `model ${name} is not loaded: load it with POST /v1/models/load`, {
          details: { param: 'model', model: name, state: 'unloaded' },
        });
      }
      const model = registry.get(name);
      return serve(model, model.info.name);
    },
  };
}
