import type { ModelDirectory, ModelEntry, ServedModel } from '../parts.js';

/**
 * The model that a request of another API's client names. Such clients often send a name that their vendor has; where one model is served it
 * can only be meant for that one, unless the name says which file is meant, as those of the cache folder do. `:latest` is what Ollama's clients
 * add.
 * @throws StarlingError model_not_loaded for another file, and for a name that none has where several are served
 */
export function pickModel(models: ModelDirectory, name: string | null | undefined): ServedModel {
  if (name == null || name === '') return models.pick();
  return models.pick(nameFor(models, name) ?? withoutTag(name));
}

/** What the model is called that such a name means; undefined: none, or one of several. */
export function nameFor(models: Pick<ModelDirectory, 'list' | 'resolve'>, name: string): string | undefined {
  const named = models.resolve(name) ?? models.resolve(withoutTag(name));
  if (named !== undefined) return named;
  const entries = models.list();
  // Those that nobody has loaded yet are there only for who calls them by their names.
  const inUse = entries.filter(({ state }) => state !== 'unloaded');
  const meant = only(inUse.length > 0 ? inUse : entries);
  return meant && canMean(meant, withoutTag(name)) ? meant.name : undefined;
}

/** A name without what Ollama's clients add to it. */
export const withoutTag = (name: string): string => name.replace(/:latest$/, '');

const only = <T>(list: readonly T[]): T | undefined => (list.length === 1 ? list[0] : undefined);

/** A repository of the hub, and which of its files. */
const HUB_NAME = /^(?:hf:|(?:https?:\/\/)?(?:hf\.co|huggingface\.co)\/)([^/]+\/[^/:]+)(?::([^/:]+))?$/;

/** Whether a name can be a model's by the file that it is from: any name can that tells of no file. */
export function canMean({ source }: Pick<ModelEntry, 'source'>, name: string): boolean {
  const file = `/${source}`.replaceAll('\\', '/').toLowerCase();
  const wanted = name.replaceAll('\\', '/').toLowerCase();
  const base = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
  const [, repository, quantization = 'latest'] = HUB_NAME.exec(wanted) ?? [];
  if (repository !== undefined)
    return file.includes(`/${repository}/`) && (quantization === 'latest' || base(file).includes(quantization));
  if (!wanted.endsWith('.gguf')) return true;
  // Of a URL only the end is kept; a path may be relative to anywhere.
  const path = /^[a-z]+:\/\//.test(wanted) ? base(wanted) : wanted.replace(/^(?:\.{0,2}\/)+/, '');
  return file.endsWith(`/${path}`);
}
