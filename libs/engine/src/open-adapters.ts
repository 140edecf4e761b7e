import { StarlingError } from '@starling/core';
import type { GgufModel } from '@starling/gguf';
import type { AdapterSource } from '@starling/transformer';
import type { AdapterOptions } from './load-options.js';

/** Opens what is loaded beside a model: an adapter, or what drafts. */
export type AdapterOpener = (source: AdapterOptions['source']) => Promise<GgufModel>;

/** Adapters whose files are open. */
export interface OpenAdapters {
  readonly sources: readonly AdapterSource[];
  readonly scales: readonly number[];
  close(): Promise<void>;
}

/**
 * Opens adapters. Those without an id get the name of their file.
 * @throws StarlingError as opening does; `invalid_argument` for a scale that is no number
 */
export async function openAdapters(options: readonly AdapterOptions[], open: AdapterOpener): Promise<OpenAdapters> {
  const sources: AdapterSource[] = [];
  const close = async (): Promise<void> => void (await Promise.all(sources.map(({ file }) => file.close())));
  try {
    for (const { source, id, scale = 1, layers } of options) {
      if (!Number.isFinite(scale))
        throw new StarlingError(
          'invalid_argument',
          `The scale of an adapter is ${scale}, where a number is expected.`,
          { details: { param: 'adapters' } },
        );
      const file = await open(source);
      sources.push({ id: id ?? nameOf(file), file, layers });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { sources, scales: options.map(({ scale = 1 }) => scale), close };
}

const nameOf = ({ name }: GgufModel): string => (name.split(/[\\/]/).at(-1) ?? name).replace(/\.gguf$/i, '');
