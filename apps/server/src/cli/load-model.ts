import type { LanguageModel, LoadOptions } from '@starling/engine';
import { Starling } from '@starling/engine';
import type { CliIo } from './io.js';
import { locateModel } from './locate-model.js';
import { showProgress } from './progress.js';

/** Finds a model, and what drafts for it, and loads it, with progress. */
export async function loadModel(model: string, options: LoadOptions, io: CliIo): Promise<LanguageModel> {
  const { path } = await locateModel(model, io);
  const draftModel =
    typeof options.draftModel === 'string' ? (await locateModel(options.draftModel, io)).path : options.draftModel;
  const progress = showProgress(io, 'loading', 'bytes');
  try {
    return await Starling.load(path, {
      ...options,
      draftModel,
      onProgress: ({ done, total }) => progress.update(done, total),
    });
  } finally {
    progress.end();
  }
}
