import { StarlingError } from '@starling/core';
import type { ModelRegistry } from '@starling/engine';
import type { ModelDirectory, ModelEntry } from './parts.js';

/** What the app knows of a model beside the registry. */
export interface ModelFacts {
  /** Of its file, hex. */
  sha256?: string;
  loadedAt?: Date;
}

/** The engine's registry as the app's list of models, with the app's own facts by name. */
export function directoryOf(registry: Pick<ModelRegistry, 'get' | 'list'>, facts: ReadonlyMap<string, ModelFacts>): ModelDirectory {
  return {
    pick(name) {
      const entries = registry.list();
      if (name === undefined && !entries.some(({ state }) => state === 'ready') && entries.some(({ state }) => state === 'loading')) {
        throw new StarlingError('model_not_loaded', 'the model is still loading', { details: { param: 'model', state: 'loading' } });
      }
      return registry.get(name);
    },
    list: () => registry.list().map((entry): ModelEntry => ({ ...entry, ...facts.get(entry.name) })),
  };
}

/** What a file's model is called: the file's name without its ending and the number of its part. */
export function modelName(file: string): string {
  const base = file.split(/[\\/]/).at(-1) ?? file;
  return base.replace(/\.gguf$/i, '').replace(/-\d{5}-of-\d{5}$/, '');
}
