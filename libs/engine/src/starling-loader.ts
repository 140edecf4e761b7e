import { openGguf, type GgufModel } from '@starling/gguf';
import { ComputeTurns } from '@starling/kernels';
import type { LanguageModel } from './language-model.js';
import { estimateModel, loadModel, type RuntimeLoader, type RuntimePlanner } from './load-model.js';
import type { AdapterOptions, LoadOptions } from './load-options.js';
import type { ModelData } from './model-data.js';
import type { ModelMemory } from './model-types.js';
import { ModelRegistry } from './registry.js';

/** A file, and what is loaded beside it. */
export interface ModelFile {
  /** In Node, Bun and Deno the path of a GGUF file; in a browser its URL, which may be relative to the page. Any part of a split file stands for all of them. */
  readonly path: string;
  readonly adapters?: readonly AdapterOptions[];
  /** A smaller model that drafts for it. */
  readonly draftModel?: string | ModelData;
}

/** A GGUF file by its path (in a browser: its URL), alone or with what is loaded beside it, or its bytes. */
export type ModelSource = string | ModelFile | ModelData;

/** Loads models from files and from bytes. */
export interface StarlingLoader {
  /**
   * Loads a GGUF model. Unless `name` says otherwise it is called by its file's name, without its ending and the number of its part.
   * In Node it is refused if it would take more than all memory; in a browser, whose memory nobody can ask for, only by `memoryLimitBytes`.
   * @throws StarlingError file_not_found, download_failed, invalid_model_file, invalid_vocabulary, unsupported_model, out_of_memory with figures
   */
  load(source: ModelSource, options?: LoadOptions): Promise<LanguageModel>;
  /** What a model would take, to the byte, from its header alone. @throws StarlingError as loading does */
  estimate(source: ModelSource, options?: LoadOptions): Promise<ModelMemory>;
  /** A registry of models by name in one memory limit: `memoryLimitBytes`, else in Node all memory, in a browser none. Its models take turns at computing, a step each: together they use no more threads than one. */
  registry(options?: LoadOptions): ModelRegistry<ModelSource>;
}

/** What a platform has of its own. */
export interface LoaderPlatform {
  /** Opens a file by its path or URL. */
  readonly openFile: (path: string) => Promise<GgufModel>;
  readonly loadRuntime: RuntimeLoader;
  readonly planRuntime: RuntimePlanner;
  /** Options where a caller names none; `path` is undefined for bytes. */
  readonly defaults: (path: string | undefined) => LoadOptions;
}

/** The loader of a platform. */
export function starlingLoader(platform: LoaderPlatform): StarlingLoader {
  const open = (source: ModelSource): Promise<GgufModel> =>
    typeof source !== 'string' && 'data' in source ? openGguf(source.data) : platform.openFile(pathOf(source)!);
  const withFile = async <T>(source: ModelSource, use: (file: GgufModel) => Promise<T>): Promise<T> => {
    const file = await open(source);
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  };
  const load: StarlingLoader['load'] = (source, options = {}) => {
    const resolved = {
      ...platform.defaults(pathOf(source)),
      ...withBeside(source, options),
      name: options.name ?? nameOf(source),
    };
    return withFile(source, (file) => loadModel(file, file.name, resolved, platform.loadRuntime, open));
  };
  const estimate: StarlingLoader['estimate'] = (source, options = {}) =>
    withFile(source, (file) => estimateModel(file, withBeside(source, options), platform.planRuntime, open));
  return {
    load,
    estimate,
    registry: (options = {}) => {
      const turns = options.turns ?? new ComputeTurns();
      return new ModelRegistry<ModelSource>({
        memoryLimitBytes: options.memoryLimitBytes ?? platform.defaults(undefined).memoryLimitBytes,
        loader: {
          load: (source, own) => load(source, { ...options, ...own, turns, memoryLimitBytes: Infinity }),
          estimate: (source) => estimate(source, options),
          describe: (source) => pathOf(source) ?? 'memory',
        },
      });
    },
  };
}

const pathOf = (source: ModelSource): string | undefined =>
  typeof source === 'string' ? source : 'path' in source ? source.path : undefined;

/** Options with what a source says is loaded beside it. */
const withBeside = (source: ModelSource, options: LoadOptions): LoadOptions =>
  typeof source === 'string' || 'data' in source
    ? options
    : {
        ...options,
        adapters: [...(options.adapters ?? []), ...(source.adapters ?? [])],
        draftModel: source.draftModel ?? options.draftModel,
      };

/** A file's name without folders, its ending and the number of its part, and of a URL without what comes behind its path. */
function nameOf(source: ModelSource): string | undefined {
  const path = pathOf(source);
  const file = path && /^(https?|blob):/i.test(path) ? path.replace(/[?#].*$/s, '') : path;
  return file
    ?.split(/[\\/]/)
    .at(-1)
    ?.replace(/\.gguf$/i, '')
    .replace(/-\d{5}-of-\d{5}$/, '');
}
