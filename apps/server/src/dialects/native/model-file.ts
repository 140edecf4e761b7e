import { StarlingError } from '@starling/core';
import { parsePartName } from '@starling/gguf';
import type { ModelEntry } from '../../parts.js';
import type { Endpoint } from '../dialect.js';

/** States in which a model answers, or would be loaded to. */
const SERVED: ReadonlySet<ModelEntry['state']> = new Set(['ready', 'sleeping', 'unloaded']);

/** `GET /v1/models/NAME/file`: the GGUF file of a model, for the chat page to run it in its tab. */
export const modelFile: Endpoint = {
  method: 'GET',
  paths: ['/v1/models/:id/file'],
  access: 'user',
  isQuiet: true,
  summary:
    'The file of a model or a range of it, for the chat page to run it in its tab, where the server was started with --browser-engine',
  answers: 'file',
  handle({ models, server, param }) {
    const asked = param('id');
    if (!server.features.browserEngine)
      throw missing('this server gives no files of models: it was started without --browser-engine', asked);
    const name = models.resolve(asked);
    // Of a name that is none, or none for this caller, `pick` tells so.
    const entry = models.list().find((one) => one.name === name) ?? void models.pick(asked);
    if (entry === undefined || !isForTabs(entry))
      throw missing(`the model ${asked} is no single file that a page could run`, asked);
    return { kind: 'file', path: entry.source };
  },
};

/** Where a page finds the file of a model. */
export const fileUrl = (name: string): string => `/v1/models/${encodeURIComponent(name)}/file`;

/** Whether a page makes the same model of its file: that is the whole of it, and nothing is loaded beside it. */
export function isForTabs({ state, source, model, defaults }: ModelEntry): boolean {
  return (
    SERVED.has(state) &&
    /\.gguf$/i.test(source) &&
    parsePartName(source) === undefined &&
    // The operator's own template is told of models that are loaded.
    (model === undefined
      ? defaults?.hasOwnTemplate !== true
      : model.adapters().length === 0 && model.info.hasChatTemplate)
  );
}

const missing = (message: string, model: string): StarlingError =>
  new StarlingError('not_found', message, { details: { param: 'model', model } });
