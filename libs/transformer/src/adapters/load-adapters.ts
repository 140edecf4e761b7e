import { StarlingError } from '@starling/core';
import type { AdapterInfo } from '../runtime/model-runtime.js';
import type { Adapter, AdapterSource } from './adapter.js';
import { AdapterSet } from './adapter-set.js';
import { readAdapter } from './read-adapter.js';

/** Adapters beside one model, at most: each sequence of a step has a scale for every one. */
const MOST_ADAPTERS = 256;

/**
 * The adapters of a model of this architecture; undefined without any.
 * @throws StarlingError `invalid_model_file`, `unsupported_model`; `invalid_argument` for two of the same id
 */
export async function loadAdapters(
  sources: readonly AdapterSource[],
  architecture: string,
): Promise<AdapterSet | undefined> {
  if (sources.length === 0) return undefined;
  if (sources.length > MOST_ADAPTERS)
    throw new StarlingError(
      'invalid_argument',
      `${sources.length} adapters were given, at most ${MOST_ADAPTERS} are possible beside one model.`,
    );
  const twice = sources.find(({ id }, i) => sources.findIndex((other) => other.id === id) !== i);
  if (twice)
    throw new StarlingError('invalid_argument', `Two adapters were given the id '${twice.id}': give each its own.`, {
      details: { id: twice.id },
    });
  const adapters: Adapter[] = [];
  for (const source of sources) adapters.push(await readAdapter(source, architecture));
  return new AdapterSet(adapters);
}

/** What is told of an adapter. */
export function adapterInfo({ id, kind, digest, file }: Adapter): AdapterInfo {
  return {
    id,
    kind,
    digest,
    file: file.name,
    name: file.string('general.name'),
    taskName: file.string('adapter.lora.task_name'),
    promptPrefix: file.string('adapter.lora.prompt_prefix'),
  };
}
